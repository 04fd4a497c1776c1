/* Outputs of hardware PWM: set at once or scheduled. */
#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "core/objects.h"
#include "drivers/timed_output.h"

DECL_CONSTANT("PWM_MAX", BOARD_PWM_MAX);
DECL_REASON(PWM_OUT_MISSED, "Missed scheduling of next hard pwm event");
DECL_REASON(PWM_OUT_START, "PWM out with max duration must start at its default value");
DECL_REASON(PWM_OUT_VALUE, "PWM value is above PWM_MAX");

struct pwm_out {
    struct timed_output output;
    struct board_pwm pin;
    uint16_t default_value;
};

static const struct object_kind pwm_out_kind;

/* Task context. */
static uint16_t checked(message_word value)
{
    if (value > BOARD_PWM_MAX)
        shutdown(PWM_OUT_VALUE);
    return (uint16_t)value;
}

/* Interrupts off. */
static bool apply(struct timed_output *output, uint32_t clock, uint32_t value)
{
    struct pwm_out *p = (struct pwm_out *)output;
    (void)clock;
    board_pwm_write(p->pin, (uint16_t)value);
    return value == p->default_value;
}

static const struct timed_output_kind output_kind = {&PWM_OUT_MISSED, apply, NULL};

/* Interrupts off. */
void pwm_out_on_shutdown(void)
{
    struct pwm_out *p;
    for (uint_fast8_t oid = 0; (p = object_next(&pwm_out_kind, &oid)); oid++) {
        timed_output_clear(&p->output);
        board_pwm_write(p->pin, p->default_value);
    }
}
DECL_ON_SHUTDOWN(pwm_out_on_shutdown);

/* Task context, as all commands. */
void command_config_pwm_out(const message_word *args)
{
    uint16_t value = checked(args[3]), default_value = checked(args[4]);
    uint32_t max_duration = (uint32_t)args[5];
    if (max_duration && value != default_value)
        shutdown(PWM_OUT_START);
    struct pwm_out *p = object_create((uint32_t)args[0], sizeof(*p));
    p->pin = board_pwm_setup((uint32_t)args[1], (uint32_t)args[2], value);
    p->default_value = default_value;
    timed_output_init(&p->output, &output_kind, max_duration);
    object_publish((uint32_t)args[0], p, &pwm_out_kind);
}
DECL_COMMAND(command_config_pwm_out,
             "config_pwm_out oid=%c pin=%u cycle_ticks=%u value=%hu default_value=%hu max_duration=%u");

void command_queue_pwm_out(const message_word *args)
{
    struct pwm_out *p = object_find((uint32_t)args[0], &pwm_out_kind);
    timed_output_queue(&p->output, (uint32_t)args[1], checked(args[2]));
}
DECL_COMMAND(command_queue_pwm_out, "queue_pwm_out oid=%c clock=%u value=%hu");

void command_set_pwm_out(const message_word *args)
{
    board_pwm_setup((uint32_t)args[0], (uint32_t)args[1], checked(args[2]));
}
DECL_COMMAND(command_set_pwm_out, "set_pwm_out pin=%u cycle_ticks=%u value=%hu");
