#include "heater.h"

#include <math.h>

static const double kelvin = 273.15;
static const double smoothing = 1.0; // s, of the duty that people look at

// Coefficients from three points [Steinhart and Hart 1968] or from beta.
static void fit_thermistor(struct heater *heater) {
    const struct thermistor_model *thermistor = &heater->model->thermistor;
    if (!thermistor->points_given) {
        heater->b = 1 / thermistor->beta;
        heater->a = 1 / (25 + kelvin) - heater->b * log(thermistor->r25);
        heater->c = 0;
        return;
    }
    double l[3], y[3];
    for (int i = 0; i < 3; i++) {
        l[i] = log(thermistor->points[i][1]);
        y[i] = 1 / (thermistor->points[i][0] + kelvin);
    }
    double g2 = (y[1] - y[0]) / (l[1] - l[0]), g3 = (y[2] - y[0]) / (l[2] - l[0]);
    heater->c = (g3 - g2) / ((l[2] - l[1]) * (l[0] + l[1] + l[2]));
    heater->b = g2 - heater->c * (l[0] * l[0] + l[0] * l[1] + l[1] * l[1]);
    heater->a = y[0] - (heater->b + heater->c * l[0] * l[0]) * l[0];
}

void heater_init(struct heater *heater, const struct heater_model *model, double ambient, ticks now, uint64_t seed) {
    *heater = (struct heater){.model = model, .time = now, .ambient = ambient, .health = 1};
    heater->temperature = heater->sensor = heater->hottest = ambient;
    noise_seed(&heater->noise, seed);
    fit_thermistor(heater);
}

static double effective_duty(const struct heater *heater) {
    return heater->stuck_on ? 1 : heater->duty * heater->health;
}

// Both temperatures after `seconds` of unchanged conditions.
static void relax(struct heater *heater, double seconds) {
    const struct heater_model *model = heater->model;
    double loss = model->loss + model->fan_loss * heater->air_flow;
    double settled = heater->ambient + model->power * effective_duty(heater) / loss;
    double body = model->heat_capacity / loss, lag = model->sensor_lag;
    double excess = heater->temperature - settled, decay = exp(-seconds / body);
    heater->temperature = settled + excess * decay;
    if (lag <= 0) {
        heater->sensor = heater->temperature;
        return;
    }
    if (fabs(lag / body - 1) < 1e-4) // equal time constants: the formula below has a gap there
        lag = body * (1 - 1e-4);
    double shared = excess / (1 - lag / body), own = heater->sensor - settled - shared;
    heater->sensor = settled + shared * decay + own * exp(-seconds / lag);
}

void heater_advance(struct heater *heater, ticks now) {
    if (now <= heater->time)
        return;
    double seconds = ticks_seconds(now - heater->time), duty = effective_duty(heater);
    heater->time = now;
    relax(heater, seconds);
    heater->on_time += duty * seconds;
    heater->energy += duty * seconds * heater->model->power;
    heater->smooth_duty = duty + (heater->smooth_duty - duty) * exp(-seconds / smoothing);
    if (heater->temperature > heater->hottest)
        heater->hottest = heater->temperature;
}

void heater_set_duty(struct heater *heater, double duty, ticks now) {
    heater_advance(heater, now);
    heater->duty = duty;
}

void heater_set_air_flow(struct heater *heater, double air_flow, ticks now) {
    heater_advance(heater, now);
    heater->air_flow = air_flow;
}

void heater_set_ambient(struct heater *heater, double ambient, ticks now) {
    heater_advance(heater, now);
    heater->ambient = ambient;
}

void heater_cool(struct heater *heater, double energy) {
    heater->temperature -= energy / heater->model->heat_capacity;
}

// Invert Steinhart-Hart by Newton; the curve is monotonic, so a few rounds do.
double heater_resistance(const struct heater *heater, double temperature) {
    double wanted = 1 / (temperature + kelvin) - heater->a, l = wanted / heater->b;
    for (int i = 0; heater->c != 0 && i < 30; i++) {
        double miss = (heater->b + heater->c * l * l) * l - wanted;
        double change = miss / (heater->b + 3 * heater->c * l * l);
        l -= change;
        if (fabs(change) < 1e-12)
            break;
    }
    return exp(l);
}

double heater_adc(struct heater *heater, double full, ticks now) {
    heater_advance(heater, now);
    if (heater->fault != SENSOR_OK)
        return heater->fault == SENSOR_OPEN ? full : 0;
    double ohms = heater_resistance(heater, heater->sensor);
    double value = full * ohms / (ohms + heater->model->thermistor.pullup);
    if (heater->model->adc_noise > 0)
        value += heater->model->adc_noise * noise_normal(&heater->noise);
    value = floor(value + 0.5);
    return value < 0 ? 0 : value > full ? full : value;
}

void heater_mark(struct heater *heater) {
    heater->on_time = heater->energy = 0;
    heater->hottest = heater->temperature;
}
