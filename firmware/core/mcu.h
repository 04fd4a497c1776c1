/* Life of the firmware: boot, tasks, shutdown. */
#ifndef CORE_MCU_H
#define CORE_MCU_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/board.h"
#include "core/timers.h"

/* For targets, task context: see core/board.h. */
void mcu_boot(void);
void mcu_receive(const uint8_t *bytes, size_t size);
void mcu_run_tasks(void);
bool mcu_tasks_pending(void);
void mcu_disconnected(void); /* the host went away: forget what it had half sent */

void mcu_stop(void);         /* the process is about to end: outputs to their defaults */

/* A task's wish to run. Set in any context, taken in task context. */
struct task_wake {
    volatile bool wanted;
};
void task_wake(struct task_wake *wake);
bool task_woken(struct task_wake *wake);

/* Shutdown: outputs go to their defaults, all timers stop, commands are refused until the host clears
 * or resets. The first reason stays. shutdown() is for task context and doesn't return: it unwinds to
 * the main loop; shutdown_and_return() is the same without that. shutdown_in_timer() is for timer
 * context, or with interrupts off, and returns TIMER_DONE, which the timer must return in turn. */
#define shutdown(reason) shutdown_for(&(reason))
#define shutdown_and_return(reason) shutdown_and_return_for(&(reason))
#define shutdown_in_timer(reason) shutdown_in_timer_for(&(reason))
_Noreturn void shutdown_for(const uint16_t *reason);
void shutdown_and_return_for(const uint16_t *reason);
enum timer_verdict shutdown_in_timer_for(const uint16_t *reason);
bool is_shutdown(void);
void respond_is_shutdown(void);

/* Task context, interrupts off: leave the running command if a timer has shut down beneath it. */
void unwind_if_shutdown(board_irq_state irq);

/* Where shutdown() jumps to. Task context:
 *   struct unwind_point point;
 *   unwind_push(&point);
 *   if (!setjmp(point.environment))
 *       work();
 *   unwind_pop(&point); */
struct unwind_point {
    struct unwind_point *outer;
    jmp_buf environment;
};
void unwind_push(struct unwind_point *point);
void unwind_pop(struct unwind_point *point);

/* Task context. Leave shutdown with the configuration kept, or forget the configuration as well, or
 * start anew as after power-on. */
void mcu_clear_shutdown(void);
void mcu_forget_config(void);
void mcu_reset(void);

/* For set-up functions of targets. */
extern const uint16_t BOARD_BAD_PIN;

#endif
