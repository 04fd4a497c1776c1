/* A host for the tests: commands as blocks, and the firmware's answers decoded. */
#ifndef TESTS_FAKE_HOST_H
#define TESTS_FAKE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/message.h"

/* Begin with sequence 0, and no answers read. */
void host_reset(void);

/* Send a command, named by the function that serves it. Parameters are numbers; a buffer is given as
 * its size and message_address() of its bytes.   host_send(command_get_config);
 *                                                host_send(command_queue_step, 0, 1000, 5, 0); */
#define host_send(...) HOST_SEND_(__VA_ARGS__, 0)
#define HOST_SEND_(function, ...) host_send_words(function, (const message_word[]){__VA_ARGS__})
void host_send_words(void (*function)(const message_word *), const message_word *words);

/* Send content as one block with the sequence that is next. */
void host_send_block(const uint8_t *content, uint8_t size);

/* The next answer of this format; its words, a buffer taking two. NULL if there is none. Other answers
 * before it are skipped. The words are good until the next call. */
const message_word *host_read(const struct message_format *format);
#define host_signed(word) ((int32_t)(uint32_t)(word))

/* The sequence that the last empty block bore, -1 if there was none. Takes all answers. */
int host_acknowledgement(void);

/* Why the firmware shut down: true if for this reason, and only now. */
bool host_saw_shutdown(const uint16_t *reason);

/* Forget all answers so far. */
void host_forget(void);

#endif
