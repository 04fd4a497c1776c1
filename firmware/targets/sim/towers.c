#include "towers.h"

#include <math.h>

void towers_init(struct towers *towers, double radius, double rod) {
    static const double degrees[TOWERS] = {210, 330, 90};
    for (int i = 0; i < TOWERS; i++) {
        towers->at[i][0] = radius * cos(degrees[i] * M_PI / 180);
        towers->at[i][1] = radius * sin(degrees[i] * M_PI / 180);
    }
    towers->rod = rod;
}

void towers_heights(const struct towers *towers, const double head[AXES], double heights[TOWERS]) {
    for (int i = 0; i < TOWERS; i++) {
        double x = towers->at[i][0] - head[AXIS_X], y = towers->at[i][1] - head[AXIS_Y];
        heights[i] = head[AXIS_Z] + sqrt(fmax(towers->rod * towers->rod - x * x - y * y, 0));
    }
}

// Spheres round the joints: the differences of their equations are linear, x and y as functions of z.
bool towers_meet(const struct towers *towers, const double heights[TOWERS], double head[AXES]) {
    double m[2][2], fixed[2], slope[2];
    const double *a = towers->at[0];
    for (int i = 0; i < 2; i++) {
        const double *b = towers->at[i + 1];
        double rise = heights[i + 1] - heights[0];
        m[i][0] = 2 * (b[0] - a[0]);
        m[i][1] = 2 * (b[1] - a[1]);
        // z is taken from the first carriage down
        fixed[i] = b[0] * b[0] + b[1] * b[1] - a[0] * a[0] - a[1] * a[1] + rise * rise;
        slope[i] = -2 * rise;
    }
    double det = m[0][0] * m[1][1] - m[0][1] * m[1][0];
    double x0 = (fixed[0] * m[1][1] - fixed[1] * m[0][1]) / det - a[0];
    double y0 = (fixed[1] * m[0][0] - fixed[0] * m[1][0]) / det - a[1];
    double x1 = (slope[0] * m[1][1] - slope[1] * m[0][1]) / det;
    double y1 = (slope[1] * m[0][0] - slope[0] * m[1][0]) / det;
    // |(x0 + x1 z, y0 + y1 z, z)| = rod, the lower solution
    double p = 1 + x1 * x1 + y1 * y1, q = x0 * x1 + y0 * y1;
    double root = q * q - p * (x0 * x0 + y0 * y0 - towers->rod * towers->rod);
    if (root < 0)
        return false;
    double z = (-q - sqrt(root)) / p;
    head[AXIS_X] = a[0] + x0 + x1 * z;
    head[AXIS_Y] = a[1] + y0 + y1 * z;
    head[AXIS_Z] = heights[0] + z;
    return true;
}
