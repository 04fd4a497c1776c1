#include "core/mcu.h"

#include "core/arena.h"
#include "core/clock.h"
#include "core/declare.h"
#include "core/frame.h"
#include "core/generated.h"

DECL_CONSTANT("CLOCK_FREQ", BOARD_CLOCK_FREQ);
DECL_REASON(BOARD_BAD_PIN, "Pin is not available for this use");
DECL_REASON(EMERGENCY_STOP, "Command request");
DECL_RESPONSE(starting_response, "starting");
DECL_RESPONSE(shutdown_response, "shutdown clock=%u static_string_id=%hu");
DECL_RESPONSE(is_shutdown_response, "is_shutdown static_string_id=%hu");

static struct {
    bool shut_down;
    bool shut_down_beneath; /* by a timer, while a task may have been interrupted */
    bool announce_start;
    bool announce_shutdown;
    bool reset_wanted;
    uint16_t reason;
    uint32_t clock; /* of the shutdown */
    struct unwind_point *unwind;
} mcu;

static volatile bool tasks_pending;

/* Tasks */

void task_wake(struct task_wake *wake)
{
    wake->wanted = true;
    tasks_pending = true;
}

bool task_woken(struct task_wake *wake)
{
    if (!wake->wanted)
        return false;
    wake->wanted = false;
    return true;
}

bool mcu_tasks_pending(void)
{
    return tasks_pending;
}

static struct task_wake report_wake;

/* Task context. */
void mcu_report_task(void)
{
    if (mcu.reset_wanted)
        mcu_reset();
    if (!task_woken(&report_wake))
        return;
    if (mcu.announce_start) {
        mcu.announce_start = false;
        respond_empty(starting_response);
    }
    if (mcu.announce_shutdown) {
        mcu.announce_shutdown = false;
        respond(shutdown_response, mcu.clock, mcu.reason);
    }
}
DECL_TASK(mcu_report_task);

void mcu_run_tasks(void)
{
    struct unwind_point point;
    uint32_t start = board_clock();
    tasks_pending = false;
    board_watchdog_kick();
    unwind_push(&point);
    if (!setjmp(point.environment))
        generated_run_tasks();
    unwind_pop(&point);
    clock_count_round(board_clock() - start);
}

void mcu_receive(const uint8_t *bytes, size_t size)
{
    uint32_t start = board_clock();
    frame_receive(bytes, size);
    clock_count_busy(board_clock() - start);
}

void mcu_disconnected(void)
{
    frame_discard();
}

/* Shutdown */

void unwind_push(struct unwind_point *point)
{
    point->outer = mcu.unwind;
    mcu.unwind = point;
    mcu.shut_down_beneath = false;
}

void unwind_pop(struct unwind_point *point)
{
    mcu.unwind = point->outer;
}

static _Noreturn void unwind(void)
{
    mcu.shut_down_beneath = false;
    longjmp(mcu.unwind->environment, 1);
}

void unwind_if_shutdown(board_irq_state irq)
{
    if (!mcu.shut_down_beneath)
        return;
    board_irq_restore(irq);
    unwind();
}

/* Interrupts off. */
static void enter_shutdown(const uint16_t *reason)
{
    if (mcu.shut_down)
        return;
    mcu.shut_down = true;
    mcu.reason = flash_u16(reason);
    mcu.clock = board_clock();
    mcu.announce_shutdown = true;
    timers_clear();
    generated_run_on_shutdown();
    task_wake(&report_wake);
}

void shutdown_and_return_for(const uint16_t *reason)
{
    board_irq_state irq = board_irq_save();
    enter_shutdown(reason);
    board_irq_restore(irq);
}

_Noreturn void shutdown_for(const uint16_t *reason)
{
    shutdown_and_return_for(reason);
    unwind();
}

enum timer_verdict shutdown_in_timer_for(const uint16_t *reason)
{
    enter_shutdown(reason);
    mcu.shut_down_beneath = true;
    return TIMER_DONE;
}

void mcu_stop(void)
{
    shutdown_and_return(EMERGENCY_STOP);
}

bool is_shutdown(void)
{
    return mcu.shut_down;
}

void respond_is_shutdown(void)
{
    respond(is_shutdown_response, mcu.reason);
}

/* Boot and restart */

void mcu_clear_shutdown(void)
{
    mcu.shut_down = false;
    mcu.announce_shutdown = false;
    mcu.reason = 0;
}

void mcu_forget_config(void)
{
    board_irq_state irq = board_irq_save();
    timers_clear();
    arena_reset();
    generated_run_inits();
    board_irq_restore(irq);
    mcu_clear_shutdown();
}

void mcu_boot(void)
{
    struct unwind_point point;
    mcu.unwind = NULL;
    mcu.reset_wanted = false;
    frame_reset();
    unwind_push(&point);
    if (!setjmp(point.environment))
        mcu_forget_config();
    unwind_pop(&point);
    mcu.announce_start = true;
    task_wake(&report_wake);
}

/* Task context: only from mcu_report_task, so that no command of a block runs after it. */
void mcu_reset(void)
{
    struct unwind_point *outer = mcu.unwind;
    mcu_stop();
    board_reset();
    mcu_boot();
    mcu.unwind = outer;
}

void command_reset(const message_word *args)
{
    (void)args;
    mcu.reset_wanted = true;
    task_wake(&report_wake);
}
DECL_COMMAND_ALWAYS(command_reset, "reset");

void command_emergency_stop(const message_word *args)
{
    (void)args;
    shutdown(EMERGENCY_STOP);
}
DECL_COMMAND_ALWAYS(command_emergency_stop, "emergency_stop");

void command_clear_shutdown(const message_word *args)
{
    (void)args;
    mcu_clear_shutdown();
}
DECL_COMMAND_ALWAYS(command_clear_shutdown, "clear_shutdown");
