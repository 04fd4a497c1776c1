/* A board that exists in memory, for tests; see core/board.h. One tick is a microsecond. */
#ifndef TARGET_H
#define TARGET_H

#include <stdint.h>

#define BOARD_CLOCK_FREQ 1000000
#define BOARD_ADC_MAX 4095
#define BOARD_PWM_MAX 255
#define BOARD_ARENA_SIZE 4096
#define BOARD_LATE_LIMIT 1000

typedef uint8_t board_irq_state;

struct board_output {
    uint8_t pin;
};
struct board_input {
    uint8_t pin;
};
struct board_pwm {
    uint8_t pin;
};
struct board_adc {
    uint8_t pin;
};
struct board_spi {
    uint8_t bus;
};
struct board_i2c {
    uint8_t bus, address;
};

#endif
