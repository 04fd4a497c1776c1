# The core and all drivers around a board that exists in memory: unit tests (TARGET=test) and fuzzing.
TEST_SOURCES := $(wildcard tests/test_*.c) tests/main.c
TARGET_SOURCES := tests/fake_board.c tests/fake_host.c $(if $(filter fuzz,$(TARGET)),tests/fuzz.c,$(TEST_SOURCES))
DRIVERS := digital_out pwm_out analog_in stepper trsync endstop buttons pulse_counter spi i2c
