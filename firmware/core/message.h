/* Messages: parameters as words, formats as type tables, and how to send a response. */
#ifndef CORE_MESSAGE_H
#define CORE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

/* One parameter. Wide enough for 32 bits and for a pointer. */
#if UINTPTR_MAX > UINT32_MAX
typedef uintptr_t message_word;
#else
typedef uint32_t message_word;
#endif

enum {
    MESSAGE_BLOCK_MAX = 64,
    MESSAGE_HEADER = 2,
    MESSAGE_TRAILER = 3,
    MESSAGE_BLOCK_MIN = MESSAGE_HEADER + MESSAGE_TRAILER,
    MESSAGE_CONTENT_MAX = MESSAGE_BLOCK_MAX - MESSAGE_BLOCK_MIN,
    MESSAGE_WORDS_MAX = 16, /* parameter words of one command; the generator checks it */
};

enum parameter_type {
    PARAMETER_UNSIGNED, /* %c %hu %u */
    PARAMETER_SIGNED,   /* %hi %i */
    PARAMETER_BYTES,    /* %*s %.*s: two words, size and address */
};

/* In flash, written by core/dictionary.py. */
struct message_format {
    int16_t id;
    uint8_t type_count; /* parameters, a buffer being one */
    const uint8_t *types;
};

/* Task context. The bytes of a buffer parameter, given its second word; and the word for some bytes. */
static inline uint8_t *message_bytes(message_word word) { return (uint8_t *)(uintptr_t)word; }
static inline message_word message_address(const void *bytes) { return (message_word)(uintptr_t)bytes; }

/* Task context. Send a response, all parameters as words:
 *   respond(clock_response, board_clock());
 *   respond(pong, size, message_address(bytes)); */
#define respond(format, ...)                                                                           \
    respond_words(&(format), (const message_word[]){__VA_ARGS__},                                      \
                  sizeof((const message_word[]){__VA_ARGS__}) / sizeof(message_word))
#define respond_empty(format) respond_words(&(format), NULL, 0)
void respond_words(const struct message_format *format, const message_word *words, size_t count);

#endif
