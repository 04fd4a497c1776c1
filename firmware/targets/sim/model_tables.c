// The options of a model file, with their limits. README.md documents the same list for people.
#include "model_tables.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define AT(type, field) .offset = offsetof(struct type, field)
#define ANY .minimum = -1e6, .maximum = 1e6
#define POSITIVE .minimum = DBL_MIN, .maximum = 1e9
#define NOT_NEGATIVE .minimum = 0, .maximum = 1e9

static const struct option printer_options[] = {
    {"kinematics", OPTION_CHOICE, true, AT(model, kinematics), .choices = "cartesian corexy delta"},
    {"ambient", OPTION_NUMBER, false, AT(model, ambient), .minimum = -100, .maximum = 200},
    {"seed", OPTION_NUMBER, false, AT(model, seed_number), .minimum = 1, .maximum = 4294967295.0},
    {"delta_radius", OPTION_NUMBER, false, AT(model, delta_radius), POSITIVE},
    {"arm_length", OPTION_NUMBER, false, AT(model, arm_length), POSITIVE},
};

static const struct option record_options[] = {
    {"distance", OPTION_NUMBER, false, AT(model, record_distance), .minimum = 0.001, .maximum = 100},
    {"interval", OPTION_NUMBER, false, AT(model, record_interval), .minimum = 1e-4, .maximum = 3600},
    {"temperatures", OPTION_NUMBER, false, AT(model, record_temperatures), .minimum = 0.01, .maximum = 3600},
};

static const struct option axis_options[] = {
    {"range", OPTION_NUMBERS, true, AT(axis_model, range), .count = 2, ANY},
    {"start", OPTION_NUMBER, true, AT(axis_model, start), ANY},
};

static const struct option motor_options[] = {
    {"drives", OPTION_CHOICE, true, AT(motor_model, drives), .choices = "x y z a b ta tb tc e"},
    {"step", OPTION_PIN, true, AT(motor_model, step)},
    {"dir", OPTION_PIN, true, AT(motor_model, dir)},
    {"enable", OPTION_PIN, false, AT(motor_model, enable)},
    {"edges", OPTION_CHOICE, false, AT(motor_model, edges), .choices = "rising both"},
    {"rotation_distance", OPTION_NUMBER, true, AT(motor_model, rotation_distance), POSITIVE},
    {"microsteps", OPTION_NUMBER, false, AT(motor_model, microsteps), .minimum = 1, .maximum = 256},
    {"full_steps", OPTION_NUMBER, false, AT(motor_model, full_steps), .minimum = 4, .maximum = 10000},
    {"gear_ratio", OPTION_RATIO, false, AT(motor_model, gear_ratio), POSITIVE},
    {"at", OPTION_NUMBERS, false, AT(motor_model, at), .given = offsetof(struct motor_model, at_given),
     .count = 2, ANY},
};

static const struct option extruder_options[] = {
    {"motor", OPTION_NAME, true, AT(extruder_model, motor)},
    {"hotend", OPTION_NAME, false, AT(extruder_model, hotend)},
    {"melt", OPTION_NUMBER, false, AT(extruder_model, melt), .minimum = -273, .maximum = 1000},
    {"filament_heat", OPTION_NUMBER, false, AT(extruder_model, filament_heat), NOT_NEGATIVE},
};

static const struct option endstop_options[] = {
    {"pin", OPTION_PIN, true, AT(endstop_model, pin)},
    {"axis", OPTION_CHOICE, true, AT(endstop_model, axis), .choices = "x y z ta tb tc"},
    {"at", OPTION_NUMBER, true, AT(endstop_model, at), ANY},
    {"side", OPTION_CHOICE, true, AT(endstop_model, side), .choices = "min max"},
};

static const struct option probe_options[] = {
    {"pin", OPTION_PIN, true, AT(probe_model, pin)},
    {"offset", OPTION_NUMBERS, true, AT(probe_model, offset), .count = 3, ANY},
};

static const struct option bed_options[] = {
    {"area", OPTION_NUMBERS, true, AT(bed_model, area), .count = 4, ANY},
    {"slope", OPTION_NUMBERS, false, AT(bed_model, slope), .count = 2, .minimum = -0.2, .maximum = 0.2},
    {"bow", OPTION_NUMBER, false, AT(bed_model, bow), .minimum = -10, .maximum = 10},
    {"give", OPTION_NUMBER, false, AT(bed_model, give), .minimum = 0, .maximum = 100},
    {"row", OPTION_ROW, false, AT(bed_model, heights), .minimum = -10, .maximum = 10},
};

