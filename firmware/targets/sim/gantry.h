// The mechanics: motors turn by steps, belts and screws move the carriage, the frame stops it.
// A motor that is stopped by the frame stalls: its pulse is counted as lost and moves nothing.
#ifndef SIM_GANTRY_H
#define SIM_GANTRY_H

#include "extruder.h"
#include "model.h"
#include "speed.h"
#include "ticks.h"
#include "tilt.h"
#include "towers.h"

enum {
    CRASHES_MAX = 32,
    OBSTACLES = 2 * AXES + 2, // low and high end of each axis, the bed under the nozzle, a delta's rods
    OBSTACLE_BED = 2 * AXES,
    OBSTACLE_RODS,
};

struct motor {
    const struct motor_model *model;
    double distance;        // mm a microstep
    double share[AXES];     // what a microstep moves each axis, mm; of a tower the first: its carriage
    unsigned axes;          // bit mask of those that it moves
    struct extruder *extruder;
    bool backward, enabled;
    int64_t rotor;          // microsteps that the shaft has turned since power on
    int64_t commanded;      // pulses with their sign since power on
    // since the mark
    int64_t rotor_mark, commanded_mark;
    uint64_t pulses, late, disabled, lost; // pulses in all; after their time; with the driver off; stalled
    ticks latest;                          // worst lateness
};

struct carriage_axis {
    const struct axis_model *model;
    double position;     // mm, in the frame's coordinates
    double least, most;  // visited since the mark
    struct speed speed;
    int motors[MOTORS_MAX], motor_count;
};

struct crash {
    int obstacle;
    ticks first, last;
    double position[AXES]; // where it began
    uint64_t lost;         // pulses
};

struct gantry {
    const struct model *model;
    struct motor motors[MOTORS_MAX];
    struct carriage_axis axes[AXES];
    struct extruder extruders[EXTRUDERS_MAX];
    struct tilt tilt;
    struct towers towers;   // of a delta
    double hung[TOWERS];    // heights of its carriages at power on, mm
    double summit;          // the bed is nowhere higher
    double lowest;          // nozzle over the bed, at the samples since the mark, mm
    struct speed_vector {   // of the carriage, over all axes
        ticks start;
        double from[AXES];
        double max_velocity;
    } speed;
    struct crash crashes[CRASHES_MAX]; // since the mark
    unsigned crash_count;              // may be more than were kept
    int open_crash[OBSTACLES];         // index of the one that may go on, or -1
};

void gantry_init(struct gantry *gantry, const struct model *model, struct heater *heaters);

// A pulse on the step pin of motor `index`; it came `late` ticks after its time.
// Returns whether anything moved.
bool gantry_step(struct gantry *gantry, int index, ticks now, ticks late);

// Height of a nozzle-high point of the gantry at (x, y) over z = 0, mm: differs with its tilt.
double gantry_height(const struct gantry *gantry, double x, double y);

// Nozzle over the bed's surface, mm.
double gantry_clearance(const struct gantry *gantry);

// Is the endstop pressed, the probe triggered?
bool gantry_endstop(const struct gantry *gantry, const struct endstop_model *endstop);
bool gantry_probe(const struct gantry *gantry);

// Put the carriage somewhere by hand: false when the frame is in the way.
bool gantry_place(struct gantry *gantry, enum axis axis, double position);

void gantry_mark(struct gantry *gantry);

extern const char *const obstacle_names[OBSTACLES];

#endif
