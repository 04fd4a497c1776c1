/* What the core needs to know about a Linux process; see core/board.h. */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stdint.h>

#define BOARD_CLOCK_FREQ 50000000
#define BOARD_ADC_MAX 4095
#define BOARD_PWM_MAX 32768
#define BOARD_ARENA_SIZE (128 * 1024)

/* How late a timer may be: 1 ms with -r, as a host MCU that drives motors must keep it. */
extern uint32_t linux_late_limit;
#define BOARD_LATE_LIMIT linux_late_limit

typedef uint8_t board_irq_state;

struct board_output {
    uint16_t line; /* index into the table of lines in gpio.c */
};
struct board_input {
    uint16_t line;
};
struct board_pwm {
    int duty_fd; /* the channel's duty_cycle file; -1 without hardware */
    uint32_t period_ns;
};
struct board_adc {
    int fd; /* the channel's raw value file; -1 without hardware */
};
struct board_spi {
    int fd;
    uint32_t rate; /* Hz */
    uint8_t mode;
};
struct board_i2c {
    int fd;
    uint8_t address;
};

#endif
