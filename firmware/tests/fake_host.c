#include "fake_host.h"

#include <stdlib.h>
#include <string.h>

#include "core/frame.h"
#include "core/generated.h"
#include "core/mcu.h"
#include "core/vlq.h"
#include "fake_board.h"

extern const struct message_format shutdown_response;

static uint8_t sequence;
static size_t read_at; /* in fake.sent */

void host_reset(void)
{
    sequence = 0;
    host_forget();
}

void host_forget(void)
{
    read_at = fake.sent_size = 0;
}

void host_send_block(const uint8_t *content, uint8_t size)
{
    uint8_t block[MESSAGE_BLOCK_MAX];
    block[0] = (uint8_t)(size + MESSAGE_BLOCK_MIN);
    block[1] = 0x10 | sequence;
    if (size)
        memcpy(block + 2, content, size);
    uint16_t crc = frame_crc(block, size + 2);
    block[size + 2] = (uint8_t)(crc >> 8);
    block[size + 3] = (uint8_t)crc;
    block[size + 4] = 0x7e;
    sequence = (sequence + 1) & 15;
    mcu_receive(block, block[0]);
    while (mcu_tasks_pending())
        mcu_run_tasks();
}

static uint32_t command_id(void (*function)(const message_word *))
{
    for (uint16_t i = 0; i < generated_command_count; i++)
        if (generated_commands[i].run == function)
            return i + 1;
    abort();
}

void host_send_words(void (*function)(const message_word *), const message_word *words)
{
    uint8_t content[256];
    uint32_t id = command_id(function);
    const struct command *command = &generated_commands[id - 1];
    uint8_t *p = vlq_put_unsigned(content, id);
    for (uint8_t i = 0; i < command->type_count; i++) {
        uint32_t value = (uint32_t)*words++;
        if (command->types[i] == PARAMETER_SIGNED) {
            p = vlq_put_signed(p, (int32_t)value);
            continue;
        }
        p = vlq_put_unsigned(p, value);
        if (command->types[i] == PARAMETER_BYTES) {
            memcpy(p, message_bytes(*words++), value);
            p += value;
        }
    }
    host_send_block(content, (uint8_t)(p - content));
}

static const message_word *decode(const struct message_format *format, const uint8_t *p, const uint8_t *end)
{
    static message_word words[MESSAGE_WORDS_MAX];
    message_word *out = words;
    for (uint8_t i = 0; i < format->type_count; i++) {
        uint32_t value;
        p = vlq_get(p, end, &value);
        if (!p)
            abort();
        *out++ = value;
        if (format->types[i] == PARAMETER_BYTES) {
            *out++ = message_address(p);
            p += value;
        }
    }
    if (p != end)
        abort();
    return words;
}

const message_word *host_read(const struct message_format *format)
{
    while (read_at < fake.sent_size) {
        const uint8_t *block = fake.sent + read_at, *end = block + block[0] - 3;
        uint32_t id;
        read_at += block[0];
        const uint8_t *p = vlq_get(block + 2, end, &id);
        if (p && (int32_t)id == format->id)
            return decode(format, p, end);
    }
    return NULL;
}

int host_acknowledgement(void)
{
    int last = -1;
    for (; read_at < fake.sent_size; read_at += fake.sent[read_at])
        if (fake.sent[read_at] == MESSAGE_BLOCK_MIN)
            last = fake.sent[read_at + 1] & 15;
    return last;
}

bool host_saw_shutdown(const uint16_t *reason)
{
    const message_word *words = host_read(&shutdown_response);
    return words && words[1] == *reason;
}