static const struct option heater_options[] = {
    {"pin", OPTION_PIN, false, AT(heater_model, pin)},
    {"sensor_pin", OPTION_PIN, true, AT(heater_model, sensor_pin)},
    {"power", OPTION_NUMBER, false, AT(heater_model, power), NOT_NEGATIVE},
    {"heat_capacity", OPTION_NUMBER, true, AT(heater_model, heat_capacity), POSITIVE},
    {"loss", OPTION_NUMBER, true, AT(heater_model, loss), POSITIVE},
    {"sensor_lag", OPTION_NUMBER, false, AT(heater_model, sensor_lag), NOT_NEGATIVE},
    {"fan", OPTION_NAME, false, AT(heater_model, fan)},
    {"fan_loss", OPTION_NUMBER, false, AT(heater_model, fan_loss), NOT_NEGATIVE},
    {"max", OPTION_NUMBER, false, AT(heater_model, max), .minimum = 0, .maximum = 2000},
    {"adc_noise", OPTION_NUMBER, false, AT(heater_model, adc_noise), .minimum = 0, .maximum = 1000},
    {"beta", OPTION_NUMBER, false, AT(heater_model, thermistor.beta), .minimum = 100, .maximum = 20000},
    {"r25", OPTION_NUMBER, false, AT(heater_model, thermistor.r25), POSITIVE},
    {"points", OPTION_POINTS, false, AT(heater_model, thermistor.points),
     .given = offsetof(struct heater_model, thermistor.points_given)},
    {"pullup", OPTION_NUMBER, false, AT(heater_model, thermistor.pullup), POSITIVE},
};

static const struct option fan_options[] = {
    {"pin", OPTION_PIN, true, AT(fan_model, pin)},
    {"tachometer", OPTION_PIN, false, AT(fan_model, tachometer)},
    {"rpm", OPTION_NUMBER, false, AT(fan_model, rpm), NOT_NEGATIVE},
    {"spin_up", OPTION_NUMBER, false, AT(fan_model, spin_up), .minimum = 0.001, .maximum = 1000},
    {"pulses", OPTION_NUMBER, false, AT(fan_model, pulses), .minimum = 1, .maximum = 100},
};

static const struct option switch_options[] = {
    {"pin", OPTION_PIN, true, AT(switch_model, pin)},
    {"active", OPTION_FLAG, false, AT(switch_model, active)},
};

static const struct option filament_options[] = {
    {"pin", OPTION_PIN, true, AT(switch_model, pin)},
    {"active", OPTION_FLAG, false, AT(switch_model, active)},
    {"extruder", OPTION_NAME, true, AT(switch_model, extruder)},
    {"path", OPTION_NUMBER, false, AT(switch_model, path), NOT_NEGATIVE},
};

static const struct option output_options[] = {
    {"pin", OPTION_PIN, true, AT(output_model, pin)},
};

#define SINGLE(kind, table, element) \
    {kind, false, table, COUNT_OF(table), offsetof(struct model, element), \
     sizeof(((struct model *)0)->element), 0, 1}
#define MANY(kind, table, array, counter) \
    {kind, true, table, COUNT_OF(table), offsetof(struct model, array), \
     sizeof(((struct model *)0)->array[0]), offsetof(struct model, counter), \
     COUNT_OF(((struct model *)0)->array)}

const struct section_kind section_kinds[] = {
    {"printer", false, printer_options, COUNT_OF(printer_options), 0, sizeof(struct model), 0, 1},
    {"record", false, record_options, COUNT_OF(record_options), 0, sizeof(struct model), 0, 1},
    {"axis", true, axis_options, COUNT_OF(axis_options), offsetof(struct model, axes),
     sizeof(struct axis_model), 0, AXES},
    MANY("motor", motor_options, motors, motor_count),
    MANY("extruder", extruder_options, extruders, extruder_count),
    MANY("endstop", endstop_options, endstops, endstop_count),
    SINGLE("probe", probe_options, probe),
    SINGLE("bed", bed_options, bed),
    MANY("heater", heater_options, heaters, heater_count),
    MANY("fan", fan_options, fans, fan_count),
    MANY("switch", switch_options, switches, switch_count),
    MANY("filament_switch", filament_options, switches, switch_count),
    MANY("output", output_options, outputs, output_count),
};
const size_t section_kind_count = COUNT_OF(section_kinds);

static const struct pin_ref no_pin = {.pin = -1};

static void heater_defaults(struct heater_model *heater) {
    heater->pin = heater->sensor_pin = no_pin;
    heater->sensor_lag = 0;
    heater->fan_index = -1;
    heater->max = 2000;
    heater->thermistor = (struct thermistor_model){.beta = 3950, .r25 = 100000, .pullup = 4700};
}

void model_defaults(struct model *model) {
    memset(model, 0, sizeof(*model));
    model->ambient = 22;
    model->seed_number = 1;
    model->record_distance = 0.25;
    model->record_interval = 0.01;
    model->record_temperatures = 1;
    model->probe.pin = no_pin;
    model->bed.give = 0.2;
    for (int i = 0; i < MOTORS_MAX; i++) {
        struct motor_model *motor = &model->motors[i];
        motor->step = motor->dir = motor->enable = no_pin;
        motor->microsteps = 16;
        motor->full_steps = 200;
        motor->gear_ratio = 1;
    }
    for (int i = 0; i < EXTRUDERS_MAX; i++)
        model->extruders[i].hotend_index = -1, model->extruders[i].melt = 150;
    for (int i = 0; i < HEATERS_MAX; i++)
        heater_defaults(&model->heaters[i]);
    for (int i = 0; i < FANS_MAX; i++) {
        model->fans[i].pin = model->fans[i].tachometer = no_pin;
        model->fans[i].spin_up = 0.5;
        model->fans[i].rpm = 5000;
        model->fans[i].pulses = 2;
    }
    for (int i = 0; i < SWITCHES_MAX; i++)
        model->switches[i].extruder_index = -1;
}
