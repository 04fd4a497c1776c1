/* Hardware PWM by the kernel's sysfs interface. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "hardware.h"
#include "pins.h"

DECL_ENUMERATION_RANGE("pin", "pwmchip0/pwm0", PWM_PIN + 0 * PWM_CHANNELS_PER_CHIP, PWM_CHANNELS_PER_CHIP);
DECL_ENUMERATION_RANGE("pin", "pwmchip1/pwm0", PWM_PIN + 1 * PWM_CHANNELS_PER_CHIP, PWM_CHANNELS_PER_CHIP);
DECL_ENUMERATION_RANGE("pin", "pwmchip2/pwm0", PWM_PIN + 2 * PWM_CHANNELS_PER_CHIP, PWM_CHANNELS_PER_CHIP);
DECL_ENUMERATION_RANGE("pin", "pwmchip3/pwm0", PWM_PIN + 3 * PWM_CHANNELS_PER_CHIP, PWM_CHANNELS_PER_CHIP);
DECL_ENUMERATION_RANGE("pin", "pwmchip4/pwm0", PWM_PIN + 4 * PWM_CHANNELS_PER_CHIP, PWM_CHANNELS_PER_CHIP);
DECL_ENUMERATION_RANGE("pin", "pwmchip5/pwm0", PWM_PIN + 5 * PWM_CHANNELS_PER_CHIP, PWM_CHANNELS_PER_CHIP);
DECL_ENUMERATION_RANGE("pin", "pwmchip6/pwm0", PWM_PIN + 6 * PWM_CHANNELS_PER_CHIP, PWM_CHANNELS_PER_CHIP);
DECL_ENUMERATION_RANGE("pin", "pwmchip7/pwm0", PWM_PIN + 7 * PWM_CHANNELS_PER_CHIP, PWM_CHANNELS_PER_CHIP);
DECL_ENUMERATION_RANGE("pin", "pwmchip8/pwm0", PWM_PIN + 8 * PWM_CHANNELS_PER_CHIP, PWM_CHANNELS_PER_CHIP);
DECL_REASON(PWM_UNAVAILABLE, "Unable to configure hardware PWM");

enum { TICK_NS = 1000000000 / BOARD_CLOCK_FREQ, CHANNELS_MAX = 16 };

static struct open_file files[CHANNELS_MAX];
static struct open_files channels = {files, CHANNELS_MAX, 0};

void pwm_release(void)
{
    open_files_close(&channels);
}

static void write_duty(int fd, uint32_t period_ns, uint16_t value)
{
    char text[16];
    uint32_t duty = (uint32_t)((uint64_t)period_ns * value / BOARD_PWM_MAX);
    int size = snprintf(text, sizeof(text), "%u", (unsigned)duty);
    if (fd >= 0 && pwrite(fd, text, (size_t)size, 0) != size)
        complain("can't write", "a PWM's duty_cycle");
}

enum { PATH_ROOM = 80 };

static void channel_path(char path[PATH_ROOM], uint32_t pin, const char *file)
{
    unsigned number = pin - PWM_PIN;
    snprintf(path, PATH_ROOM, "/sys/class/pwm/pwmchip%u/pwm%u/%s", number / PWM_CHANNELS_PER_CHIP,
             number % PWM_CHANNELS_PER_CHIP, file);
}

static bool write_channel(uint32_t pin, const char *file, uint32_t number)
{
    char path[PATH_ROOM], text[16];
    channel_path(path, pin, file);
    snprintf(text, sizeof(text), "%u", (unsigned)number);
    return write_file(path, text);
}

static bool export(uint32_t pin)
{
    unsigned number = pin - PWM_PIN;
    char path[PATH_ROOM], text[16];
    snprintf(path, sizeof(path), "/sys/class/pwm/pwmchip%u/export", number / PWM_CHANNELS_PER_CHIP);
    snprintf(text, sizeof(text), "%u", number % PWM_CHANNELS_PER_CHIP);
    return write_file(path, text);
}

/* Export the channel unless it is there, and wait until udev has made its files accessible. */
static int open_channel(uint32_t pin)
{
    char path[PATH_ROOM];
    channel_path(path, pin, "duty_cycle");
    if (access(path, F_OK) && !export(pin))
        return -1;
    for (int tries = 0; access(path, W_OK) && tries < 50; tries++)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    return open_or_complain(path, O_WRONLY);
}

/* The kernel refuses a period below the duty cycle of before, so that goes to zero first; it also
 * refuses this on a channel that never had a period. */
static bool start(uint32_t pin, int fd, uint32_t period_ns, uint16_t value)
{
    if (pwrite(fd, "0", 1, 0) != 1 && errno != EINVAL)
        complain("can't write", "a PWM's duty_cycle");
    if (!write_channel(pin, "period", period_ns))
        return false;
    write_duty(fd, period_ns, value);
    return write_channel(pin, "enable", 1);
}

static int find_or_open(uint32_t pin)
{
    int fd = open_files_find(&channels, pin);
    if (fd >= 0)
        return fd;
    fd = open_channel(pin);
    return fd >= 0 && open_files_add(&channels, pin, fd) ? fd : -1;
}

struct board_pwm board_pwm_setup(uint32_t pin, uint32_t cycle_ticks, uint16_t value)
{
    if (pin - PWM_PIN >= PWM_CHIPS * PWM_CHANNELS_PER_CHIP)
        shutdown(BOARD_BAD_PIN);
    if (cycle_ticks > UINT32_MAX / TICK_NS)
        shutdown(PWM_UNAVAILABLE);
    struct board_pwm pwm = {-1, cycle_ticks * TICK_NS};
    if (without_hardware)
        return pwm;
    pwm.duty_fd = find_or_open(pin);
    if (pwm.duty_fd < 0 || !start(pin, pwm.duty_fd, pwm.period_ns, value))
        shutdown(PWM_UNAVAILABLE);
    return pwm;
}

void board_pwm_write(struct board_pwm pwm, uint16_t value)
{
    write_duty(pwm.duty_fd, pwm.period_ns, value);
}
