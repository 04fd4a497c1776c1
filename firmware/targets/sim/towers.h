// The towers of a delta: three carriages, from which rods of one length hold the head.
#ifndef SIM_TOWERS_H
#define SIM_TOWERS_H

#include <stdbool.h>

#include "model.h"

struct towers {
    double at[TOWERS][2]; // places of the rods' upper joints less those of the head's, mm
    double rod;           // mm
};

// Towers at 210, 330 and 90 degrees on a circle.
void towers_init(struct towers *towers, double radius, double rod);

// Heights at which the carriages hold the head at `head`.
void towers_heights(const struct towers *towers, const double head[AXES], double heights[TOWERS]);

// Where carriages at `heights` hold the head; false when the rods can't.
bool towers_meet(const struct towers *towers, const double heights[TOWERS], double head[AXES]);

#endif
