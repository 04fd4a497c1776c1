// A heated body with its sensor. Two first-order systems in a row, solved exactly between changes:
//   heat_capacity * dT/dt = power * duty - (loss + fan_loss * air_flow) * (T - ambient)
//   sensor_lag * dS/dt = T - S
#ifndef SIM_HEATER_H
#define SIM_HEATER_H

#include "model.h"
#include "noise.h"
#include "ticks.h"

enum sensor_fault { SENSOR_OK, SENSOR_OPEN, SENSOR_SHORT };

struct heater {
    const struct heater_model *model;
    ticks time;                 // of all that follows
    double temperature, sensor; // C
    double duty;                // as the pin says, 0..1
    double air_flow;            // of its fan, 0..1
    double ambient;             // C
    double smooth_duty;         // over the last second or so
    enum sensor_fault fault;
    bool stuck_on;      // the transistor has burnt through
    double health;      // part of its power that the cartridge still gives
    double a, b, c;     // Steinhart-Hart: 1/K = a + b ln R + c (ln R)^3
    struct noise noise; // of the ADC
    // since the mark
    double on_time, energy, hottest; // s at full duty, J, C
    bool damaged;                    // has been above model->max
};

void heater_init(struct heater *heater, const struct heater_model *model, double ambient, ticks now, uint64_t seed);

// Go on to `now`, at the duty and air flow that were set before.
void heater_advance(struct heater *heater, ticks now);

// Change what acts on it from `now` on.
void heater_set_duty(struct heater *heater, double duty, ticks now);
void heater_set_air_flow(struct heater *heater, double air_flow, ticks now);
void heater_set_ambient(struct heater *heater, double ambient, ticks now);

// Take `energy` joules out at once.
void heater_cool(struct heater *heater, double energy);

// Resistance of its thermistor at `temperature`, ohms.
double heater_resistance(const struct heater *heater, double temperature);

// What an ADC with full scale `full` reads at the sensor's pin: pullup to the reference, thermistor to ground.
double heater_adc(struct heater *heater, double full, ticks now);

void heater_mark(struct heater *heater);

#endif
