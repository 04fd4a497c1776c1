#include "drivers/timed_output.h"

#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"

struct change {
    struct move move;
    uint32_t clock;
    uint32_t value;
};

/* Interrupts off. Set the timer to the earliest thing to come; false if there is none. */
static bool aim(struct timed_output *output)
{
    bool found = false;
    uint32_t clock = 0;
    const struct change *next = (const struct change *)output->changes.first;
    if (next) {
        clock = next->clock;
        found = true;
    }
    if (output->toggles && (!found || clock_before(output->toggle_clock, clock))) {
        clock = output->toggle_clock;
        found = true;
    }
    if (output->expires && (!found || clock_before(output->expiry_clock, clock))) {
        clock = output->expiry_clock;
        found = true;
    }
    output->timer.clock = clock;
    return found;
}

/* Interrupts off. */
static void apply(struct timed_output *output, uint32_t clock, uint32_t value)
{
    bool is_default = output->kind->apply(output, clock, value);
    output->expires = output->max_duration && !is_default;
    output->expiry_clock = clock + output->max_duration;
}

/* Timer context. A change that is due goes before an expiry at the same clock. */
static enum timer_verdict run(struct timer *timer)
{
    struct timed_output *output = (struct timed_output *)timer;
    struct change *next = (struct change *)output->changes.first;
    if (next && !clock_before(timer->clock, next->clock)) {
        move_pop(&output->changes);
        apply(output, next->clock, next->value);
        move_give_back(next);
    } else if (output->expires && !clock_before(timer->clock, output->expiry_clock)) {
        return shutdown_in_timer_for(output->kind->missed);
    } else {
        output->kind->toggle(output);
    }
    return aim(output) ? TIMER_AGAIN : TIMER_DONE;
}

/* Task context. */
void timed_output_init(struct timed_output *output, const struct timed_output_kind *kind,
                       uint32_t max_duration)
{
    output->timer.run = run;
    output->kind = kind;
    output->max_duration = max_duration;
    moves_need(sizeof(struct change));
}

/* Interrupts off. */
static void restart(struct timed_output *output)
{
    timer_stop(&output->timer);
    if (aim(output))
        timer_insert(&output->timer);
}

void timed_output_queue(struct timed_output *output, uint32_t clock, uint32_t value)
{
    struct change *change = move_take();
    change->clock = clock;
    change->value = value;
    board_irq_state irq = board_irq_save();
    unwind_if_shutdown(irq);
    if (clock_before(clock, board_clock())) {
        move_give_back(change);
        board_irq_restore(irq);
        shutdown(TIMER_TOO_CLOSE);
    }
    move_append(&output->changes, &change->move);
    if (output->changes.first == &change->move)
        restart(output);
    board_irq_restore(irq);
}

void timed_output_set(struct timed_output *output, uint32_t value)
{
    board_irq_state irq = board_irq_save();
    unwind_if_shutdown(irq);
    move_drop_all(&output->changes);
    apply(output, board_clock(), value);
    restart(output);
    board_irq_restore(irq);
}

void timed_output_clear(struct timed_output *output)
{
    move_drop_all(&output->changes);
    output->expires = false;
    output->toggles = false;
}
