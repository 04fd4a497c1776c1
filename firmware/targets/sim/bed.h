// The bed's surface: how high it is at a place.
#ifndef SIM_BED_H
#define SIM_BED_H

#include "model.h"

// Height of the surface above z = 0 at (x, y), mm. The grid ends at the area's edge and goes on level.
double bed_height(const struct bed_model *bed, double x, double y);

// No point of the area is higher than this, mm.
double bed_summit(const struct bed_model *bed);

#endif
