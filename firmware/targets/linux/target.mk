TARGET_SOURCES := $(wildcard targets/linux/*.c)
DRIVERS := digital_out pwm_out analog_in stepper trsync endstop buttons pulse_counter spi i2c
# Without PIE the firmware's variables lie in the low 4 GiB, where debug_read reaches them.
TARGET_CFLAGS := -D_GNU_SOURCE -fno-pie
TARGET_LIBS := -no-pie
