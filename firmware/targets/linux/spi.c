/* SPI by the kernel's spidev interface. A bus is spidevB.C; its own chip select belongs to it. */
#include <fcntl.h>
#include <linux/spi/spidev.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "hardware.h"

#define SELECTS_PER_BUS 16

DECL_ENUMERATION_RANGE("spi_bus", "spidev0.0", 0 * SELECTS_PER_BUS, SELECTS_PER_BUS);
DECL_ENUMERATION_RANGE("spi_bus", "spidev1.0", 1 * SELECTS_PER_BUS, SELECTS_PER_BUS);
DECL_ENUMERATION_RANGE("spi_bus", "spidev2.0", 2 * SELECTS_PER_BUS, SELECTS_PER_BUS);
DECL_ENUMERATION_RANGE("spi_bus", "spidev3.0", 3 * SELECTS_PER_BUS, SELECTS_PER_BUS);
DECL_ENUMERATION_RANGE("spi_bus", "spidev4.0", 4 * SELECTS_PER_BUS, SELECTS_PER_BUS);
DECL_ENUMERATION_RANGE("spi_bus", "spidev5.0", 5 * SELECTS_PER_BUS, SELECTS_PER_BUS);
DECL_ENUMERATION_RANGE("spi_bus", "spidev6.0", 6 * SELECTS_PER_BUS, SELECTS_PER_BUS);
DECL_ENUMERATION_RANGE("spi_bus", "spidev10.0", 10 * SELECTS_PER_BUS, SELECTS_PER_BUS);
DECL_REASON(SPI_UNAVAILABLE, "Unable to open spi device");
DECL_REASON(SPI_FAILED, "Unable to issue spi ioctl");

enum { BUSES = 256, DEVICES_MAX = 16 };

static struct open_file files[DEVICES_MAX];
static struct open_files devices = {files, DEVICES_MAX, 0};

void spi_release(void)
{
    open_files_close(&devices);
}

struct board_spi board_spi_setup(uint32_t bus, uint8_t mode, uint32_t rate)
{
    struct board_spi spi = {open_files_find(&devices, bus), rate, mode};
    if (spi.fd >= 0)
        return spi;
    if (bus >= BUSES * SELECTS_PER_BUS)
        shutdown(SPI_UNAVAILABLE);
    char path[32];
    snprintf(path, sizeof(path), "/dev/spidev%u.%u", (unsigned)(bus / SELECTS_PER_BUS),
             (unsigned)(bus % SELECTS_PER_BUS));
    spi.fd = open_or_complain(path, O_RDWR);
    if (spi.fd < 0 || !open_files_add(&devices, bus, spi.fd))
        shutdown(SPI_UNAVAILABLE);
    return spi;
}

void board_spi_prepare(struct board_spi spi)
{
    if (ioctl(spi.fd, SPI_IOC_WR_MODE, &spi.mode) < 0)
        complain("can't set the mode of", "an SPI device");
}

/* Task context, or shutdown: then a failure is only complained of. */
void board_spi_transfer(struct board_spi spi, bool receive, uint_fast8_t size, uint8_t *data)
{
    struct spi_ioc_transfer transfer = {
        .tx_buf = (uintptr_t)data,
        .rx_buf = receive ? (uintptr_t)data : 0,
        .len = size,
        .speed_hz = spi.rate,
        .bits_per_word = 8,
    };
    if (!size || ioctl(spi.fd, SPI_IOC_MESSAGE(1), &transfer) >= 0)
        return;
    complain("can't transfer on", "an SPI device");
    if (!is_shutdown())
        shutdown(SPI_FAILED);
}
