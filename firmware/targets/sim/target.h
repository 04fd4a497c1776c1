// The simulated board: see core/board.h for what is asked for here.
#ifndef SIM_TARGET_H
#define SIM_TARGET_H

#include <stdint.h>

#define BOARD_CLOCK_FREQ 20000000 // TICKS_PER_SECOND of ticks.h
#define BOARD_ADC_MAX 4095
#define BOARD_PWM_MAX 255
#define BOARD_ARENA_SIZE 131072
#define BOARD_LATE_LIMIT 20000 // 1 ms

typedef uint_fast8_t board_irq_state;

struct board_output {
    uint8_t pin;
};

struct board_input {
    uint8_t pin;
    int8_t pull;
};

struct board_pwm {
    uint8_t pin;
};

struct board_adc {
    uint8_t pin;
};

#endif
