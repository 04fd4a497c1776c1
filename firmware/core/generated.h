/* What core/dictionary.py writes from the declarations of all linked objects. */
#ifndef CORE_GENERATED_H
#define CORE_GENERATED_H

#include <stdint.h>

#include "core/flash.h"
#include "core/message.h"

enum { COMMAND_WHILE_SHUT_DOWN = 1 };

struct command {
    void (*run)(const message_word *args);
    const uint8_t *types;
    uint8_t type_count;
    uint8_t flags;
};

/* The commands with ids 1, 2, 3... */
extern const struct command generated_commands[];
extern const uint16_t generated_command_count;

/* zlib-compressed JSON. */
extern const uint8_t generated_dictionary[];
extern const uint32_t generated_dictionary_size;

/* Task context. */
void generated_run_inits(void);
void generated_run_tasks(void);
/* Interrupts off. */
void generated_run_on_shutdown(void);

#endif
