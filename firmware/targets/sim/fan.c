#include "fan.h"

#include <math.h>

void fan_init(struct fan *fan, const struct fan_model *model, ticks now) {
    *fan = (struct fan){.model = model, .time = now};
}

void fan_advance(struct fan *fan, ticks now) {
    if (now <= fan->time)
        return;
    double seconds = ticks_seconds(now - fan->time), lag = fan->model->spin_up;
    double excess = fan->speed - fan->duty, decay = exp(-seconds / lag);
    fan->time = now;
    fan->on_time += fan->duty * seconds;
    if (fan->blocked)
        return;
    fan->speed = fan->duty + excess * decay;
    fan->turns += (fan->duty * seconds + excess * lag * (1 - decay)) * fan->model->rpm / 60;
}

void fan_set_duty(struct fan *fan, double duty, ticks now) {
    fan_advance(fan, now);
    fan->duty = duty;
}

void fan_block(struct fan *fan, bool blocked, ticks now) {
    fan_advance(fan, now);
    fan->blocked = blocked;
    if (blocked)
        fan->speed = 0;
}

double fan_air_flow(const struct fan *fan) {
    return fan->blocked ? 0 : fan->duty;
}

bool fan_tachometer(struct fan *fan, ticks now) {
    fan_advance(fan, now);
    return (int64_t)floor(fan->turns * fan->model->pulses * 2) & 1;
}
