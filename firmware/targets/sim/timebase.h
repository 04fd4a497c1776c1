// The time that host and simulation share. Without a clock page it is CLOCK_MONOTONIC. With one it
// runs at the page's speed, and never beyond what each participant has leased: a participant that
// gets no CPU stops the clock instead of making the others late.
#ifndef SIM_TIMEBASE_H
#define SIM_TIMEBASE_H

#include <stdbool.h>
#include <stddef.h>

struct clock_page;

struct timebase {
    struct clock_page *page; // NULL: real time
    int slot;
};

enum { TIMEBASE_SLOTS = 32 };

// The most that a participant may lease beyond its own `now`, virtual seconds.
#define TIMEBASE_SLACK 0.015

// Map the page `file` and take its lease `slot`. Returns NULL, or what is wrong (a literal).
const char *timebase_open(struct timebase *base, const char *file, int slot);

// Give the lease back.
void timebase_close(struct timebase *base);

double timebase_real(void);                      // s, CLOCK_MONOTONIC
double timebase_now(const struct timebase *base); // s
double timebase_speed(const struct timebase *base);

// All that is due before `until` has been or will be done in time: the clock may go so far.
void timebase_lease(struct timebase *base, double until);

#endif
