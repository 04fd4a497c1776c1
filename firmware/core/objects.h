/* Objects of the configuration, found by their oid. Task context unless said otherwise. */
#ifndef CORE_OBJECTS_H
#define CORE_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Identity of a driver's objects: one static instance a driver. */
struct object_kind {
    uint8_t unused;
};

/* Make room for oids 0..count-1, once. */
void objects_allocate(uint_fast8_t count);

/* Zeroed memory for an object; shutdown() if there can't be one of that oid. It isn't listed before it
 * is published. A config command creates first, so that nothing is done to a pin if that fails; and it
 * publishes last, so that a shutdown in between doesn't see half an object. */
void *object_create(uint32_t oid, size_t size);
void object_publish(uint32_t oid, void *object, const struct object_kind *kind);

/* shutdown() if there is none of that kind. */
void *object_find(uint32_t oid, const struct object_kind *kind);

/* Any context. Walk over the objects of a kind:
 *   for (uint_fast8_t oid = 0; (x = object_next(&kind, &oid)); oid++) */
void *object_next(const struct object_kind *kind, uint_fast8_t *oid);

#endif
