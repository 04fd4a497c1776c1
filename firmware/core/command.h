/* Running the commands of a block. */
#ifndef CORE_COMMAND_H
#define CORE_COMMAND_H

#include <stdint.h>

/* Task context. Run the commands in content, one after the other; buffers stay where they are. */
void command_dispatch(const uint8_t *content, uint_fast8_t size);

#endif
