#include "speed.h"

void speed_close(struct speed *speed, double position, ticks now) {
    ticks length = now - speed->start;
    if (length < SPEED_STANDSTILL) {
        double seconds = ticks_seconds(length), velocity = (position - speed->from) / seconds;
        double middle = ticks_seconds(speed->start) + 0.5 * seconds;
        speed->max_velocity = fmax(speed->max_velocity, fabs(velocity));
        if (speed->velocity_known) {
            double acceleration = (velocity - speed->velocity) / (middle - speed->middle);
            speed->max_acceleration = fmax(speed->max_acceleration, fabs(acceleration));
        }
        speed->velocity = velocity;
        speed->middle = middle;
        speed->velocity_known = true;
    } else {
        speed->velocity_known = false;
    }
    speed->start = now;
    speed->from = position;
}

void speed_forget(struct speed *speed) {
    speed->velocity_known = false;
    speed->start = 0;
}

void speed_mark(struct speed *speed) {
    speed->max_velocity = speed->max_acceleration = 0;
    speed_forget(speed);
}
