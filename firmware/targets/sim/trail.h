// The record file: where the carriage was, temperatures and events, one line each, as they happen.
//   P,time,x,y,z,e0,...       after each `distance` mm (sum over the axes) or `interval` s of motion
//   T,time,heater,temperature,sensor,duty
//   F,time,fan,speed
//   E,time,kind,text
// Times in s of the common clock, lengths in mm in the frame's coordinates, C.
#ifndef SIM_TRAIL_H
#define SIM_TRAIL_H

#include <stdbool.h>
#include <stdio.h>

#include "gantry.h"
#include "ticks.h"

struct trail {
    FILE *file; // NULL: nothing is recorded
    double distance;
    ticks interval;
    ticks next;          // a sample is due at the first motion after it
    double last[AXES];   // position of the last sample
    double last_e[EXTRUDERS_MAX];
};

// Start writing to `file_name`; false with errno set when it can't be opened.
bool trail_open(struct trail *trail, const char *file_name, const struct gantry *gantry);

// Write what is pending and close.
void trail_close(struct trail *trail, struct gantry *gantry, ticks now);

// Something has moved: take a sample if one is due.
void trail_follow(struct trail *trail, struct gantry *gantry, ticks now);

// Take a sample if anything has moved since the last one, and put all on the disk.
void trail_settle(struct trail *trail, struct gantry *gantry, ticks now);

// A line of another kind, without its end.
void trail_write(struct trail *trail, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
