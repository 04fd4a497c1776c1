/* The board contract: the one thing that each target fills.
 *
 * The portable core and the drivers call only what is declared here; they never read an operating
 * system's clock, file or register by themselves. A target is a folder targets/NAME with
 *
 *   target.mk   Makefile fragment, see "Build" below
 *   target.h    the types and constants listed under "What target.h defines"
 *   *.c         every board_ function below that its drivers need
 *
 * Contexts, named in every comment of this firmware:
 *   task   the main loop: commands, tasks, set-up. Timers may interrupt it on real hardware.
 *   timer  a timer's function: interrupts off, some microseconds at most, no responses, no shutdown().
 *   irq    any other interrupt handler of a target.
 *
 *
 * How a hosted target drives the core
 * -----------------------------------
 * All in one thread; core/mcu.h and core/timers.h declare these entry points:
 *
 *   mcu_boot();                        once, before all else (queues a `starting` message)
 *   mcu_receive(bytes, size);          push bytes that came from the console; runs commands at once
 *   mcu_run_tasks();                   one round of all tasks; call it after each of the steps below
 *   mcu_tasks_pending()                true: a task has work, so don't sleep before mcu_run_tasks()
 *   timers_first()                     32-bit clock of the earliest timer (there always is one)
 *   timers_run_first();                run exactly that timer, then put it back where it asked to be
 *   timers_run_due(clock);             the loop "while timers_first() is not after clock: timers_run_first()"
 *   clock_before(a, b)                 a is earlier than b, with wrap-around
 *   mcu_disconnected()                 optional: the console's other end went away
 *
 * The core's `now` is whatever board_clock() returns, at every moment. A target in virtual time thus
 * sets its clock to the timer's own time and dispatches it, one by one, so that no timer is ever late:
 *
 *   while (!clock_before(until, timers_first())) {
 *       if (clock_before(now, timers_first()))
 *           now = timers_first();              // board_clock() returns this `now`
 *       timers_run_first();                    // step pins etc. change at exactly this `now`
 *   }
 *   now = until;
 *   mcu_receive(...); mcu_run_tasks();
 *
 * A timer may put itself back at its own or an earlier clock (a step interval of 0): the loop above
 * then runs it again with `now` unchanged. Tasks run between timers; run them whenever
 * mcu_tasks_pending() is true, else reports wait (an ADC report or a trigger needs a task to be sent).
 * Anything may call shutdown(); the entry points unwind by themselves and return normally.
 *
 * Responses leave through board_console_send(), a whole block each time. Without a listener drop it.
 *
 *
 * Build
 * -----
 * `make TARGET=NAME` includes targets/NAME/target.mk, which sets
 *   TARGET_SOURCES  C files below firmware/, e.g. targets/sim/main.c targets/hosted/pty.c
 *   DRIVERS         names out of drivers/, e.g. digital_out pwm_out analog_in stepper endstop trsync
 *                   buttons pulse_counter spi i2c
 *   TARGET_CFLAGS   optional, e.g. -D_GNU_SOURCE
 *   TARGET_LIBS     optional, e.g. -lm
 * and links DIR/mcu-NAME. main() is the target's.
 *
 *
 * Dictionary
 * ----------
 * A target states its constants and pin names with the macros of core/declare.h, at file scope:
 *   DECL_CONSTANT_STR("MCU", "sim");                     required
 *   DECL_CONSTANT("RECEIVE_WINDOW", 192);                serial ports only: bytes of receive buffer
 *   DECL_ENUMERATION("pin", "heater0", 3);
 *   DECL_ENUMERATION_RANGE("pin", "PA0", 16, 8);         PA0..PA7 are pins 16..23
 *   DECL_ENUMERATION("spi_bus", "spi0", 0);              also i2c_bus
 * They are fixed when the firmware is built. CLOCK_FREQ, ADC_MAX and PWM_MAX are declared by the core
 * from the constants below.
 *
 *
 * What target.h defines
 * ---------------------
 *   BOARD_CLOCK_FREQ   ticks a second, an integer
 *   BOARD_ADC_MAX      reading of a full-scale ADC sample, e.g. 4095   (with driver analog_in)
 *   BOARD_PWM_MAX      value that means always on, e.g. 255            (with driver pwm_out)
 *   BOARD_ARENA_SIZE   bytes for objects of the configuration and then the move queue; a slot takes
 *                      24 bytes with 64-bit pointers
 *   BOARD_LATE_LIMIT   ticks; a timer that puts itself back more than this before `now` shuts down.
 *                      May be an expression. Virtual time never meets it; still give 1 ms or more.
 *   board_irq_state    integer type for board_irq_save()
 *   struct board_output, board_input, board_pwm, board_adc, board_spi, board_i2c
 *                      what the set-up functions return by value (only those of its drivers)
 *   BOARD_INLINE_IO    optional: defined when target.h itself holds board_output_* and board_input_read
 *                      as static inline functions
 */
