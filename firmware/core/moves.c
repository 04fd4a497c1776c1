#include "core/moves.h"

#include "core/arena.h"
#include "core/declare.h"
#include "core/mcu.h"

DECL_REASON(MOVES_EXHAUSTED, "Move queue overflow");

static struct move *free_slots;
static size_t slot_size;
static uint16_t slot_count;
static bool ready;

/* Task context. */
void moves_init(void)
{
    free_slots = NULL;
    slot_size = sizeof(struct move);
    slot_count = 0;
    ready = false;
}
DECL_INIT(moves_init);

void moves_need(size_t size)
{
    const size_t step = sizeof(void *) > 2 ? sizeof(void *) : 1;
    size = (size + step - 1) / step * step;
    if (size > slot_size)
        slot_size = size;
}

void moves_finalize(void)
{
    size_t size;
    uint8_t *memory = arena_take_rest(&size);
    size_t count = size / slot_size;
    slot_count = (uint16_t)(count < UINT16_MAX ? count : UINT16_MAX);
    for (uint16_t i = 0; i < slot_count; i++)
        move_give_back(memory + i * slot_size);
    ready = true;
}

bool moves_ready(void)
{
    return ready;
}

uint16_t moves_count(void)
{
    return slot_count;
}

void *move_take(void)
{
    board_irq_state irq = board_irq_save();
    struct move *slot = free_slots;
    if (slot)
        free_slots = slot->next;
    board_irq_restore(irq);
    if (!slot)
        shutdown(MOVES_EXHAUSTED);
    return slot;
}

void move_give_back(void *slot)
{
    struct move *move = slot;
    move->next = free_slots;
    free_slots = move;
}

void move_append(struct move_queue *queue, struct move *move)
{
    move->next = NULL;
    if (queue->first)
        queue->last->next = move;
    else
        queue->first = move;
    queue->last = move;
}

struct move *move_pop(struct move_queue *queue)
{
    struct move *move = queue->first;
    if (move)
        queue->first = move->next;
    return move;
}

void move_drop_all(struct move_queue *queue)
{
    struct move *move;
    while ((move = move_pop(queue)))
        move_give_back(move);
}
