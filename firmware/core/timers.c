#include "core/timers.h"

#include <stddef.h>

#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"

DECL_REASON(TIMER_TOO_CLOSE, "Timer too close");
DECL_REASON(TIMER_BAD_PERIOD, "Invalid period of a repeated event");
DECL_REASON(TIMER_IN_PAST, "Rescheduled timer in the past");

static struct timer *first;

void timer_insert(struct timer *timer)
{
    struct timer **at = &first;
    /* Equal clocks run in the order in which they were asked for. */
    while (*at && !clock_before(timer->clock, (*at)->clock))
        at = &(*at)->next;
    timer->next = *at;
    *at = timer;
    if (first == timer)
        board_timer_set(timer->clock);
}

uint32_t timer_period(uint32_t ticks)
{
    if (!ticks || ticks > INT32_MAX)
        shutdown(TIMER_BAD_PERIOD);
    return ticks;
}

void timer_start(struct timer *timer)
{
    board_irq_state irq = board_irq_save();
    unwind_if_shutdown(irq);
    if (clock_before(timer->clock, board_clock())) {
        board_irq_restore(irq);
        shutdown(TIMER_TOO_CLOSE);
    }
    timer_insert(timer);
    board_irq_restore(irq);
}

void timer_stop(struct timer *timer)
{
    board_irq_state irq = board_irq_save();
    for (struct timer **at = &first; *at; at = &(*at)->next) {
        if (*at == timer) {
            *at = timer->next;
            break;
        }
    }
    board_irq_restore(irq);
}

void timers_clear(void)
{
    first = NULL;
}

uint32_t timers_first(void)
{
    return first->clock;
}

void timers_run_first(void)
{
    struct timer *timer = first;
    first = timer->next;
    if (timer->run(timer) == TIMER_DONE)
        return;
    timer_insert(timer);
    if ((int32_t)(board_clock() - timer->clock) > (int32_t)(BOARD_LATE_LIMIT))
        shutdown_in_timer(TIMER_IN_PAST);
}

void timers_run_due(uint32_t clock)
{
    while (!clock_before(clock, timers_first()))
        timers_run_first();
}
