#include "extruder.h"

#include <math.h>

static const ticks check_ticks = TICKS_PER_SECOND / 100;

void extruder_init(struct extruder *extruder, const struct extruder_model *model, struct heater *hotend) {
    *extruder = (struct extruder){.model = model, .hotend = hotend, .molten = true, .left = INFINITY};
}

// Ask the hotend for its temperature, and take from it what the filament has carried away.
static void check_hotend(struct extruder *extruder, ticks now) {
    struct heater *hotend = extruder->hotend;
    extruder->check_at = now + check_ticks;
    if (!hotend)
        return;
    heater_advance(hotend, now);
    heater_cool(hotend, extruder->warmed * extruder->model->filament_heat * (hotend->temperature - hotend->ambient));
    extruder->warmed = 0;
    extruder->molten = hotend->temperature >= extruder->model->melt;
}

bool extruder_turn(struct extruder *extruder, double distance, ticks now) {
    if (now >= extruder->check_at)
        check_hotend(extruder, now);
    if (extruder->jammed || extruder->left < 1e-6 || !extruder->molten) {
        extruder->ground += fabs(distance);
        return false;
    }
    extruder->position += distance;
    extruder->left -= distance;
    extruder->net += distance;
    if (distance > 0) {
        extruder->gross += distance;
        extruder->warmed += distance;
        extruder->highest = fmax(extruder->highest, extruder->net);
    } else {
        extruder->retracted -= distance;
    }
    speed_follow(&extruder->speed, extruder->position, now);
    return true;
}

void extruder_mark(struct extruder *extruder) {
    extruder->net = extruder->gross = extruder->retracted = extruder->ground = extruder->highest = 0;
    speed_mark(&extruder->speed);
}
