/* I2C devices: write and read on the host's request. Task context throughout. */
#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "core/objects.h"

DECL_REASON(I2C_NO_BUS, "I2C device has no bus");
DECL_REASON(I2C_BUS_SET, "I2C bus is already set");
DECL_REASON(I2C_TOO_LONG, "I2C read is too long");
DECL_RESPONSE(i2c_response, "i2c_response oid=%c i2c_bus_status=%c response=%*s");
DECL_ENUMERATION("i2c_bus_status", "SUCCESS", 0);
DECL_ENUMERATION("i2c_bus_status", "NACK", 1);
DECL_ENUMERATION("i2c_bus_status", "BUS_TIMEOUT", 2);
DECL_ENUMERATION("i2c_bus_status", "START_NACK", 3);
DECL_ENUMERATION("i2c_bus_status", "START_READ_NACK", 4);

enum { READ_MAX = MESSAGE_CONTENT_MAX - 2 - 2 - 1 - 1 }; /* id, oid, status, length of data */

struct i2c_device {
    struct board_i2c bus;
    bool has_bus;
};

static const struct object_kind i2c_kind;

void command_config_i2c(const message_word *args)
{
    object_publish((uint32_t)args[0], object_create((uint32_t)args[0], sizeof(struct i2c_device)), &i2c_kind);
}
DECL_COMMAND(command_config_i2c, "config_i2c oid=%c");

void command_i2c_set_bus(const message_word *args)
{
    struct i2c_device *i2c = object_find((uint32_t)args[0], &i2c_kind);
    if (i2c->has_bus)
        shutdown(I2C_BUS_SET);
    i2c->bus = board_i2c_setup((uint32_t)args[1], (uint32_t)args[2], (uint8_t)args[3] & 0x7f);
    i2c->has_bus = true;
}
DECL_COMMAND(command_i2c_set_bus, "i2c_set_bus oid=%c i2c_bus=%u rate=%u address=%u");

void command_i2c_transfer(const message_word *args)
{
    uint8_t data[READ_MAX];
    struct i2c_device *i2c = object_find((uint32_t)args[0], &i2c_kind);
    if (!i2c->has_bus)
        shutdown(I2C_NO_BUS);
    if (args[3] > READ_MAX)
        shutdown(I2C_TOO_LONG);
    uint_fast8_t read_size = (uint_fast8_t)args[3];
    enum board_i2c_status status =
        board_i2c_transfer(i2c->bus, (uint_fast8_t)args[1], message_bytes(args[2]), read_size, data);
    if (status != BOARD_I2C_SUCCESS)
        read_size = 0;
    respond(i2c_response, args[0], status, read_size, message_address(data));
}
DECL_COMMAND(command_i2c_transfer, "i2c_transfer oid=%c write=%*s read_len=%u");
