#include "tilt.h"

static void find_center(struct tilt *tilt, double at[][2], int count) {
    for (int i = 0; i < count; i++) {
        tilt->center[0] += at[i][0] / count;
        tilt->center[1] += at[i][1] / count;
    }
}

void tilt_fit(struct tilt *tilt, double at[][2], int count) {
    double xx = 0, xy = 0, yy = 0;
    *tilt = (struct tilt){.known = false};
    find_center(tilt, at, count);
    for (int i = 0; i < count; i++) {
        double dx = at[i][0] - tilt->center[0], dy = at[i][1] - tilt->center[1];
        xx += dx * dx, xy += dx * dy, yy += dy * dy;
    }
    double trace = xx + yy, det = xx * yy - xy * xy;
    if (trace <= 0)
        return;
    // Pseudo-inverse of the scatter matrix; in a line it has rank one and is its own inverse but for scale.
    bool plane = det > 1e-9 * trace * trace;
    double ixx = plane ? yy / det : xx / trace / trace, iyy = plane ? xx / det : yy / trace / trace;
    double ixy = plane ? -xy / det : xy / trace / trace;
    for (int i = 0; i < count; i++) {
        double dx = at[i][0] - tilt->center[0], dy = at[i][1] - tilt->center[1];
        tilt->weights[i][0] = ixx * dx + ixy * dy;
        tilt->weights[i][1] = ixy * dx + iyy * dy;
    }
    tilt->known = true;
}

double tilt_height(const struct tilt *tilt, const double *risen, int count, double x, double y) {
    double slope[2] = {0, 0};
    for (int i = 0; tilt->known && i < count; i++) {
        slope[0] += tilt->weights[i][0] * risen[i];
        slope[1] += tilt->weights[i][1] * risen[i];
    }
    return slope[0] * (x - tilt->center[0]) + slope[1] * (y - tilt->center[1]);
}
