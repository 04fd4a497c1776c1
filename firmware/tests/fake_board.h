/* The board in memory: virtual time, and a record of all that the firmware does to its pins. */
#ifndef TESTS_FAKE_BOARD_H
#define TESTS_FAKE_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAKE_PINS = 32, FAKE_CHANGES_MAX = 4096, FAKE_SENT_MAX = 65536, FAKE_SPI_MAX = 256 };

struct fake_change {
    uint32_t clock;
    uint8_t pin;
    uint16_t level; /* 0 or 1; a PWM's value */
};

struct fake_board {
    uint32_t now;
    uint16_t levels[FAKE_PINS];
    uint16_t adc; /* what every analog pin reads */
    uint32_t adc_delay; /* ticks that a conversion takes */
    struct fake_change changes[FAKE_CHANGES_MAX];
    size_t change_count; /* goes on counting when changes is full */
    uint8_t sent[FAKE_SENT_MAX]; /* blocks of the firmware, one after the other */
    size_t sent_size;
    uint8_t spi[FAKE_SPI_MAX]; /* what was sent to SPI devices */
    size_t spi_size;
    uint8_t i2c_status;
    unsigned resets;
};
extern struct fake_board fake;

/* Forget all, and boot at that clock. */
void fake_boot(uint32_t clock);

/* Let time pass up to clock, running timers at exactly their time and tasks as soon as they are woken. */
void fake_run_until(uint32_t clock);

/* A process that was stopped for a while: time jumps, then timers run late. */
void fake_stall(uint32_t ticks);

#endif
