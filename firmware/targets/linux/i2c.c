/* I2C by the kernel's i2c-dev interface. The bus's rate is the kernel's affair (device tree). */
#include <errno.h>
#include <fcntl.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "hardware.h"

#define I2C_BUSES 32

DECL_ENUMERATION_RANGE("i2c_bus", "i2c.0", 0, I2C_BUSES);
DECL_REASON(I2C_UNAVAILABLE, "Unable to open i2c device");

static struct open_file files[I2C_BUSES];
static struct open_files buses = {files, I2C_BUSES, 0};

void i2c_release(void)
{
    open_files_close(&buses);
}

struct board_i2c board_i2c_setup(uint32_t bus, uint32_t rate, uint8_t address)
{
    (void)rate;
    struct board_i2c i2c = {open_files_find(&buses, bus), address};
    if (i2c.fd >= 0)
        return i2c;
    if (bus >= I2C_BUSES)
        shutdown(I2C_UNAVAILABLE);
    char path[32];
    snprintf(path, sizeof(path), "/dev/i2c-%u", (unsigned)bus);
    i2c.fd = open_or_complain(path, O_RDWR);
    if (i2c.fd < 0 || !open_files_add(&buses, bus, i2c.fd))
        shutdown(I2C_UNAVAILABLE);
    return i2c;
}

static enum board_i2c_status status_of(int error)
{
    if (error == ENXIO || error == EREMOTEIO)
        return BOARD_I2C_NACK;
    return BOARD_I2C_TIMEOUT;
}

enum board_i2c_status board_i2c_transfer(struct board_i2c i2c, uint_fast8_t write_size, const uint8_t *write,
                                         uint_fast8_t read_size, uint8_t *read)
{
    struct i2c_msg messages[2];
    struct i2c_rdwr_ioctl_data transfer = {messages, 0};
    if (write_size || !read_size)
        messages[transfer.nmsgs++] = (struct i2c_msg){i2c.address, 0, (uint16_t)write_size, (uint8_t *)write};
    if (read_size)
        messages[transfer.nmsgs++] = (struct i2c_msg){i2c.address, I2C_M_RD, (uint16_t)read_size, read};
    if (ioctl(i2c.fd, I2C_RDWR, &transfer) >= 0)
        return BOARD_I2C_SUCCESS;
    return status_of(errno);
}
