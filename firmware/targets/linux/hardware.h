/* What the files of this target share: the process and its kernel interfaces. Task context. */
#ifndef LINUX_HARDWARE_H
#define LINUX_HARDWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --no-hardware: digital pins, PWM and ADC exist in memory only, so that the protocol can be tried on
 * a machine that has none. An input reads what was last set on the same pin, or its pull-up. */
extern bool without_hardware;

/* Say on stderr what failed, on which path, and errno's text. The shutdown reason that follows is one
 * of a fixed set and can't name the path. */
void complain(const char *what, const char *path);

/* Open a file; -1 after complaining. */
int open_or_complain(const char *path, int flags);

/* Write text to a sysfs file in one go; false after complaining. */
bool write_file(const char *path, const char *text);

/* Close all that was opened for a configuration. */
void gpio_release(void);
void spi_release(void);
void i2c_release(void);
void pwm_release(void);
void adc_release(void);

/* A table of open files, so that a configuration repeated after a reset opens nothing twice. */
struct open_file {
    uint32_t key;
    int fd;
};
struct open_files {
    struct open_file *files;
    size_t room, count;
};
/* The open file of that key, or -1. */
int open_files_find(const struct open_files *table, uint32_t key);
/* False, having closed fd, when the table is full. */
bool open_files_add(struct open_files *table, uint32_t key, int fd);
void open_files_close(struct open_files *table);

#endif
