/* Digital outputs: set at once, scheduled, or switched as a software PWM. */
#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "core/objects.h"
#include "drivers/timed_output.h"

DECL_REASON(DIGITAL_OUT_MISSED, "Missed scheduling of next digital out event");
DECL_REASON(DIGITAL_OUT_START, "Digital out with max duration must start at its default value");
DECL_REASON(DIGITAL_OUT_BUSY, "Can not set soft pwm cycle ticks while updates pending");

struct digital_out {
    struct timed_output output;
    struct board_output pin;
    uint32_t cycle_ticks;         /* soft PWM period; 0: on_ticks is a level */
    uint32_t on_ticks, off_ticks; /* while output.toggles */
    bool default_high;
    bool high; /* level now */
};

static const struct object_kind digital_out_kind;

/* Interrupts off. */
static void drive(struct digital_out *d, bool high)
{
    d->high = high;
    board_output_write(d->pin, high);
}

/* Interrupts off. */
static bool apply(struct timed_output *output, uint32_t clock, uint32_t on_ticks)
{
    struct digital_out *d = (struct digital_out *)output;
    output->toggles = d->cycle_ticks && on_ticks && on_ticks < d->cycle_ticks;
    drive(d, on_ticks);
    if (!output->toggles)
        return d->high == d->default_high;
    d->on_ticks = on_ticks;
    d->off_ticks = d->cycle_ticks - on_ticks;
    output->toggle_clock = clock + on_ticks;
    return false;
}

/* Timer context. */
static void toggle(struct timed_output *output)
{
    struct digital_out *d = (struct digital_out *)output;
    drive(d, !d->high);
    output->toggle_clock += d->high ? d->on_ticks : d->off_ticks;
}

static const struct timed_output_kind output_kind = {&DIGITAL_OUT_MISSED, apply, toggle};

/* Interrupts off. */
void digital_out_on_shutdown(void)
{
    struct digital_out *d;
    for (uint_fast8_t oid = 0; (d = object_next(&digital_out_kind, &oid)); oid++) {
        timed_output_clear(&d->output);
        drive(d, d->default_high);
    }
}
DECL_ON_SHUTDOWN(digital_out_on_shutdown);

/* Task context, as all commands. */
void command_config_digital_out(const message_word *args)
{
    bool high = args[2], default_high = args[3];
    uint32_t max_duration = (uint32_t)args[4];
    if (max_duration && high != default_high)
        shutdown(DIGITAL_OUT_START);
    struct digital_out *d = object_create((uint32_t)args[0], sizeof(*d));
    d->pin = board_output_setup((uint32_t)args[1], high);
    d->high = high;
    d->default_high = default_high;
    timed_output_init(&d->output, &output_kind, max_duration);
    object_publish((uint32_t)args[0], d, &digital_out_kind);
}
DECL_COMMAND(command_config_digital_out,
             "config_digital_out oid=%c pin=%u value=%c default_value=%c max_duration=%u");

void command_set_digital_out_pwm_cycle(const message_word *args)
{
    struct digital_out *d = object_find((uint32_t)args[0], &digital_out_kind);
    board_irq_state irq = board_irq_save();
    bool busy = d->output.changes.first;
    if (!busy)
        d->cycle_ticks = (uint32_t)args[1];
    board_irq_restore(irq);
    if (busy)
        shutdown(DIGITAL_OUT_BUSY);
}
DECL_COMMAND(command_set_digital_out_pwm_cycle, "set_digital_out_pwm_cycle oid=%c cycle_ticks=%u");

void command_queue_digital_out(const message_word *args)
{
    struct digital_out *d = object_find((uint32_t)args[0], &digital_out_kind);
    timed_output_queue(&d->output, (uint32_t)args[1], (uint32_t)args[2]);
}
DECL_COMMAND(command_queue_digital_out, "queue_digital_out oid=%c clock=%u on_ticks=%u");

void command_update_digital_out(const message_word *args)
{
    struct digital_out *d = object_find((uint32_t)args[0], &digital_out_kind);
    timed_output_set(&d->output, args[1] ? UINT32_MAX : 0);
}
DECL_COMMAND(command_update_digital_out, "update_digital_out oid=%c value=%c");

void command_set_digital_out(const message_word *args)
{
    board_output_setup((uint32_t)args[0], args[1]);
}
DECL_COMMAND(command_set_digital_out, "set_digital_out pin=%u value=%c");
