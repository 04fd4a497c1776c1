// Estimates velocity and acceleration of an axis from the times of its steps. A window of some
// milliseconds is closed at the first step after its end, so that both ends lie exactly on steps;
// the acceleration is the difference of neighbouring windows. Short peaks are averaged, and the
// firmware's step times may be off by some microseconds: expect a few percent.
#ifndef SIM_SPEED_H
#define SIM_SPEED_H

#include <math.h>
#include <stdbool.h>

#include "ticks.h"

enum {
    SPEED_WINDOW = TICKS_PER_SECOND / 100,
    SPEED_STANDSTILL = 4 * SPEED_WINDOW, // no step for this long: it stood
};

struct speed {
    ticks start;
    double from;           // position at start, mm
    double velocity;       // of the window before, mm/s
    double middle;         // and its middle, s
    bool velocity_known;
    double max_velocity, max_acceleration; // absolute, since the mark
};

// Out of line: a window is complete.
void speed_close(struct speed *speed, double position, ticks now);

// The axis has just stepped to `position`.
static inline void speed_follow(struct speed *speed, double position, ticks now) {
    if (now - speed->start >= SPEED_WINDOW)
        speed_close(speed, position, now);
}

// What was seen so far says nothing about the next step.
void speed_forget(struct speed *speed);

void speed_mark(struct speed *speed);

#endif
