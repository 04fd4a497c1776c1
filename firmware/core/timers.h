/* Timers: functions that run at a clock, kept in one list sorted by time. */
#ifndef CORE_TIMERS_H
#define CORE_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

enum timer_verdict { TIMER_DONE, TIMER_AGAIN };

struct timer {
    struct timer *next;
    /* Timer context. May change `clock` and return TIMER_AGAIN; must return TIMER_DONE after
     * shutdown_in_timer(). */
    enum timer_verdict (*run)(struct timer *timer);
    uint32_t clock; /* when to run */
};

/* Any context. Is clock a before clock b? Good for clocks less than 2^31 ticks apart. */
static inline bool clock_before(uint32_t a, uint32_t b) { return (int32_t)(a - b) < 0; }

/* The reason when a host asks for something at a time that has passed. */
extern const uint16_t TIMER_TOO_CLOSE;

/* Task context. The ticks after which something is to repeat: shutdown() if that wouldn't be later. */
uint32_t timer_period(uint32_t ticks);

/* Task context. Start a timer that isn't running; shutdown(TIMER_TOO_CLOSE) if its clock has passed. */
void timer_start(struct timer *timer);

/* Interrupts off (task or timer context). As timer_start, without the look at the clock. */
void timer_insert(struct timer *timer);

/* Any context. Take a timer out of the list; nothing happens if it isn't there. */
void timer_stop(struct timer *timer);

/* Interrupts off. Drop all timers. */
void timers_clear(void);

/* For targets, timer context: see core/board.h. */
uint32_t timers_first(void);
void timers_run_first(void);
void timers_run_due(uint32_t clock);

#endif
