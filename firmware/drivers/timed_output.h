/* Scheduled changes of an output, and the rule that it must not stay away from its default for longer
 * than max_duration without a new change. What digital_out and pwm_out have in common.
 */
#ifndef DRIVERS_TIMED_OUTPUT_H
#define DRIVERS_TIMED_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/moves.h"
#include "core/timers.h"

struct timed_output;

/* What a driver adds. All functions: interrupts off, task or timer context. */
struct timed_output_kind {
    const uint16_t *missed; /* shutdown reason when no change came in time */
    /* Drive `value` from `clock` on; true if that is the output's default. May set toggles and
     * toggle_clock. */
    bool (*apply)(struct timed_output *output, uint32_t clock, uint32_t value);
    /* toggle_clock has come: switch, and set the next toggle_clock. NULL if it never toggles. */
    void (*toggle)(struct timed_output *output);
};

/* First member of a driver's own object. */
struct timed_output {
    struct timer timer;
    const struct timed_output_kind *kind;
    struct move_queue changes;
    uint32_t max_duration; /* ticks; 0: may stay as it is for ever */
    uint32_t expiry_clock; /* with expires: a change must be due by then */
    uint32_t toggle_clock; /* with toggles: next edge of the soft PWM */
    bool expires;
    bool toggles;
};

/* Task context, while configuring. */
void timed_output_init(struct timed_output *output, const struct timed_output_kind *kind,
                       uint32_t max_duration);

/* Task context. Change to value at clock; shutdown() if that has passed. */
void timed_output_queue(struct timed_output *output, uint32_t clock, uint32_t value);

/* Task context. Change to value now, dropping what is queued. */
void timed_output_set(struct timed_output *output, uint32_t value);

/* Interrupts off, timers already dropped: forget what is queued. */
void timed_output_clear(struct timed_output *output);

#endif
