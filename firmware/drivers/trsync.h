/* Trigger synchronisation: the first of several causes stops all that asked to be stopped. */
#ifndef DRIVERS_TRSYNC_H
#define DRIVERS_TRSYNC_H

#include <stdint.h>

struct trsync;

/* One that wants to be stopped, embedded in its object. */
struct trsync_signal {
    struct trsync_signal *next;
    struct trsync *trsync; /* whose trigger it waits for, if any */
    void (*stop)(struct trsync_signal *signal); /* interrupts off, task or timer context */
};

/* Task context. */
struct trsync *trsync_find(uint32_t oid);

/* Task context. Have signal stopped on a trigger; at once if that has already been. A signal waits
 * for one trsync only, the last that it was added to. */
void trsync_add_signal(struct trsync *trsync, struct trsync_signal *signal);

/* Interrupts off, task or timer context. Only the first trigger after a start counts. */
void trsync_trigger(struct trsync *trsync, uint8_t reason);

#endif
