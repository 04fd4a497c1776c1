#include "core/command.h"

#include <string.h>

#include "core/board.h"
#include "core/declare.h"
#include "core/frame.h"
#include "core/generated.h"
#include "core/mcu.h"
#include "core/vlq.h"

DECL_REASON(COMMAND_UNKNOWN, "Invalid command");
DECL_REASON(COMMAND_CUT_OFF, "Command parser error");
DECL_REASON(RESPONSE_TOO_LONG, "Message encode error");

/* Commands */

static const struct command *find_command(uint32_t id)
{
    if (id < 1 || id > generated_command_count)
        return NULL;
    return &generated_commands[id - 1];
}

/* Fill words from the bytes at p; where the next command begins, or NULL when they are cut off. */
static const uint8_t *decode(const uint8_t *p, const uint8_t *end, const uint8_t *types, uint_fast8_t count,
                             message_word *words)
{
    while (count--) {
        uint32_t value;
        p = vlq_get(p, end, &value);
        if (!p)
            return NULL;
        *words++ = value;
        if (flash_u8(types++) != PARAMETER_BYTES)
            continue;
        if (value > (uint32_t)(end - p))
            return NULL;
        *words++ = message_address(p);
        p += value;
    }
    return p;
}

static void run(const struct command *command, const message_word *words)
{
    struct unwind_point point;
    unwind_push(&point);
    if (!setjmp(point.environment)) {
        void (*function)(const message_word *) = flash_pointer(&command->run);
        if (is_shutdown() && !(flash_u8(&command->flags) & COMMAND_WHILE_SHUT_DOWN))
            respond_is_shutdown();
        else
            function(words);
    }
    unwind_pop(&point);
}

/* One command; where the next one begins, or NULL when the rest can't be understood. */
static const uint8_t *decode_and_run(const uint8_t *p, const uint8_t *end)
{
    message_word words[MESSAGE_WORDS_MAX];
    uint32_t id = 0;
    p = vlq_get(p, end, &id);
    const struct command *command = find_command(id);
    if (p && !command) {
        shutdown_and_return(COMMAND_UNKNOWN);
        return NULL;
    }
    if (p)
        p = decode(p, end, flash_pointer(&command->types), flash_u8(&command->type_count), words);
    if (p)
        run(command, words);
    else
        shutdown_and_return(COMMAND_CUT_OFF);
    return p;
}

void command_dispatch(const uint8_t *content, uint_fast8_t size)
{
    const uint8_t *end = content + size;
    for (const uint8_t *p = content; p && p < end; p = decode_and_run(p, end))
        board_poll();
}

/* Responses */

static uint8_t *encode_bytes(uint8_t *p, const uint8_t *end, uint32_t size, const uint8_t *bytes)
{
    if (size >= (uint32_t)(end - p))
        return NULL;
    p = vlq_put_unsigned(p, size);
    memcpy(p, bytes, size);
    return p + size;
}

/* Append one parameter; the new end, or NULL when it doesn't fit. */
static uint8_t *encode(uint8_t *p, const uint8_t *end, uint8_t type, const message_word *word)
{
    if (!p || p >= end)
        return NULL;
    if (type == PARAMETER_BYTES)
        return encode_bytes(p, end, (uint32_t)word[0], message_bytes(word[1]));
    uint8_t scratch[VLQ_MAX];
    uint32_t value = (uint32_t)word[0];
    uint8_t *stop = type == PARAMETER_SIGNED ? vlq_put_signed(scratch, (int32_t)value)
                                             : vlq_put_unsigned(scratch, value);
    if (stop - scratch > end - p)
        return NULL;
    memcpy(p, scratch, (size_t)(stop - scratch));
    return p + (stop - scratch);
}

void respond_words(const struct message_format *format, const message_word *words, size_t count)
{
    uint8_t block[MESSAGE_BLOCK_MAX];
    const uint8_t *end = block + MESSAGE_BLOCK_MAX - MESSAGE_TRAILER;
    const uint8_t *types = flash_pointer(&format->types);
    uint8_t *p = vlq_put_signed(block + MESSAGE_HEADER, flash_i16(&format->id));
    for (uint_fast8_t left = flash_u8(&format->type_count); left; left--) {
        uint8_t type = flash_u8(types++);
        uint_fast8_t used = type == PARAMETER_BYTES ? 2 : 1;
        p = count >= used ? encode(p, end, type, words) : NULL;
        if (!p)
            shutdown(RESPONSE_TOO_LONG);
        words += used;
        count -= used;
    }
    frame_send(block, (uint_fast8_t)(p - block - MESSAGE_HEADER));
}
