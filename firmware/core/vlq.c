#include "core/vlq.h"

#include <stddef.h>

/* n bytes hold numbers from -(1 << (7n - 2)) up to (3 << (7n - 2)) - 1: when the two top bits of the
 * first group are both set it is negative. */

static uint8_t *put_groups(uint8_t *p, uint32_t value, uint_fast8_t groups)
{
    for (uint_fast8_t shift = (uint_fast8_t)(7 * (groups - 1)); shift; shift -= 7)
        *p++ = (uint8_t)(0x80 | ((value >> shift) & 0x7f));
    *p++ = value & 0x7f;
    return p;
}

uint8_t *vlq_put_unsigned(uint8_t *p, uint32_t value)
{
    uint_fast8_t groups = 1;
    while (groups < VLQ_MAX && value >= (uint32_t)3 << (7 * groups - 2))
        groups++;
    return put_groups(p, value, groups);
}

uint8_t *vlq_put_signed(uint8_t *p, int32_t value)
{
    if (value >= 0)
        return vlq_put_unsigned(p, (uint32_t)value);
    uint_fast8_t groups = 1;
    while (groups < VLQ_MAX && value < -((int32_t)1 << (7 * groups - 2)))
        groups++;
    if (groups < VLQ_MAX)
        return put_groups(p, (uint32_t)value, groups);
    /* The first of five groups holds 4 bits of value under the sign's. */
    *p++ = (uint8_t)(0xf0 | ((uint32_t)value >> 28));
    for (uint_fast8_t shift = 21; shift; shift -= 7)
        *p++ = (uint8_t)(0x80 | (((uint32_t)value >> shift) & 0x7f));
    *p++ = (uint32_t)value & 0x7f;
    return p;
}

const uint8_t *vlq_get(const uint8_t *p, const uint8_t *end, uint32_t *value)
{
    if (p >= end)
        return NULL;
    uint8_t byte = *p++;
    uint32_t result = byte & 0x7f;
    if ((byte & 0x60) == 0x60)
        result |= ~(uint32_t)0x1f;
    for (uint_fast8_t more = VLQ_MAX - 1; byte & 0x80; more--) {
        if (p >= end || !more)
            return NULL;
        byte = *p++;
        result = (result << 7) | (byte & 0x7f);
    }
    *value = result;
    return p;
}
