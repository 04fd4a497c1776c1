#include "bed.h"

#include <math.h>

static double clamp(double value, double low, double high) {
    return value < low ? low : value > high ? high : value;
}

// Bilinear between the four heights around the place; u and v run from 0 to 1 over the area.
static double grid_height(const struct bed_model *bed, double u, double v) {
    if (!bed->rows)
        return 0;
    double column = u * (bed->columns - 1), row = v * (bed->rows - 1);
    int c = (int)clamp(column, 0, bed->columns - 2), r = (int)clamp(row, 0, bed->rows - 2);
    double s = column - c, t = row - r;
    return (1 - t) * ((1 - s) * bed->heights[r][c] + s * bed->heights[r][c + 1]) +
           t * ((1 - s) * bed->heights[r + 1][c] + s * bed->heights[r + 1][c + 1]);
}

double bed_height(const struct bed_model *bed, double x, double y) {
    if (!bed->section.line)
        return 0;
    x = clamp(x, bed->area[0], bed->area[2]);
    y = clamp(y, bed->area[1], bed->area[3]);
    double u = (x - bed->area[0]) / (bed->area[2] - bed->area[0]);
    double v = (y - bed->area[1]) / (bed->area[3] - bed->area[1]);
    double slope = bed->slope[0] * (u - 0.5) * (bed->area[2] - bed->area[0]) +
                   bed->slope[1] * (v - 0.5) * (bed->area[3] - bed->area[1]);
    double from_middle = 2 * ((u - 0.5) * (u - 0.5) + (v - 0.5) * (v - 0.5)); // 1 in a corner
    return slope + bed->bow * from_middle + grid_height(bed, u, v);
}

double bed_summit(const struct bed_model *bed) {
    double highest = 0;
    for (int r = 0; r < bed->rows; r++)
        for (int c = 0; c < bed->columns; c++)
            highest = fmax(highest, bed->heights[r][c]);
    return highest + fmax(bed->bow, 0) + 0.5 * fabs(bed->slope[0]) * (bed->area[2] - bed->area[0]) +
           0.5 * fabs(bed->slope[1]) * (bed->area[3] - bed->area[1]);
}
