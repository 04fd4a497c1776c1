#include "hardware.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/board.h"

bool without_hardware;

void complain(const char *what, const char *path)
{
    fprintf(stderr, "mcu-linux: %s %s: %s\n", what, path, strerror(errno));
}

int open_or_complain(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0)
        complain("can't open", path);
    return fd;
}

bool write_file(const char *path, const char *text)
{
    int fd = open_or_complain(path, O_WRONLY);
    if (fd < 0)
        return false;
    bool good = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (!good)
        complain("can't write", path);
    close(fd);
    return good;
}

int open_files_find(const struct open_files *table, uint32_t key)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->files[i].key == key)
            return table->files[i].fd;
    return -1;
}

bool open_files_add(struct open_files *table, uint32_t key, int fd)
{
    if (table->count == table->room) {
        fprintf(stderr, "mcu-linux: more than %zu open channels of one kind\n", table->room);
        close(fd);
        return false;
    }
    table->files[table->count++] = (struct open_file){key, fd};
    return true;
}

void open_files_close(struct open_files *table)
{
    for (size_t i = 0; i < table->count; i++)
        close(table->files[i].fd);
    table->count = 0;
}

void board_reset(void)
{
    gpio_release();
    spi_release();
    i2c_release();
    pwm_release();
    adc_release();
}
