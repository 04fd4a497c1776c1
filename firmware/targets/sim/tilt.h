// The plane that a gantry on several Z screws lies in.
#ifndef SIM_TILT_H
#define SIM_TILT_H

#include <stdbool.h>

#include "model.h"

struct tilt {
    bool known; // the screws are at different places
    double center[2];
    double weights[MOTORS_MAX][2]; // slope of the plane for a mm that each screw has risen, mm/mm
};

// Screws at the `count` places (x, y) of `at`: the plane is the least-squares one through them. With two of
// them (or more in a line) the slope across the line stays 0.
void tilt_fit(struct tilt *tilt, double at[][2], int count);

// How much higher than their mean the plane is at (x, y) when the screws have risen by `risen`, mm.
double tilt_height(const struct tilt *tilt, const double *risen, int count, double x, double y);

#endif
