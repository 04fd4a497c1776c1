/* Endstops: watch a pin while homing, and trigger a trsync when it holds its value. */
#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "core/objects.h"
#include "drivers/trsync.h"

DECL_RESPONSE(endstop_state_response, "endstop_state oid=%c homing=%c next_clock=%u pin_value=%c");

struct endstop {
    struct timer timer;
    struct board_input pin;
    struct trsync *trsync;
    uint32_t rest_ticks, sample_ticks;
    /* When the next round of samples begins; after a trigger, rest_ticks later than the first sample
     * that saw the value. */
    uint32_t next_clock;
    uint8_t sample_count;   /* further samples that must agree with the first */
    uint8_t samples_wanted; /* of these, still to come in this round */
    uint8_t trigger_reason;
    bool trigger_value;
    bool homing;
};

static const struct object_kind endstop_kind;

static enum timer_verdict first_sample(struct timer *timer);
static enum timer_verdict further_sample(struct timer *timer);

/* Timer context. */
static enum timer_verdict rest(struct endstop *e)
{
    e->timer.run = first_sample;
    e->timer.clock = e->next_clock;
    return TIMER_AGAIN;
}

/* Timer context. */
static enum timer_verdict triggered(struct endstop *e)
{
    e->homing = false;
    trsync_trigger(e->trsync, e->trigger_reason);
    return TIMER_DONE;
}

/* Timer context. */
static enum timer_verdict further_sample(struct timer *timer)
{
    struct endstop *e = (struct endstop *)timer;
    if (board_input_read(e->pin) != e->trigger_value)
        return rest(e);
    if (!--e->samples_wanted)
        return triggered(e);
    timer->clock += e->sample_ticks;
    return TIMER_AGAIN;
}

/* Timer context. */
static enum timer_verdict first_sample(struct timer *timer)
{
    struct endstop *e = (struct endstop *)timer;
    e->next_clock = timer->clock + e->rest_ticks;
    if (board_input_read(e->pin) != e->trigger_value)
        return rest(e);
    e->samples_wanted = e->sample_count;
    timer->run = further_sample;
    timer->clock += e->sample_ticks;
    return TIMER_AGAIN;
}

/* Interrupts off. */
void endstop_on_shutdown(void)
{
    struct endstop *e;
    for (uint_fast8_t oid = 0; (e = object_next(&endstop_kind, &oid)); oid++)
        e->homing = false;
}
DECL_ON_SHUTDOWN(endstop_on_shutdown);

/* Task context, as all commands. */
void command_config_endstop(const message_word *args)
{
    struct endstop *e = object_create((uint32_t)args[0], sizeof(*e));
    e->pin = board_input_setup((uint32_t)args[1], (int8_t)args[2]);
    object_publish((uint32_t)args[0], e, &endstop_kind);
}
DECL_COMMAND(command_config_endstop, "config_endstop oid=%c pin=%c pull_up=%c");

/* A sample_count of 0 ends homing. */
void command_endstop_home(const message_word *args)
{
    struct endstop *e = object_find((uint32_t)args[0], &endstop_kind);
    timer_stop(&e->timer);
    e->homing = false;
    e->sample_count = (uint8_t)args[3];
    if (!e->sample_count)
        return;
    e->timer.clock = e->next_clock = (uint32_t)args[1];
    e->timer.run = first_sample;
    e->sample_ticks = (uint32_t)args[2];
    e->rest_ticks = timer_period((uint32_t)args[4]);
    e->trigger_value = args[5];
    e->trsync = trsync_find((uint32_t)args[6]);
    e->trigger_reason = (uint8_t)args[7];
    e->homing = true;
    timer_start(&e->timer);
}
DECL_COMMAND(command_endstop_home,
             "endstop_home oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u pin_value=%c "
             "trsync_oid=%c trigger_reason=%c");

void command_endstop_query_state(const message_word *args)
{
    struct endstop *e = object_find((uint32_t)args[0], &endstop_kind);
    board_irq_state irq = board_irq_save();
    bool homing = e->homing;
    uint32_t next_clock = e->next_clock;
    board_irq_restore(irq);
    respond(endstop_state_response, args[0], homing, next_clock, board_input_read(e->pin));
}
DECL_COMMAND(command_endstop_query_state, "endstop_query_state oid=%c");
