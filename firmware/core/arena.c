#include "core/arena.h"

#include <string.h>

#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"

DECL_REASON(ARENA_FULL, "Out of memory: the configuration is too large");

union anything {
    void *pointer;
    void (*function)(void);
    uint32_t number;
    uint64_t wide;
};

static _Alignas(union anything) uint8_t arena[BOARD_ARENA_SIZE];
static size_t used;

void arena_reset(void)
{
    used = 0;
}

void *arena_take(size_t size)
{
    const size_t step = _Alignof(union anything);
    size = (size + step - 1) / step * step;
    if (size > sizeof(arena) - used)
        shutdown(ARENA_FULL);
    void *memory = arena + used;
    used += size;
    memset(memory, 0, size);
    return memory;
}

void *arena_take_rest(size_t *size)
{
    *size = sizeof(arena) - used;
    void *memory = arena + used;
    used = sizeof(arena);
    return memory;
}