#ifndef CORE_BOARD_H
#define CORE_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target.h"

/* Time */

/* Any context. The free-running 32-bit clock, BOARD_CLOCK_FREQ ticks a second. */
uint32_t board_clock(void);

/* Interrupts off. The earliest timer is now due at `clock`, which may already be past: program the
 * compare register. No-op on a hosted target, whose loop asks timers_first(). */
void board_timer_set(uint32_t clock);

/* Any context. Disable interrupts and say how they were; put them back. No-ops when hosted. */
board_irq_state board_irq_save(void);
void board_irq_restore(board_irq_state state);

/* Task context, between two commands of a block. A hosted target in real time may run due timers
 * here (timers_run_due(board_clock())), so that a long block delays no step. Else a no-op. */
void board_poll(void);

/* Digital pins. Set-up functions run in task context and call shutdown(BOARD_BAD_PIN) (core/mcu.h)
 * or a reason of the target's own when the pin can't do that; the others run in any context. */
#ifndef BOARD_INLINE_IO
void board_output_write(struct board_output out, bool high);
void board_output_toggle(struct board_output out);
bool board_input_read(struct board_input in);
#endif
struct board_output board_output_setup(uint32_t pin, bool high);
/* pull: 1 up, 0 none, -1 down */
struct board_input board_input_setup(uint32_t pin, int_fast8_t pull);

/* Hardware PWM. cycle_ticks of 1 asks for the fastest there is; value is 0..BOARD_PWM_MAX.
 * Set-up in task context, writing in any. */
struct board_pwm board_pwm_setup(uint32_t pin, uint32_t cycle_ticks, uint16_t value);
void board_pwm_write(struct board_pwm pwm, uint16_t value);

/* ADC. board_adc_sample starts a conversion or goes on with it (timer context): 0 when a reading is
 * there for board_adc_read, else ticks after which to ask again. board_adc_cancel drops a started one. */
struct board_adc board_adc_setup(uint32_t pin);
uint32_t board_adc_sample(struct board_adc adc);
uint16_t board_adc_read(struct board_adc adc);
void board_adc_cancel(struct board_adc adc);

/* SPI: task context, and shutdown (interrupts off). The chip select pin is the driver's affair,
 * except on targets where the bus device has its own. data is replaced by what came in if receive. */
struct board_spi board_spi_setup(uint32_t bus, uint8_t mode, uint32_t rate);
void board_spi_prepare(struct board_spi spi);
void board_spi_transfer(struct board_spi spi, bool receive, uint_fast8_t size, uint8_t *data);

/* I2C: task context. */
enum board_i2c_status {
    BOARD_I2C_SUCCESS = 0,
    BOARD_I2C_NACK = 1,
    BOARD_I2C_TIMEOUT = 2,
    BOARD_I2C_START_NACK = 3,
    BOARD_I2C_START_READ_NACK = 4,
};
struct board_i2c board_i2c_setup(uint32_t bus, uint32_t rate, uint8_t address);
/* Write, then (repeated start) read when read_size is not 0; write_size may be 0. */
enum board_i2c_status board_i2c_transfer(struct board_i2c i2c, uint_fast8_t write_size, const uint8_t *write,
                                         uint_fast8_t read_size, uint8_t *read);

/* Console, task context. Send one whole block (5..64 bytes) or drop it; never part of one, never block. */
void board_console_send(const uint8_t *block, uint_fast8_t size);

/* Task context, on the `reset` command, outputs being already at their defaults. Hardware restarts and
 * doesn't return. A hosted target forgets its own state as far as it wants and returns: the core then
 * boots itself anew; the connection stays. */
void board_reset(void);

/* Task context, at least each 100 ms while all is well. No-op without a watchdog. */
void board_watchdog_kick(void);

/* Task context, for debug_read and debug_write: access 1 << order bytes of memory at address.
 * False when that can't be done; a hosted target may always return false. */
bool board_peek(uint32_t address, uint_fast8_t order, uint32_t *value);
bool board_poke(uint32_t address, uint_fast8_t order, uint32_t value);

#endif
