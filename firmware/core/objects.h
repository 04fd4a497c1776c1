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

/* Create or find; shutdown() if the oid is out of range, taken, or of another kind. */
void *object_create(uint32_t oid, const struct object_kind *kind, size_t size);
void *object_find(uint32_t oid, const struct object_kind *kind);

/* Any context. Walk over the objects of a kind:
 *   for (uint_fast8_t oid = 0; (x = object_next(&kind, &oid)); oid++) */
void *object_next(const struct object_kind *kind, uint_fast8_t *oid);

#endif
