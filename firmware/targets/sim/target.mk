TARGET_SOURCES := $(wildcard targets/sim/*.c)
DRIVERS := digital_out pwm_out analog_in stepper endstop trsync buttons pulse_counter
TARGET_CFLAGS := -D_GNU_SOURCE
TARGET_LIBS := -lm
