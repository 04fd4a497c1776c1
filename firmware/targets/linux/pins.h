/* Numbers of the pins that the dictionary names. */
#ifndef LINUX_PINS_H
#define LINUX_PINS_H

#define GPIO_CHIPS 9
#define GPIO_LINES_PER_CHIP 512
#define ANALOG_PIN 8192
#define ANALOG_PINS 8
#define PWM_PIN 8448
#define PWM_CHIPS 9
#define PWM_CHANNELS_PER_CHIP 16

#endif
