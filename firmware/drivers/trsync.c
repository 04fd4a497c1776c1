#include "drivers/trsync.h"

#include <stdbool.h>
#include <stddef.h>

#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "core/objects.h"

DECL_RESPONSE(trsync_state_response, "trsync_state oid=%c can_trigger=%c trigger_reason=%c clock=%u");

struct trsync {
    struct timer report_timer, expire_timer;
    struct trsync_signal *signals;
    uint32_t report_ticks; /* 0: no periodic reports */
    uint32_t state_clock;  /* of the last periodic report, or of the trigger */
    uint8_t trigger_reason, expire_reason;
    bool can_trigger;
    volatile bool report_wanted;
};

static const struct object_kind trsync_kind;
static struct task_wake trsync_wake;

struct trsync *trsync_find(uint32_t oid)
{
    return object_find(oid, &trsync_kind);
}

/* Interrupts off. */
static struct trsync_signal *take_signal(struct trsync *trsync)
{
    struct trsync_signal *signal = trsync->signals;
    if (signal) {
        trsync->signals = signal->next;
        signal->trsync = NULL;
    }
    return signal;
}

/* Interrupts off. */
static void remove_signal(struct trsync_signal *signal)
{
    if (!signal->trsync)
        return;
    struct trsync_signal **at = &signal->trsync->signals;
    while (*at != signal)
        at = &(*at)->next;
    *at = signal->next;
    signal->trsync = NULL;
}

/* Interrupts off. */
static void forget_signals(struct trsync *trsync)
{
    while (take_signal(trsync))
        ;
}

void trsync_trigger(struct trsync *trsync, uint8_t reason)
{
    if (!trsync->can_trigger)
        return;
    trsync->can_trigger = false;
    trsync->trigger_reason = reason;
    trsync->state_clock = board_clock();
    timer_stop(&trsync->report_timer);
    timer_stop(&trsync->expire_timer);
    struct trsync_signal *signal;
    while ((signal = take_signal(trsync)))
        signal->stop(signal);
    trsync->report_wanted = true;
    task_wake(&trsync_wake);
}

void trsync_add_signal(struct trsync *trsync, struct trsync_signal *signal)
{
    board_irq_state irq = board_irq_save();
    remove_signal(signal);
    if (trsync->can_trigger) {
        signal->next = trsync->signals;
        signal->trsync = trsync;
        trsync->signals = signal;
    } else {
        signal->stop(signal);
    }
    board_irq_restore(irq);
}

/* Timer context. */
static enum timer_verdict report(struct timer *timer)
{
    struct trsync *trsync = (struct trsync *)((char *)timer - offsetof(struct trsync, report_timer));
    trsync->state_clock = timer->clock;
    trsync->report_wanted = true;
    task_wake(&trsync_wake);
    timer->clock += trsync->report_ticks;
    return TIMER_AGAIN;
}

/* Timer context. */
static enum timer_verdict expire(struct timer *timer)
{
    struct trsync *trsync = (struct trsync *)((char *)timer - offsetof(struct trsync, expire_timer));
    trsync_trigger(trsync, trsync->expire_reason);
    return TIMER_DONE;
}

/* Task context. */
static void send_state(struct trsync *trsync, uint8_t oid)
{
    board_irq_state irq = board_irq_save();
    trsync->report_wanted = false;
    bool can_trigger = trsync->can_trigger;
    uint8_t reason = trsync->trigger_reason;
    uint32_t clock = trsync->state_clock;
    board_irq_restore(irq);
    respond(trsync_state_response, oid, can_trigger, reason, clock);
}

/* Task context. */
void trsync_task(void)
{
    if (!task_woken(&trsync_wake))
        return;
    struct trsync *trsync;
    for (uint_fast8_t oid = 0; (trsync = object_next(&trsync_kind, &oid)); oid++)
        if (trsync->report_wanted)
            send_state(trsync, oid);
}
DECL_TASK(trsync_task);

/* Interrupts off. */
void trsync_on_shutdown(void)
{
    struct trsync *trsync;
    for (uint_fast8_t oid = 0; (trsync = object_next(&trsync_kind, &oid)); oid++) {
        trsync->can_trigger = false;
        trsync->report_wanted = false;
        forget_signals(trsync);
    }
}
DECL_ON_SHUTDOWN(trsync_on_shutdown);

/* Task context, as all commands. */
void command_config_trsync(const message_word *args)
{
    struct trsync *trsync = object_create((uint32_t)args[0], sizeof(*trsync));
    trsync->report_timer.run = report;
    trsync->expire_timer.run = expire;
    object_publish((uint32_t)args[0], trsync, &trsync_kind);
}
DECL_COMMAND(command_config_trsync, "config_trsync oid=%c");

void command_trsync_start(const message_word *args)
{
    struct trsync *trsync = trsync_find((uint32_t)args[0]);
    uint32_t report_ticks = args[2] ? timer_period((uint32_t)args[2]) : 0;
    board_irq_state irq = board_irq_save();
    timer_stop(&trsync->report_timer);
    timer_stop(&trsync->expire_timer);
    forget_signals(trsync);
    trsync->report_wanted = false;
    trsync->trigger_reason = 0;
    trsync->report_timer.clock = trsync->state_clock = (uint32_t)args[1];
    trsync->report_ticks = report_ticks;
    trsync->expire_reason = (uint8_t)args[3];
    trsync->can_trigger = true;
    board_irq_restore(irq);
    if (report_ticks)
        timer_start(&trsync->report_timer);
}
DECL_COMMAND(command_trsync_start, "trsync_start oid=%c report_clock=%u report_ticks=%u expire_reason=%c");

/* A time that has already passed is an expiry, not a scheduling error: that is what it is for. */
void command_trsync_set_timeout(const message_word *args)
{
    struct trsync *trsync = trsync_find((uint32_t)args[0]);
    uint32_t clock = (uint32_t)args[1];
    board_irq_state irq = board_irq_save();
    unwind_if_shutdown(irq);
    timer_stop(&trsync->expire_timer);
    trsync->expire_timer.clock = clock;
    if (clock_before(clock, board_clock()))
        trsync_trigger(trsync, trsync->expire_reason);
    else if (trsync->can_trigger)
        timer_insert(&trsync->expire_timer);
    board_irq_restore(irq);
}
DECL_COMMAND(command_trsync_set_timeout, "trsync_set_timeout oid=%c clock=%u");

/* Always answered, with the reason that came first: responses may get lost, and this is how a host asks. */
void command_trsync_trigger(const message_word *args)
{
    struct trsync *trsync = trsync_find((uint32_t)args[0]);
    board_irq_state irq = board_irq_save();
    trsync_trigger(trsync, (uint8_t)args[1]);
    board_irq_restore(irq);
    send_state(trsync, (uint8_t)args[0]);
}
DECL_COMMAND(command_trsync_trigger, "trsync_trigger oid=%c reason=%c");
