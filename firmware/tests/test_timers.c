/* The list of timers: order, wrap-around, lateness, uptime. */
#include "check.h"
#include "core/mcu.h"
#include "core/timers.h"
#include "fake_board.h"
#include "fake_host.h"

extern const uint16_t TIMER_IN_PAST;
extern const struct message_format uptime_response, stats_response, shutdown_response;
void command_get_uptime(const message_word *args);

static struct timer timers[50];
static uint32_t ran[200];
static unsigned run_count;

static enum timer_verdict note(struct timer *timer)
{
    CHECK_EQUAL(fake.now, timer->clock);
    ran[run_count++] = (uint32_t)(timer - timers);
    return TIMER_DONE;
}

static void start(unsigned index, uint32_t clock)
{
    timers[index] = (struct timer){.run = note, .clock = clock};
    timer_insert(&timers[index]);
}

/* In the order of their clocks, around the wrap, and equal clocks in the order of their starts. */
static void order(void)
{
    uint32_t begin = UINT32_MAX - 20;
    fake_boot(begin);
    run_count = 0;
    for (unsigned i = 0; i < 50; i++)
        start(i, begin + (i * 37) % 50 / 2);
    fake_run_until(begin + 100);
    CHECK_EQUAL(run_count, 50);
    for (unsigned i = 1; i < 50; i++) {
        uint32_t before = timers[ran[i - 1]].clock, after = timers[ran[i]].clock;
        CHECK(!clock_before(after, before));
        CHECK(before != after || ran[i - 1] < ran[i]);
    }
}

static void stop(void)
{
    fake_boot(0);
    run_count = 0;
    for (unsigned i = 0; i < 10; i++)
        start(i, 100 + i);
    for (unsigned i = 0; i < 10; i += 2)
        timer_stop(&timers[i]);
    timer_stop(&timers[4]); /* isn't there any more */
    fake_run_until(200);
    CHECK_EQUAL(run_count, 5);
    for (unsigned i = 0; i < 5; i++)
        CHECK_EQUAL(ran[i], 2 * i + 1);
}

static enum timer_verdict every_100(struct timer *timer)
{
    timer->clock += 100;
    return TIMER_AGAIN;
}

/* A timer that puts itself back too far in the past ends the show; a little is made up for. */
static void lateness(void)
{
    fake_boot(0);
    host_reset();
    timers[0] = (struct timer){.run = every_100, .clock = 100};
    timer_insert(&timers[0]);
    fake_run_until(550);
    fake_stall(900);
    CHECK(!is_shutdown());
    CHECK_EQUAL(timers[0].clock, 1500);
    fake_stall(1300);
    CHECK(is_shutdown());
    CHECK(host_saw_shutdown(&TIMER_IN_PAST));
}

/* A process that was suspended for a minute with nothing to do goes on. */
static void suspended(void)
{
    fake_boot(0);
    fake_stall(60 * 1000000);
    CHECK(!is_shutdown());
}

static void uptime(void)
{
    uint32_t clock = UINT32_MAX - 3000000;
    fake_boot(clock);
    host_reset();
    host_send(command_get_uptime);
    uint32_t high = (uint32_t)host_read(&uptime_response)[0];
    for (int wraps = 1; wraps < 4; wraps++) {
        for (int quarters = 0; quarters < 4; quarters++)
            fake_run_until(clock += 1u << 30);
        host_send(command_get_uptime);
        const message_word *words = host_read(&uptime_response);
        CHECK_EQUAL(words[0], high + wraps);
        CHECK_EQUAL(words[1], clock);
        host_forget();
    }
    /* Just behind a wrap that no heartbeat has seen yet. */
    fake_run_until(UINT32_MAX - 10);
    fake.now += 20;
    host_send(command_get_uptime);
    const message_word *words = host_read(&uptime_response);
    CHECK_EQUAL(words[0], high + 4);
    CHECK_EQUAL(words[1], 9);
}

static void stats(void)
{
    fake_boot(0);
    host_reset();
    fake_run_until(4999999);
    CHECK(!host_read(&stats_response));
    fake_run_until(5100000);
    CHECK(host_read(&stats_response)[0] > 10);
    fake_run_until(9999999);
    CHECK(!host_read(&stats_response));
    fake_run_until(10200000);
    CHECK(host_read(&stats_response));
    CHECK(!host_read(&stats_response));
}

void test_timers(void)
{
    order();
    stop();
    lateness();
    suspended();
    uptime();
    stats();
}
