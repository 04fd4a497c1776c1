/* Analog inputs by the kernel's industrial I/O interface. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "hardware.h"
#include "pins.h"

DECL_ENUMERATION_RANGE("pin", "analog0", ANALOG_PIN, ANALOG_PINS);
DECL_REASON(ADC_UNAVAILABLE, "Unable to open ADC channel");

static struct open_file files[ANALOG_PINS];
static struct open_files channels = {files, ANALOG_PINS, 0};

void adc_release(void)
{
    open_files_close(&channels);
}

struct board_adc board_adc_setup(uint32_t pin)
{
    if (pin - ANALOG_PIN >= ANALOG_PINS)
        shutdown(BOARD_BAD_PIN);
    struct board_adc adc = {open_files_find(&channels, pin)};
    if (adc.fd >= 0 || without_hardware)
        return adc;
    char path[80];
    unsigned channel = pin - ANALOG_PIN;
    snprintf(path, sizeof(path), "/sys/bus/iio/devices/iio:device0/in_voltage%u_raw", channel);
    adc.fd = open_or_complain(path, O_RDONLY);
    if (adc.fd < 0 || !open_files_add(&channels, pin, adc.fd))
        shutdown(ADC_UNAVAILABLE);
    return adc;
}

uint32_t board_adc_sample(struct board_adc adc)
{
    (void)adc;
    return 0; /* reading the file does the conversion */
}

/* Timer context. A channel that can't be read reads as full scale, which the range check takes for an
 * open sensor. */
uint16_t board_adc_read(struct board_adc adc)
{
    char text[16];
    if (adc.fd < 0)
        return BOARD_ADC_MAX / 2;
    ssize_t size = pread(adc.fd, text, sizeof(text) - 1, 0);
    if (size <= 0)
        return BOARD_ADC_MAX;
    text[size] = 0;
    return (uint16_t)atoi(text);
}

void board_adc_cancel(struct board_adc adc)
{
    (void)adc;
}
