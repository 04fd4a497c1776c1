#include "core/objects.h"

#include "core/arena.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "core/moves.h"

DECL_REASON(OIDS_ALLOCATED, "oids already allocated");
DECL_REASON(OID_TAKEN, "Can't assign oid");
DECL_REASON(OID_WRONG, "Invalid oid type");
DECL_REASON(OIDS_FINAL, "Configuration is already final");

struct object_slot {
    const struct object_kind *kind;
    void *object;
};

static struct object_slot *slots;
static uint_fast8_t slot_count;

/* Task context. */
void objects_init(void)
{
    slots = NULL;
    slot_count = 0;
}
DECL_INIT(objects_init);

void objects_allocate(uint_fast8_t count)
{
    if (slots)
        shutdown(OIDS_ALLOCATED);
    slots = arena_take(sizeof(*slots) * (count ? count : 1));
    slot_count = count;
}

void *object_create(uint32_t oid, size_t size)
{
    if (moves_ready())
        shutdown(OIDS_FINAL);
    if (oid >= slot_count || slots[oid].kind)
        shutdown(OID_TAKEN);
    return arena_take(size);
}

void object_publish(uint32_t oid, void *object, const struct object_kind *kind)
{
    slots[oid].object = object;
    slots[oid].kind = kind;
}

void *object_find(uint32_t oid, const struct object_kind *kind)
{
    if (oid >= slot_count || slots[oid].kind != kind)
        shutdown(OID_WRONG);
    return slots[oid].object;
}

void *object_next(const struct object_kind *kind, uint_fast8_t *oid)
{
    for (; *oid < slot_count; ++*oid)
        if (slots[*oid].kind == kind)
            return slots[*oid].object;
    return NULL;
}
