/* Variable-length quantities: big-endian groups of 7 bits, short for numbers near zero. Any context. */
#ifndef CORE_VLQ_H
#define CORE_VLQ_H

#include <stdint.h>

enum { VLQ_MAX = 5 };

/* Encode and return the end. Needs VLQ_MAX bytes of room. The unsigned form never uses the sign bit,
 * so every decoder gets the same number back without knowing the parameter's type. */
uint8_t *vlq_put_unsigned(uint8_t *p, uint32_t value);
uint8_t *vlq_put_signed(uint8_t *p, int32_t value);

/* Decode one number (signed ones as two's complement); the end, or NULL when it is cut off at `end`
 * or longer than VLQ_MAX. */
const uint8_t *vlq_get(const uint8_t *p, const uint8_t *end, uint32_t *value);

#endif
