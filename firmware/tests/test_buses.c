/* SPI and I2C devices. */
#include <string.h>

#include "check.h"
#include "core/mcu.h"
#include "fake_board.h"
#include "fake_host.h"

extern const uint16_t SPI_NO_BUS, SPI_BUS_SET, SPI_MODE, I2C_NO_BUS, I2C_TOO_LONG, MEMORY_OUT_OF_REACH;
extern const struct message_format spi_transfer_response, i2c_response, debug_result_response;
void command_allocate_oids(const message_word *args);
void command_clear_shutdown(const message_word *args);
void command_config_i2c(const message_word *args);
void command_config_spi(const message_word *args);
void command_config_spi_shutdown(const message_word *args);
void command_config_spi_without_cs(const message_word *args);
void command_debug_read(const message_word *args);
void command_debug_write(const message_word *args);
void command_emergency_stop(const message_word *args);
void command_finalize_config(const message_word *args);
void command_i2c_set_bus(const message_word *args);
void command_i2c_transfer(const message_word *args);
void command_spi_send(const message_word *args);
void command_spi_set_bus(const message_word *args);
void command_spi_transfer(const message_word *args);

enum { SPI, SELECTLESS, LAST_WORDS, I2C, OIDS };
enum { SELECT = 2 };

static void configure(void)
{
    fake_boot(0);
    host_reset();
    host_send(command_allocate_oids, OIDS);
    host_send(command_config_spi, SPI, SELECT, 0);
    host_send(command_config_spi_without_cs, SELECTLESS);
    host_send(command_config_spi_shutdown, LAST_WORDS, SPI, 3, message_address("off"));
    host_send(command_config_i2c, I2C);
    host_send(command_finalize_config, 0);
    host_send(command_spi_set_bus, SPI, 0, 3, 1000000);
    host_send(command_i2c_set_bus, I2C, 1, 400000, 0x40);
    CHECK(!is_shutdown());
    CHECK_EQUAL(fake.levels[SELECT], 1);
    fake.change_count = 0;
    host_forget();
}

static void spi(void)
{
    configure();
    host_send(command_spi_transfer, SPI, 4, message_address("\x00\x01\x7e\xff"));
    const message_word *words = host_read(&spi_transfer_response);
    CHECK(words[0] == SPI && words[1] == 4 && !memcmp(message_bytes(words[2]), "\xff\xfe\x81\x00", 4));
    CHECK_EQUAL(fake.change_count, 2); /* selected, deselected */
    CHECK(fake.changes[0].level == 0 && fake.changes[1].level == 1);
    host_send(command_spi_send, SPI, 2, message_address("ab"));
    CHECK(!host_read(&spi_transfer_response));
    CHECK(fake.spi_size == 6 && !memcmp(fake.spi + 4, "ab", 2));
}

static void spi_last_words(void)
{
    configure();
    host_send(command_emergency_stop);
    CHECK(fake.spi_size == 3 && !memcmp(fake.spi, "off", 3));
    CHECK_EQUAL(fake.levels[SELECT], 1);
}

static void refusals(void)
{
    configure();
    host_send(command_spi_transfer, SELECTLESS, 1, message_address("x"));
    CHECK(host_saw_shutdown(&SPI_NO_BUS));
    host_send(command_clear_shutdown);
    host_send(command_spi_set_bus, SELECTLESS, 0, 4, 1000);
    CHECK(host_saw_shutdown(&SPI_MODE));
    host_send(command_clear_shutdown);
    host_send(command_spi_set_bus, SPI, 0, 0, 1000);
    CHECK(host_saw_shutdown(&SPI_BUS_SET));
    host_send(command_clear_shutdown);
    host_send(command_i2c_transfer, I2C, 0, message_address(""), 200);
    CHECK(host_saw_shutdown(&I2C_TOO_LONG));
}

static void i2c(void)
{
    configure();
    host_send(command_i2c_transfer, I2C, 2, message_address("\x01\x02"), 50);
    const message_word *words = host_read(&i2c_response);
    CHECK(words[0] == I2C && words[1] == 0 && words[2] == 50);
    for (unsigned i = 0; i < 50; i++)
        CHECK_EQUAL(message_bytes(words[3])[i], 0x43 + i);
    fake.i2c_status = 1;
    host_send(command_i2c_transfer, I2C, 0, message_address(""), 5);
    words = host_read(&i2c_response);
    CHECK(words[1] == 1 && words[2] == 0);
    CHECK(!is_shutdown());
}

static void memory(void)
{
    configure();
    host_send(command_debug_read, 2, 40);
    CHECK_EQUAL(host_read(&debug_result_response)[0], 42);
    host_send(command_debug_write, 0, 40, 9);
    CHECK(!is_shutdown());
    host_send(command_debug_read, 2, 5000);
    CHECK(host_saw_shutdown(&MEMORY_OUT_OF_REACH));
}

void test_buses(void)
{
    spi();
    spi_last_words();
    refusals();
    i2c();
    memory();
}
