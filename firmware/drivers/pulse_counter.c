/* Pulse counters: count the edges of an input by polling it, as for a fan's tachometer. */
#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "core/objects.h"

DECL_RESPONSE(counter_state_response, "counter_state oid=%c next_clock=%u count=%u count_clock=%u");

struct counter {
    struct timer timer;
    struct board_input pin;
    uint32_t poll_ticks;
    uint32_t sample_ticks; /* between reports */
    uint32_t next_clock;   /* of the next report */
    uint32_t count, count_clock;               /* edges so far, and the clock of the last poll */
    uint32_t reported_count, reported_clock;   /* as of the last report */
    bool level;
    volatile bool report_wanted;
};

static const struct object_kind counter_kind;
static struct task_wake counter_wake;

/* Timer context. */
static enum timer_verdict poll(struct timer *timer)
{
    struct counter *c = (struct counter *)timer;
    bool level = board_input_read(c->pin);
    if (level != c->level) {
        c->level = level;
        c->count++;
        c->count_clock = timer->clock;
    }
    if (!clock_before(timer->clock, c->next_clock)) {
        c->next_clock += c->sample_ticks;
        c->reported_count = c->count;
        c->reported_clock = c->count_clock;
        c->report_wanted = true;
        task_wake(&counter_wake);
    }
    timer->clock += c->poll_ticks;
    return TIMER_AGAIN;
}

/* Task context. */
static void report(struct counter *c, uint8_t oid)
{
    board_irq_state irq = board_irq_save();
    uint32_t next_clock = c->next_clock, count = c->reported_count, clock = c->reported_clock;
    c->report_wanted = false;
    board_irq_restore(irq);
    respond(counter_state_response, oid, next_clock, count, clock);
}

/* Task context. */
void pulse_counter_task(void)
{
    if (!task_woken(&counter_wake))
        return;
    struct counter *c;
    for (uint_fast8_t oid = 0; (c = object_next(&counter_kind, &oid)); oid++)
        if (c->report_wanted)
            report(c, oid);
}
DECL_TASK(pulse_counter_task);

/* Task context, as all commands. */
void command_config_counter(const message_word *args)
{
    struct counter *c = object_create((uint32_t)args[0], sizeof(*c));
    c->pin = board_input_setup((uint32_t)args[1], (int8_t)args[2]);
    c->timer.run = poll;
    object_publish((uint32_t)args[0], c, &counter_kind);
}
DECL_COMMAND(command_config_counter, "config_counter oid=%c pin=%u pull_up=%c");

/* poll_ticks of 0 ends counting. */
void command_query_counter(const message_word *args)
{
    struct counter *c = object_find((uint32_t)args[0], &counter_kind);
    timer_stop(&c->timer);
    if (!args[2])
        return;
    c->timer.clock = (uint32_t)args[1];
    c->poll_ticks = timer_period((uint32_t)args[2]);
    c->sample_ticks = timer_period((uint32_t)args[3]);
    c->next_clock = c->timer.clock + c->sample_ticks;
    c->count = 0;
    c->count_clock = c->timer.clock;
    c->level = board_input_read(c->pin);
    timer_start(&c->timer);
}
DECL_COMMAND(command_query_counter, "query_counter oid=%c clock=%u poll_ticks=%u sample_ticks=%u");
