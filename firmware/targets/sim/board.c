// The board contract on the simulated printer. All in one thread: no interrupts to care for.
#include "core/board.h"

#include "console.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "journal.h"
#include "simulation.h"

_Static_assert(BOARD_CLOCK_FREQ == TICKS_PER_SECOND, "one clock");

DECL_CONSTANT_STR("MCU", "sim");
DECL_ENUMERATION_RANGE("pin", "PA0", 0, 16);
DECL_ENUMERATION_RANGE("pin", "PB0", 16, 16);
DECL_ENUMERATION_RANGE("pin", "PC0", 32, 16);
DECL_ENUMERATION_RANGE("pin", "PD0", 48, 16);
DECL_ENUMERATION_RANGE("pin", "PE0", 64, 16);
DECL_ENUMERATION_RANGE("pin", "PF0", 80, 16);
DECL_ENUMERATION_RANGE("pin", "PG0", 96, 16);
DECL_ENUMERATION_RANGE("pin", "PH0", 112, 16);

uint32_t board_clock(void) {
    return simulation_clock();
}

void board_timer_set(uint32_t clock) {
    (void)clock;
}

board_irq_state board_irq_save(void) {
    return 0;
}

void board_irq_restore(board_irq_state state) {
    (void)state;
}

void board_poll(void) {
}

static uint8_t use_pin(uint32_t pin, bool drives) {
    if (pin >= PIN_COUNT)
        shutdown(BOARD_BAD_PIN);
    printer_note_use(&simulation.printer, (int)pin, drives, simulation.now);
    return (uint8_t)pin;
}

// Any context.
void board_output_write(struct board_output out, bool high) {
    printer_drive(&simulation.printer, out.pin, high, simulation.now, simulation.late);
}

// Any context.
void board_output_toggle(struct board_output out) {
    const struct wire *wire = &simulation.printer.wires[out.pin];
    board_output_write(out, wire->active == wire->inverted);
}

// Any context.
bool board_input_read(struct board_input in) {
    return printer_level(&simulation.printer, in.pin, in.pull, simulation.now);
}

// Task context, like the other set-up functions.
struct board_output board_output_setup(uint32_t pin, bool high) {
    struct board_output out = {.pin = use_pin(pin, true)};
    board_output_write(out, high);
    return out;
}

struct board_input board_input_setup(uint32_t pin, int_fast8_t pull) {
    return (struct board_input){.pin = use_pin(pin, false), .pull = (int8_t)pull};
}

struct board_pwm board_pwm_setup(uint32_t pin, uint32_t cycle_ticks, uint16_t value) {
    (void)cycle_ticks; // far shorter than anything thermal: the mean is all that counts
    struct board_pwm pwm = {.pin = use_pin(pin, true)};
    board_pwm_write(pwm, value);
    return pwm;
}

// Any context.
void board_pwm_write(struct board_pwm pwm, uint16_t value) {
    double duty = value >= BOARD_PWM_MAX ? 1 : (double)value / BOARD_PWM_MAX;
    printer_drive_pwm(&simulation.printer, pwm.pin, duty, simulation.now);
}

struct board_adc board_adc_setup(uint32_t pin) {
    return (struct board_adc){.pin = use_pin(pin, false)};
}

// Timer context: a conversion takes no time here.
uint32_t board_adc_sample(struct board_adc adc) {
    (void)adc;
    return 0;
}

uint16_t board_adc_read(struct board_adc adc) {
    return (uint16_t)printer_adc(&simulation.printer, adc.pin, BOARD_ADC_MAX, simulation.now);
}

void board_adc_cancel(struct board_adc adc) {
    (void)adc;
}

void board_console_send(const uint8_t *block, uint_fast8_t size) {
    console_send(block, size);
}

void board_reset(void) {
    printer_release(&simulation.printer, simulation.now);
    simulation.mcu.resets++;
    journal_add(simulation.now, "reset", "the firmware starts anew");
}

void board_watchdog_kick(void) {
}

bool board_peek(uint32_t address, uint_fast8_t order, uint32_t *value) {
    (void)address, (void)order, (void)value;
    return false;
}

bool board_poke(uint32_t address, uint_fast8_t order, uint32_t value) {
    (void)address, (void)order, (void)value;
    return false;
}

// Interrupts off.
void board_note_shutdown(void) {
    journal_add(simulation.now, "shutdown", "the firmware shut down at its clock %u", (unsigned)simulation_clock());
}
DECL_ON_SHUTDOWN(board_note_shutdown);
