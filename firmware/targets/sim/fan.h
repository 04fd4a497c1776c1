// A fan: its speed follows the duty of its pin with a lag; a tachometer may count its turns.
#ifndef SIM_FAN_H
#define SIM_FAN_H

#include "model.h"
#include "ticks.h"

struct fan {
    const struct fan_model *model;
    ticks time;     // of all that follows
    double duty;    // as the pin says, 0..1
    double speed;   // 0..1 of full speed
    double turns;   // since power on
    bool blocked;   // something is in its blades
    double on_time; // s at full duty, since the mark
};

void fan_init(struct fan *fan, const struct fan_model *model, ticks now);
void fan_advance(struct fan *fan, ticks now);
void fan_set_duty(struct fan *fan, double duty, ticks now);
void fan_block(struct fan *fan, bool blocked, ticks now);

// Air that it moves, 0..1, from the duty of this moment: the mean over a PWM cycle is right.
double fan_air_flow(const struct fan *fan);

// Level of the tachometer's wire: `pulses` full periods a turn.
bool fan_tachometer(struct fan *fan, ticks now);

#endif
