/* libFuzzer target: whatever a host may say, at whatever time, the firmware lives and answers.
 *
 * The first byte of an input chooses how the rest is read: as raw bytes on the console; as a list of
 * steps (a length, then a block's content that gets a right header and CRC; or a length above 59, then
 * time passes); or as commands with parameters that make some sense, which is what gets far into the
 * drivers.
 */
#include <stdlib.h>
#include <string.h>

#include "core/generated.h"
#include "core/mcu.h"
#include "fake_board.h"
#include "fake_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_answer(void)
{
    mcu_disconnected();
    host_forget();
    /* An intact block is answered, in sequence or not. */
    static const uint8_t block[] = {0x05, 0x10, 0x9e, 0x81, 0x7e};
    mcu_receive(block, sizeof(block));
    if (fake.sent_size != 5 || fake.sent[0] != 5 || (fake.sent[1] & 0xf0) != 0x10 || fake.sent[4] != 0x7e)
        abort();
}

static void pass_time(uint8_t amount)
{
    if (amount == 255)
        fake_stall(3000);
    else
        fake_run_until(fake.now + (amount - MESSAGE_CONTENT_MAX) * 5u);
}

static void run_steps(const uint8_t *data, size_t size)
{
    while (size) {
        uint8_t length = *data++;
        size--;
        if (length > MESSAGE_CONTENT_MAX) {
            pass_time(length);
            continue;
        }
        if (length > size)
            length = (uint8_t)size;
        host_send_block(data, length);
        data += length;
        size -= length;
    }
}

/* Small numbers as they are, for oids, pins and flags; or a time around now; or anything. */
static message_word parameter(const uint8_t *data)
{
    if (data[0] < 128)
        return data[0] & 15;
    if (data[0] < 200)
        return fake.now + data[1] * 7u;
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 8 | data[0];
}

static void run_command(const struct command *command, const uint8_t *data)
{
    static const uint8_t bytes[16] = "some bytes";
    message_word words[MESSAGE_WORDS_MAX], *out = words;
    for (uint8_t i = 0; i < command->type_count; i++, data += 2) {
        if (command->types[i] == PARAMETER_BYTES) {
            *out++ = data[0] % sizeof(bytes);
            *out++ = message_address(bytes);
        } else {
            *out++ = parameter(data);
        }
    }
    host_send_words(command->run, words);
}

static void run_commands(const uint8_t *data, size_t size)
{
    const struct command *command;
    for (; size; data++, size--) {
        if (data[0] >= generated_command_count) {
            pass_time(data[0] < MESSAGE_CONTENT_MAX ? MESSAGE_CONTENT_MAX : data[0]);
            continue;
        }
        command = &generated_commands[data[0]];
        size_t used = 2u * command->type_count;
        if (size <= used)
            return;
        run_command(command, data + 1);
        data += used;
        size -= used;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    fake_boot(UINT32_MAX - 2000);
    host_reset();
    if (data[0] % 4 == 1)
        run_steps(data + 1, size - 1);
    else if (data[0] % 2)
        run_commands(data + 1, size - 1);
    else
        mcu_receive(data + 1, size - 1);
    fake_run_until(fake.now + 100);
    expect_answer();
    mcu_stop();
    return 0;
}
