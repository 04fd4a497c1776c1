/* The move queue: equal slots out of which all drivers build their queues of scheduled changes. */
#ifndef CORE_MOVES_H
#define CORE_MOVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* First member of each driver's own queue element. */
struct move {
    struct move *next;
};

/* First in, first out. */
struct move_queue {
    struct move *first, *last;
};

/* Task context, while configuring: a slot must hold size bytes. */
void moves_need(size_t size);

/* Task context. Turn the rest of the arena into slots; how many there are (0 before). */
void moves_finalize(void);
bool moves_ready(void);
uint16_t moves_count(void);

/* Task context, interrupts on. A free slot; shutdown() when the host queued more than there are. */
void *move_take(void);

/* Interrupts off. */
void move_give_back(void *slot);
void move_append(struct move_queue *queue, struct move *move);
struct move *move_pop(struct move_queue *queue);
void move_drop_all(struct move_queue *queue);

#endif
