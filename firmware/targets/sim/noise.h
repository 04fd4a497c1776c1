// Repeatable noise: the same seed gives the same print.
#ifndef SIM_NOISE_H
#define SIM_NOISE_H

#include <math.h>
#include <stdint.h>

struct noise {
    uint64_t state; // never 0
};

static inline void noise_seed(struct noise *noise, uint64_t seed) {
    noise->state = seed * 0x9e3779b97f4a7c15u | 1;
}

// Uniform in (0, 1]. [Marsaglia 2003, xorshift*]
static inline double noise_uniform(struct noise *noise) {
    noise->state ^= noise->state >> 12;
    noise->state ^= noise->state << 25;
    noise->state ^= noise->state >> 27;
    return (double)((noise->state * 0x2545f4914f6cdd1du >> 11) + 1) * 0x1p-53;
}

// Normal with deviation 1. [Box and Muller 1958]
static inline double noise_normal(struct noise *noise) {
    double radius = sqrt(-2 * log(noise_uniform(noise)));
    return radius * cos(2 * 3.14159265358979323846 * noise_uniform(noise));
}

#endif
