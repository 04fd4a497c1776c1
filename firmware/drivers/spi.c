/* SPI devices: transfers on the host's request, and messages to send on shutdown. */
#include <string.h>

#include "core/arena.h"
#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "core/objects.h"

DECL_REASON(SPI_NO_BUS, "SPI device has no bus");
DECL_REASON(SPI_BUS_SET, "SPI bus is already set");
DECL_REASON(SPI_MODE, "Invalid spi mode");
DECL_RESPONSE(spi_transfer_response, "spi_transfer_response oid=%c response=%*s");

struct spi_device {
    struct board_spi bus;
    struct board_output select;
    bool has_bus, has_select, select_high;
};

struct spi_shutdown {
    struct spi_device *device;
    uint8_t size;
    uint8_t *message;
};

static const struct object_kind spi_kind, spi_shutdown_kind;

/* Task context, or shutdown with interrupts off. */
static void transfer(struct spi_device *spi, bool receive, uint_fast8_t size, uint8_t *data)
{
    board_spi_prepare(spi->bus);
    if (spi->has_select)
        board_output_write(spi->select, spi->select_high);
    board_spi_transfer(spi->bus, receive, size, data);
    if (spi->has_select)
        board_output_write(spi->select, !spi->select_high);
}

/* Interrupts off. All devices are first deselected: a shutdown may have cut a transfer short. */
void spi_on_shutdown(void)
{
    struct spi_device *spi;
    for (uint_fast8_t oid = 0; (spi = object_next(&spi_kind, &oid)); oid++)
        if (spi->has_select)
            board_output_write(spi->select, !spi->select_high);
    struct spi_shutdown *last_words;
    for (uint_fast8_t oid = 0; (last_words = object_next(&spi_shutdown_kind, &oid)); oid++)
        if (last_words->device->has_bus && last_words->size)
            transfer(last_words->device, false, last_words->size, last_words->message);
}
DECL_ON_SHUTDOWN(spi_on_shutdown);

/* Task context, as all commands. */
void command_config_spi(const message_word *args)
{
    bool select_high = args[2];
    struct spi_device *spi = object_create((uint32_t)args[0], sizeof(*spi));
    spi->select = board_output_setup((uint32_t)args[1], !select_high);
    spi->select_high = select_high;
    spi->has_select = true;
    object_publish((uint32_t)args[0], spi, &spi_kind);
}
DECL_COMMAND(command_config_spi, "config_spi oid=%c pin=%u cs_active_high=%c");

void command_config_spi_without_cs(const message_word *args)
{
    object_publish((uint32_t)args[0], object_create((uint32_t)args[0], sizeof(struct spi_device)), &spi_kind);
}
DECL_COMMAND(command_config_spi_without_cs, "config_spi_without_cs oid=%c");

void command_spi_set_bus(const message_word *args)
{
    struct spi_device *spi = object_find((uint32_t)args[0], &spi_kind);
    if (args[2] > 3)
        shutdown(SPI_MODE);
    if (spi->has_bus)
        shutdown(SPI_BUS_SET);
    spi->bus = board_spi_setup((uint32_t)args[1], (uint8_t)args[2], (uint32_t)args[3]);
    spi->has_bus = true;
}
DECL_COMMAND(command_spi_set_bus, "spi_set_bus oid=%c spi_bus=%u mode=%u rate=%u");

void command_config_spi_shutdown(const message_word *args)
{
    struct spi_device *spi = object_find((uint32_t)args[1], &spi_kind);
    struct spi_shutdown *s = object_create((uint32_t)args[0], sizeof(*s));
    s->device = spi;
    s->message = arena_take(args[2]);
    memcpy(s->message, message_bytes(args[3]), args[2]);
    s->size = (uint8_t)args[2];
    object_publish((uint32_t)args[0], s, &spi_shutdown_kind);
}
DECL_COMMAND(command_config_spi_shutdown, "config_spi_shutdown oid=%c spi_oid=%c shutdown_msg=%*s");

/* The data of a command is in a buffer of its own here: what comes in must not overwrite the block. */
static uint_fast8_t exchange(const message_word *args, bool receive, uint8_t *data)
{
    struct spi_device *spi = object_find((uint32_t)args[0], &spi_kind);
    uint_fast8_t size = (uint_fast8_t)args[1];
    if (!spi->has_bus)
        shutdown(SPI_NO_BUS);
    memcpy(data, message_bytes(args[2]), size);
    transfer(spi, receive, size, data);
    return size;
}

void command_spi_transfer(const message_word *args)
{
    uint8_t data[MESSAGE_CONTENT_MAX];
    uint_fast8_t size = exchange(args, true, data);
    respond(spi_transfer_response, args[0], size, message_address(data));
}
DECL_COMMAND(command_spi_transfer, "spi_transfer oid=%c data=%*s");

void command_spi_send(const message_word *args)
{
    uint8_t data[MESSAGE_CONTENT_MAX];
    exchange(args, false, data);
}
DECL_COMMAND(command_spi_send, "spi_send oid=%c data=%*s");
