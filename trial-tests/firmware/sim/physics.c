// Tests of the physical model alone, without firmware or process. Prints what fails; exit code 1 then.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bed.h"
#include "fan.h"
#include "gantry.h"
#include "heater.h"
#include "json.h"
#include "pins.h"
#include "printer.h"
#include "tilt.h"

static int failures;

static void near(const char *what, double found, double wanted, double tolerance) {
    if (fabs(found - wanted) <= tolerance)
        return;
    printf("%s: %.9g is not %.9g +- %g\n", what, found, wanted, tolerance);
    failures++;
}

#define NEAR(found, wanted, tolerance) near(#found, found, wanted, tolerance)

static const ticks start = 1000ull * TICKS_PER_SECOND;

static ticks after(double seconds) {
    return start + (ticks)(seconds * TICKS_PER_SECOND);
}

static void test_pins(void) {
    for (int pin = 0; pin < PIN_COUNT; pin++) {
        char name[PIN_NAME_SIZE];
        pin_name(pin, name);
        NEAR(pin_number(name), pin, 0);
    }
    static const char *const bad[] = {"",     "P",    "PA",  "A1",   "PI0",  "PA16",
                                      "PA01", "PA-1", "pa1", "PA1x", "PA1 ", "PA999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        near(bad[i], pin_number(bad[i]), -1, 0);
}

// Against a slow Euler integration with steps of 10 us.
static void test_heater_by_small_steps(void) {
    struct heater_model model = {.power = 40, .heat_capacity = 8, .loss = 0.1, .fan_loss = 0.2, .sensor_lag = 3};
    struct heater heater;
    double body = 25, sensor = 25, step = 1e-5, time = 0;
    model.thermistor = (struct thermistor_model){.beta = 3950, .r25 = 1e5, .pullup = 4700};
    heater_init(&heater, &model, 25, start, 1);
    for (int phase = 0; phase < 6; phase++) {
        double duty = phase % 2 ? 0.1 : 0.8, air = phase / 2 * 0.5;
        heater_set_duty(&heater, duty, after(time));
        heater_set_air_flow(&heater, air, after(time));
        for (int i = 0; i < 500000; i++) {
            double heat = model.power * duty - (model.loss + model.fan_loss * air) * (body - 25);
            sensor += step * (body - sensor) / model.sensor_lag;
            body += step * heat / model.heat_capacity;
        }
        time += 5;
    }
    heater_advance(&heater, after(time));
    NEAR(heater.temperature, body, 1e-3);
    NEAR(heater.sensor, sensor, 1e-3);
}

// The formula has a gap where the sensor lags as long as the body takes: it must not show.
static void test_heater_equal_time_constants(void) {
    struct heater_model model = {.power = 10, .heat_capacity = 4, .loss = 2, .thermistor = {.beta = 4000, .r25 = 1e5}};
    double found[5];
    for (int i = 0; i < 5; i++) {
        struct heater heater;
        model.sensor_lag = 2 * (1 + (i - 2) * 2e-4);
        heater_init(&heater, &model, 20, start, 1);
        heater_set_duty(&heater, 1, start);
        heater_advance(&heater, after(3));
        found[i] = heater.sensor;
    }
    double t = 3 / 2.0; // closed form of the degenerate case
    NEAR(found[2], 20 + 5 * (1 - (1 + t) * exp(-t)), 1e-3);
    for (int i = 1; i < 5; i++)
        NEAR(found[i], found[i - 1], 1e-3);
}

static void test_thermistor(void) {
    struct heater_model model = {.heat_capacity = 1, .loss = 1};
    struct heater heater;
    static const double points[3][2] = {{25, 100000}, {150, 1770}, {250, 230}};
    memcpy(model.thermistor.points, points, sizeof(points));
    model.thermistor.points_given = true;
    model.thermistor.pullup = 4700;
    heater_init(&heater, &model, 25, start, 1);
    double last = 1e9;
    for (int i = 0; i < 3; i++)
        NEAR(heater_resistance(&heater, points[i][0]) / points[i][1], 1, 1e-9);
    for (int t = -40; t <= 350; t += 5) {
        double ohms = heater_resistance(&heater, t);
        double l = log(ohms), kelvin = 1 / (heater.a + heater.b * l + heater.c * l * l * l);
        NEAR(kelvin - 273.15, t, 1e-6);
        NEAR(ohms < last, 1, 0);
        last = ohms;
    }
    NEAR(heater_adc(&heater, 4095, start), floor(4095 * 100000 / 104700.0 + 0.5), 0);
}

static void test_fan(void) {
    struct fan_model model = {.rpm = 6000, .spin_up = 0.5, .pulses = 2};
    struct fan fan;
    fan_init(&fan, &model, start);
    fan_set_duty(&fan, 1, start);
    fan_advance(&fan, after(0.5));
    NEAR(fan.speed, 1 - exp(-1), 1e-9);
    fan_advance(&fan, after(20));
    NEAR(fan.turns, 100 * (20 - 0.5), 1e-6); // the lag costs its own time constant
    int edges = 0;
    bool level = fan_tachometer(&fan, after(20));
    for (int i = 0; i < 100000; i++) { // one second: 100 turns, 2 pulses, 2 edges each
        bool now = fan_tachometer(&fan, after(20) + (ticks)i * 200);
        edges += now != level;
        level = now;
    }
    NEAR(edges, 400, 1);
}

static void test_bed(void) {
    struct bed_model bed = {.section = {.line = 1}, .area = {0, 10, 100, 210}, .slope = {0.01, 0}, .bow = 0.4};
    static const double heights[2][3] = {{0, 1, 2}, {3, 4, 5}};
    NEAR(bed_height(&bed, 50, 110), 0, 1e-12);
    NEAR(bed_height(&bed, 0, 10), -0.5 + 0.4, 1e-12);
    NEAR(bed_height(&bed, 100, 210), 0.5 + 0.4, 1e-12);
    bed.slope[0] = bed.bow = 0;
    bed.rows = 2, bed.columns = 3;
    for (int r = 0; r < 2; r++)
        memcpy(bed.heights[r], heights[r], sizeof(heights[r]));
    NEAR(bed_height(&bed, 0, 10), 0, 1e-12);
    NEAR(bed_height(&bed, 50, 210), 4, 1e-12);
    NEAR(bed_height(&bed, 75, 110), 3, 1e-12);
    NEAR(bed_height(&bed, 1000, -1000), 2, 1e-12); // level beyond its edge
    NEAR(bed_summit(&bed), 5, 1e-12);
}

static void test_tilt(void) {
    struct tilt tilt;
    double three[3][2] = {{0, 0}, {200, 0}, {100, 300}}, plane[3];
    for (int i = 0; i < 3; i++)
        plane[i] = 0.01 * three[i][0] - 0.02 * three[i][1] + 7;
    tilt_fit(&tilt, three, 3);
    for (int i = 0; i < 3; i++)
        near("corner", (plane[0] + plane[1] + plane[2]) / 3 + tilt_height(&tilt, plane, 3, three[i][0], three[i][1]),
             plane[i], 1e-9);
    double two[2][2] = {{0, 50}, {200, 50}}, risen[2] = {1, 3};
    tilt_fit(&tilt, two, 2);
    NEAR(tilt_height(&tilt, risen, 2, 0, 50), -1, 1e-12);
    NEAR(tilt_height(&tilt, risen, 2, 200, 999), 1, 1e-12); // level across
    double one[1][2] = {{3, 4}};
    tilt_fit(&tilt, one, 1);
    NEAR(tilt_height(&tilt, risen, 1, 100, 100), 0, 0);
}

static void test_speed(void) {
    struct speed speed = {.start = 0};
    double position = 0;
    // 1000 mm/s2 up to 200 mm/s, in microsteps of 0.0125 mm.
    for (int i = 1; i <= 1600; i++) {
        position = i * 0.0125;
        speed_follow(&speed, position, after(sqrt(2 * position / 1000)));
    }
    NEAR(speed.max_velocity, 195, 5); // the last window's mean
    NEAR(speed.max_acceleration, 1000, 25);
    speed_mark(&speed);
    for (int i = 1; i <= 800; i++)
        speed_follow(&speed, position + i * 0.0125, after(10 + i * 0.0125 / 50));
    NEAR(speed.max_velocity, 50, 0.01);
    NEAR(speed.max_acceleration, 0, 2);
}

static const char *const model_text =
    "[printer]\nkinematics: cartesian\n[axis x]\nrange: 0, 100\nstart: 50\n[axis y]\nrange: 0, 100\nstart: 50\n"
    "[axis z]\nrange: 0, 100\nstart: 50\n"
    "[motor x]\ndrives: x\nstep: PA0\ndir: PA1\nenable: !PA15\nrotation_distance: 40\nedges: both\n"
    "[motor y]\ndrives: y\nstep: !PA2\ndir: PA3\nenable: !PA15\nrotation_distance: 40\n"
    "[motor z]\ndrives: z\nstep: PA4\ndir: PA5\nrotation_distance: 8\nat: 0, 50\n"
    "[motor z1]\ndrives: z\nstep: PA6\ndir: PA7\nrotation_distance: 8\nat: 100, 50\n";

static void pulse(struct printer *printer, int pin, bool idle, ticks now) {
    printer_drive(printer, pin, !idle, now, 0);
    printer_drive(printer, pin, idle, now + 40, 0);
}

static void test_printer(void) {
    static struct model model;
    static struct printer printer;
    char error[MODEL_ERROR_SIZE];
    if (!model_parse(&model, "model", model_text, error)) {
        printf("%s\n", error);
        failures++;
        return;
    }
    printer_init(&printer, &model, start);
    struct gantry *gantry = &printer.gantry;
    int enable = pin_number("PA15");
    printer_drive(&printer, enable, true, start, 0); // its inactive level: nothing changes
    printer_drive(&printer, 0, true, start, 0);
    NEAR(gantry->motors[0].disabled, 1, 0);
    printer_drive(&printer, enable, false, start, 0);
    NEAR(gantry->motors[0].enabled && gantry->motors[1].enabled, 1, 0); // they share the wire
    printer_drive(&printer, pin_number("PA1"), true, start, 0);
    printer_drive(&printer, 0, false, start, 0); // both edges step
    printer_drive(&printer, 0, true, start, 0);
    NEAR(gantry->axes[AXIS_X].position, 50.025, 1e-9);
    printer_drive(&printer, 2, true, start, 0); // the idle level of an inverted step pin
    NEAR(gantry->motors[1].pulses, 0, 0);
    for (int i = 0; i < 80; i++)
        pulse(&printer, 2, true, after(1 + i * 0.001)); // its direction pin is low
    NEAR(gantry->axes[AXIS_Y].position, 49, 1e-9);
    // One of two Z motors: the axis rises by half, and the gantry leans.
    printer_drive(&printer, pin_number("PA5"), true, start, 0);
    for (int i = 0; i < 400; i++)
        pulse(&printer, 4, false, after(2 + i * 0.001));
    NEAR(gantry->axes[AXIS_Z].position, 50.5, 1e-9);
    NEAR(gantry_height(gantry, 0, 50), 51, 1e-9);
    NEAR(gantry_height(gantry, 100, 50), 50, 1e-9);
    // A reset lets go of all pins; the carriage stays, and nothing steps.
    uint64_t pulses = gantry->motors[0].pulses + gantry->motors[1].pulses;
    printer_release(&printer, after(3));
    NEAR(gantry->motors[0].enabled || gantry->motors[1].enabled, 0, 0);
    NEAR(gantry->motors[0].pulses + gantry->motors[1].pulses, pulses, 0);
    NEAR(gantry->axes[AXIS_Z].position, 50.5, 1e-9);
}

static void test_json(void) {
    char text[48];
    struct json_writer json = {.text = text, .size = sizeof(text)};
    json_open(&json, NULL, '{');
    json_text(&json, "a", "\"\\\n\x80");
    json_number(&json, "b", INFINITY);
    json_open(&json, "c", '[');
    json_close(&json, ']');
    json_close(&json, '}');
    near(text, strcmp(text, "{\"a\":\"\\\"\\\\\\u000a\\u0080\",\"b\":null,\"c\":[]}"), 0, 0);
    near("overflow", json.overflow, 0, 0);
    for (int i = 0; i < 20; i++)
        json_text(&json, "key", "value");
    near("overflow", json.overflow, 1, 0);
    near("its end", json.used < sizeof(text), 1, 0);
}

int main(void) {
    test_pins();
    test_heater_by_small_steps();
    test_heater_equal_time_constants();
    test_thermistor();
    test_fan();
    test_bed();
    test_tilt();
    test_speed();
    test_printer();
    test_json();
    return failures != 0;
}
