#include "core/clock.h"

#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"

enum { STATS_SECONDS = 5, STATS_SQUARE_BASE = 256 };

DECL_CONSTANT("STATS_SUMSQ_BASE", 256);
DECL_RESPONSE(clock_response, "clock clock=%u");
DECL_RESPONSE(uptime_response, "uptime high=%u clock=%u");
DECL_RESPONSE(stats_response, "stats count=%u sum=%u sumsq=%u");

static struct {
    struct timer heartbeat; /* always running, so that there is always a timer */
    uint32_t low, high;     /* 64-bit uptime as of the last heartbeat */
} uptime;

static struct {
    uint32_t count, sum, sum_of_squares; /* squares in units of STATS_SQUARE_BASE */
    uint32_t carried;
    uint32_t since; /* clock of the last report */
} stats;

static struct task_wake stats_wake;

/* Timer context. */
static enum timer_verdict beat(struct timer *timer)
{
    uint32_t now = board_clock();
    if (now < uptime.low)
        uptime.high++;
    uptime.low = now;
    task_wake(&stats_wake);
    /* Kept in step with the clock, but never behind it: a suspended process must not fail for this. */
    timer->clock += BOARD_CLOCK_FREQ / 10;
    if (clock_before(timer->clock, now))
        timer->clock = now + BOARD_CLOCK_FREQ / 10;
    return TIMER_AGAIN;
}

/* Interrupts off. */
static void start_heartbeat(void)
{
    uptime.heartbeat.run = beat;
    uptime.heartbeat.clock = board_clock() + BOARD_CLOCK_FREQ / 10;
    timer_insert(&uptime.heartbeat);
}

void clock_init(void)
{
    stats.since = board_clock();
    start_heartbeat();
}
DECL_INIT(clock_init);

/* Interrupts off. */
void clock_on_shutdown(void)
{
    start_heartbeat();
}
DECL_ON_SHUTDOWN(clock_on_shutdown);

void command_get_clock(const message_word *args)
{
    (void)args;
    respond(clock_response, board_clock());
}
DECL_COMMAND_ALWAYS(command_get_clock, "get_clock");

void command_get_uptime(const message_word *args)
{
    (void)args;
    board_irq_state irq = board_irq_save();
    uint32_t now = board_clock();
    uint32_t high = uptime.high + (now < uptime.low);
    board_irq_restore(irq);
    respond(uptime_response, high, now);
}
DECL_COMMAND_ALWAYS(command_get_uptime, "get_uptime");

/* The square of a number of ticks, rounded up to STATS_SQUARE_BASE, without 64-bit arithmetic. */
static uint32_t square(uint32_t ticks)
{
    if (ticks <= 0xffff)
        return (ticks * ticks + (STATS_SQUARE_BASE - 1)) / STATS_SQUARE_BASE;
    if (ticks <= 0xfffff)
        return (ticks + (STATS_SQUARE_BASE - 1)) / STATS_SQUARE_BASE * ticks;
    return UINT32_MAX;
}

void clock_count_busy(uint32_t ticks)
{
    stats.carried += ticks;
}

void clock_count_round(uint32_t ticks)
{
    ticks += stats.carried;
    stats.carried = 0;
    uint32_t squares = stats.sum_of_squares + square(ticks);
    stats.count++;
    stats.sum += ticks;
    stats.sum_of_squares = squares < stats.sum_of_squares ? UINT32_MAX : squares;
}

/* Task context. */
void stats_task(void)
{
    if (!task_woken(&stats_wake))
        return;
    uint32_t now = board_clock();
    if (now - stats.since < (uint32_t)STATS_SECONDS * BOARD_CLOCK_FREQ)
        return;
    respond(stats_response, stats.count, stats.sum, stats.sum_of_squares);
    stats.count = stats.sum = stats.sum_of_squares = 0;
    stats.since = now;
}
DECL_TASK(stats_task);
