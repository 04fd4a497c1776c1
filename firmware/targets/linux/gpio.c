/* Digital pins by the kernel's GPIO character device, version 2 of its interface. */
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "hardware.h"
#include "pins.h"

DECL_ENUMERATION_RANGE("pin", "gpio0", 0, GPIO_LINES_PER_CHIP);
DECL_ENUMERATION_RANGE("pin", "gpiochip0/gpio0", 0, GPIO_LINES_PER_CHIP);
DECL_ENUMERATION_RANGE("pin", "gpiochip1/gpio0", 1 * GPIO_LINES_PER_CHIP, GPIO_LINES_PER_CHIP);
DECL_ENUMERATION_RANGE("pin", "gpiochip2/gpio0", 2 * GPIO_LINES_PER_CHIP, GPIO_LINES_PER_CHIP);
DECL_ENUMERATION_RANGE("pin", "gpiochip3/gpio0", 3 * GPIO_LINES_PER_CHIP, GPIO_LINES_PER_CHIP);
DECL_ENUMERATION_RANGE("pin", "gpiochip4/gpio0", 4 * GPIO_LINES_PER_CHIP, GPIO_LINES_PER_CHIP);
DECL_ENUMERATION_RANGE("pin", "gpiochip5/gpio0", 5 * GPIO_LINES_PER_CHIP, GPIO_LINES_PER_CHIP);
DECL_ENUMERATION_RANGE("pin", "gpiochip6/gpio0", 6 * GPIO_LINES_PER_CHIP, GPIO_LINES_PER_CHIP);
DECL_ENUMERATION_RANGE("pin", "gpiochip7/gpio0", 7 * GPIO_LINES_PER_CHIP, GPIO_LINES_PER_CHIP);
DECL_ENUMERATION_RANGE("pin", "gpiochip8/gpio0", 8 * GPIO_LINES_PER_CHIP, GPIO_LINES_PER_CHIP);
DECL_REASON(GPIO_NO_CHIP, "Unable to open GPIO chip device");
DECL_REASON(GPIO_NO_LINE, "Unable to configure GPIO line");
DECL_REASON(GPIO_TOO_MANY, "Too many GPIO lines in use");

enum { LINES_MAX = 128 };

static struct line {
    uint32_t pin;
    int fd; /* -1 without hardware */
    bool high;
} lines[LINES_MAX];
static uint16_t line_count;

void gpio_release(void)
{
    for (uint16_t i = 0; i < line_count; i++)
        if (lines[i].fd >= 0)
            close(lines[i].fd);
    line_count = 0;
}

static int request_line(uint32_t pin, const struct gpio_v2_line_config *config)
{
    char path[32];
    snprintf(path, sizeof(path), "/dev/gpiochip%u", (unsigned)(pin / GPIO_LINES_PER_CHIP));
    int chip = open_or_complain(path, O_RDWR);
    if (chip < 0)
        shutdown(GPIO_NO_CHIP);
    struct gpio_v2_line_request request = {.num_lines = 1, .config = *config};
    request.offsets[0] = pin % GPIO_LINES_PER_CHIP;
    strcpy(request.consumer, "klipper-appliance");
    int result = ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &request);
    if (result < 0) {
        char line[64];
        snprintf(line, sizeof(line), "%s line %u", path, (unsigned)request.offsets[0]);
        complain("can't request", line);
    }
    close(chip);
    if (result < 0)
        shutdown(GPIO_NO_LINE);
    return request.fd;
}

static void reconfigure(const struct line *line, struct gpio_v2_line_config *config)
{
    if (line->fd < 0 || ioctl(line->fd, GPIO_V2_LINE_SET_CONFIG_IOCTL, config) >= 0)
        return;
    complain("can't configure", "a GPIO line");
    shutdown(GPIO_NO_LINE);
}

/* Task context. The line's index; requests it from the kernel on first use. */
static uint16_t set_up(uint32_t pin, struct gpio_v2_line_config *config)
{
    if (pin >= GPIO_CHIPS * GPIO_LINES_PER_CHIP)
        shutdown(BOARD_BAD_PIN);
    for (uint16_t i = 0; i < line_count; i++) {
        if (lines[i].pin == pin) {
            reconfigure(&lines[i], config);
            return i;
        }
    }
    if (line_count == LINES_MAX)
        shutdown(GPIO_TOO_MANY);
    lines[line_count].fd = without_hardware ? -1 : request_line(pin, config);
    lines[line_count].pin = pin;
    return line_count++;
}

struct board_output board_output_setup(uint32_t pin, bool high)
{
    struct gpio_v2_line_config config = {.flags = GPIO_V2_LINE_FLAG_OUTPUT, .num_attrs = 1};
    config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
    config.attrs[0].attr.values = high;
    config.attrs[0].mask = 1;
    struct board_output out = {set_up(pin, &config)};
    lines[out.line].high = high;
    return out;
}

struct board_input board_input_setup(uint32_t pin, int_fast8_t pull)
{
    struct gpio_v2_line_config config = {.flags = GPIO_V2_LINE_FLAG_INPUT};
    if (pull)
        config.flags |= pull > 0 ? GPIO_V2_LINE_FLAG_BIAS_PULL_UP : GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN;
    struct board_input in = {set_up(pin, &config)};
    lines[in.line].high = pull > 0;
    return in;
}

void board_output_write(struct board_output out, bool high)
{
    struct line *line = &lines[out.line];
    struct gpio_v2_line_values values = {.bits = high, .mask = 1};
    line->high = high;
    if (line->fd >= 0)
        ioctl(line->fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &values);
}

void board_output_toggle(struct board_output out)
{
    board_output_write(out, !lines[out.line].high);
}

bool board_input_read(struct board_input in)
{
    struct line *line = &lines[in.line];
    struct gpio_v2_line_values values = {.mask = 1};
    if (line->fd < 0)
        return line->high;
    ioctl(line->fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &values);
    return values.bits & 1;
}
