// Time inside the simulation: 64-bit ticks of the MCU's clock, of which the firmware sees the low 32.
#ifndef SIM_TICKS_H
#define SIM_TICKS_H

#include <stdint.h>

#define TICKS_PER_SECOND 20000000u

typedef uint64_t ticks;

static inline double ticks_seconds(ticks duration) {
    return (double)duration / TICKS_PER_SECOND;
}

// The 64-bit time nearest to `now` whose low half is `clock`.
static inline ticks ticks_extend(ticks now, uint32_t clock) {
    return now + (uint64_t)(int64_t)(int32_t)(clock - (uint32_t)now);
}

#endif
