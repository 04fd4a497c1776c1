// Filament: what an extruder's motor pushes, and what of it comes out.
#ifndef SIM_EXTRUDER_H
#define SIM_EXTRUDER_H

#include "heater.h"
#include "model.h"
#include "speed.h"
#include "ticks.h"

struct extruder {
    const struct extruder_model *model;
    struct heater *hotend; // NULL: always hot
    ticks check_at;        // look at the hotend again
    bool molten;
    bool jammed;
    double left;           // mm of filament until its end has passed the gear; INFINITY: a full spool
    double warmed;         // mm pushed since the hotend was last cooled for it
    double position;       // mm of filament moved by the gear, since power on
    struct speed speed;
    // since the mark, mm
    double net, gross, retracted; // of filament moved
    double ground;                // of gear turns that moved none: cold, jammed, no filament
    double highest;               // of `net`: what must have come out of the nozzle
};

void extruder_init(struct extruder *extruder, const struct extruder_model *model, struct heater *hotend);

// The gear has turned by `distance` mm. Returns whether filament moved.
bool extruder_turn(struct extruder *extruder, double distance, ticks now);

void extruder_mark(struct extruder *extruder);

#endif
