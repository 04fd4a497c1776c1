/* The boot-time arena: what a configuration needs, handed out once and never given back one by one. */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include <stddef.h>
#include <stdint.h>

/* Task context. Zeroed memory, aligned for any object; shutdown(ARENA_FULL) when there is none. */
void *arena_take(size_t size);

/* Task context. All that is left, and its size in bytes. */
void *arena_take_rest(size_t *size);

/* Task context. Forget everything. */
void arena_reset(void);

#endif
