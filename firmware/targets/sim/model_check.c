// What a model file must satisfy beyond each option's own limits.
#include <string.h>

#include "model_parser.h"
#include "pins.h"

struct checker {
    struct model *model;
    const char *file;
    char *error;
    const char *owner[PIN_COUNT]; // section that has the pin, NULL: free
    bool enables[PIN_COUNT];      // it is an enable pin, which motors may share
};

static bool claim(struct checker *checker, const char *owner, const struct pin_ref *ref, bool enable) {
    if (ref->pin < 0)
        return true;
    char name[PIN_NAME_SIZE];
    pin_name(ref->pin, name);
    if (checker->owner[ref->pin] && !(enable && checker->enables[ref->pin]))
        return model_fail(checker->error, checker->file, ref->line, "%s is used by '%s' already", name, checker->owner[ref->pin]);
    checker->owner[ref->pin] = owner;
    checker->enables[ref->pin] = enable;
    return true;
}

static bool check_pins(struct checker *checker) {
    struct model *model = checker->model;
    bool ok = true;
    for (int i = 0; ok && i < model->motor_count; i++) {
        const struct motor_model *motor = &model->motors[i];
        ok = claim(checker, motor->section.name, &motor->step, false) &&
             claim(checker, motor->section.name, &motor->dir, false) &&
             claim(checker, motor->section.name, &motor->enable, true);
    }
    for (int i = 0; ok && i < model->endstop_count; i++)
        ok = claim(checker, model->endstops[i].section.name, &model->endstops[i].pin, false);
    for (int i = 0; ok && i < model->heater_count; i++)
        ok = claim(checker, model->heaters[i].section.name, &model->heaters[i].pin, false) &&
             claim(checker, model->heaters[i].section.name, &model->heaters[i].sensor_pin, false);
    for (int i = 0; ok && i < model->fan_count; i++)
        ok = claim(checker, model->fans[i].section.name, &model->fans[i].pin, false) &&
             claim(checker, model->fans[i].section.name, &model->fans[i].tachometer, false);
    for (int i = 0; ok && i < model->switch_count; i++)
        ok = claim(checker, model->switches[i].section.name, &model->switches[i].pin, false);
    for (int i = 0; ok && i < model->output_count; i++)
        ok = claim(checker, model->outputs[i].section.name, &model->outputs[i].pin, false);
    return ok && claim(checker, "probe", &model->probe.pin, false);
}

static bool check_axes(struct checker *checker) {
    for (int i = 0; i < AXES; i++) {
        const struct axis_model *axis = &checker->model->axes[i];
        if (axis->range[0] >= axis->range[1])
            return model_fail(checker->error, checker->file, axis->section.line, "[axis %c] range: %g is not below %g", "xyz"[i], axis->range[0],
                        axis->range[1]);
        if (axis->start < axis->range[0] || axis->start > axis->range[1])
            return model_fail(checker->error, checker->file, axis->section.line, "[axis %c] start: %g is outside of %g to %g", "xyz"[i],
                        axis->start, axis->range[0], axis->range[1]);
    }
    return true;
}

// What the motors of each kinematics drive.
static const struct {
    const char *name, *drives;
    int needed[3];
} machines[] = {
    [CARTESIAN] = {"cartesian", "x, y, z", {DRIVE_X, DRIVE_Y, DRIVE_Z}},
    [COREXY] = {"corexy", "a, b, z", {DRIVE_A, DRIVE_B, DRIVE_Z}},
    [DELTA] = {"delta", "ta, tb, tc", {DRIVE_TA, DRIVE_TB, DRIVE_TC}},
};

static bool belongs(int kinematics, int drive) {
    const int *needed = machines[kinematics].needed;
    return drive == DRIVE_E || drive == needed[0] || drive == needed[1] || drive == needed[2];
}

static bool check_motors(struct checker *checker) {
    static const char *const drive_names[] = {"x", "y", "z", "a", "b", "ta", "tb", "tc", "e"};
    struct model *model = checker->model;
    bool driven[DRIVE_E + 1] = {false};
    int z_motors = 0, z_places = 0;
    for (int i = 0; i < model->motor_count; i++) {
        const struct motor_model *motor = &model->motors[i];
        if (!belongs(model->kinematics, motor->drives))
            return model_fail(checker->error, checker->file, motor->section.line, "[motor %s] drives: a %s gantry has the drives %s",
                        motor->section.name, machines[model->kinematics].name, machines[model->kinematics].drives);
        if (motor->at_given && motor->drives != DRIVE_Z)
            return model_fail(checker->error, checker->file, motor->section.line, "[motor %s] at: only a Z motor has a place",
                        motor->section.name);
        driven[motor->drives] = true;
        z_motors += motor->drives == DRIVE_Z;
        z_places += motor->at_given;
    }
    if (z_places && z_places != z_motors)
        return model_fail(checker->error, checker->file, model->section.line,
                          "only %d of %d Z motors have 'at': give it for all or none", z_places, z_motors);
    for (int i = 0; i < 3; i++) {
        int needed = machines[model->kinematics].needed[i];
        if (!driven[needed])
            return model_fail(checker->error, checker->file, model->section.line, "no motor drives %s", drive_names[needed]);
    }
    return true;
}

static bool check_towers(struct checker *checker) {
    const struct model *model = checker->model;
    bool delta = model->kinematics == DELTA;
    if (delta != (model->delta_radius > 0) || delta != (model->arm_length > 0))
        return model_fail(checker->error, checker->file, model->section.line,
                          "[printer] delta_radius and arm_length: %s", delta ? "a delta needs both" : "only of a delta");
    if (delta && model->arm_length <= model->delta_radius)
        return model_fail(checker->error, checker->file, model->section.line,
                          "[printer] arm_length: %g is not above delta_radius = %g", model->arm_length, model->delta_radius);
    for (int i = 0; i < model->endstop_count; i++)
        if (model->endstops[i].axis >= AXES && !delta)
            return model_fail(checker->error, checker->file, model->endstops[i].section.line,
                              "[endstop %s] axis: only a delta has towers", model->endstops[i].section.name);
    return true;
}

// Find the section called `name`, or say so. -1 after an error.
static int resolve(struct checker *checker, const struct section *from, const char *option, const char *name,
                   const char *kind, const void *elements, size_t size, int count) {
    for (int i = 0; i < count; i++)
        if (!strcmp(((const struct section *)((const char *)elements + (size_t)i * size))->name, name))
            return i;
    model_fail(checker->error, checker->file, from->line, "[%s] %s: there is no [%s %s]", from->name, option, kind, name);
    return -1;
}

static bool resolve_extruder(struct checker *checker, struct extruder_model *extruder) {
    struct model *model = checker->model;
    extruder->motor_index = resolve(checker, &extruder->section, "motor", extruder->motor, "motor", model->motors,
                                    sizeof(model->motors[0]), model->motor_count);
    if (extruder->motor_index < 0)
        return false;
    if (model->motors[extruder->motor_index].drives != DRIVE_E)
        return model_fail(checker->error, checker->file, extruder->section.line, "[extruder %s] motor: [motor %s] doesn't drive e",
                    extruder->section.name, extruder->motor);
    if (!*extruder->hotend)
        return true;
    extruder->hotend_index = resolve(checker, &extruder->section, "hotend", extruder->hotend, "heater",
                                     model->heaters, sizeof(model->heaters[0]), model->heater_count);
    return extruder->hotend_index >= 0;
}

static bool resolve_names(struct checker *checker) {
    struct model *model = checker->model;
    for (int i = 0; i < model->extruder_count; i++) {
        if (!resolve_extruder(checker, &model->extruders[i]))
            return false;
        for (int j = 0; j < i; j++)
            if (model->extruders[i].motor_index == model->extruders[j].motor_index)
                return model_fail(checker->error, checker->file, model->extruders[i].section.line, "[extruder %s] motor: [extruder %s] has it",
                            model->extruders[i].section.name, model->extruders[j].section.name);
    }
    for (int i = 0; i < model->heater_count; i++) {
        struct heater_model *heater = &model->heaters[i];
        if (*heater->fan && (heater->fan_index = resolve(checker, &heater->section, "fan", heater->fan, "fan",
                                                         model->fans, sizeof(model->fans[0]),
                                                         model->fan_count)) < 0)
            return false;
    }
    for (int i = 0; i < model->switch_count; i++) {
        struct switch_model *sensor = &model->switches[i];
        if (*sensor->extruder &&
            (sensor->extruder_index = resolve(checker, &sensor->section, "extruder", sensor->extruder, "extruder",
                                              model->extruders, sizeof(model->extruders[0]),
                                              model->extruder_count)) < 0)
            return false;
    }
    return true;
}

static bool check_heaters(struct checker *checker) {
    for (int i = 0; i < checker->model->heater_count; i++) {
        const struct heater_model *heater = &checker->model->heaters[i];
        const char *name = heater->section.name;
        int line = heater->section.line;
        if ((heater->pin.pin < 0) != (heater->power == 0))
            return model_fail(checker->error, checker->file, line, "[heater %s] needs both of pin and power, or none of them", name);
        const struct thermistor_model *thermistor = &heater->thermistor;
        for (int p = 0; thermistor->points_given && p < 2; p++)
            if (thermistor->points[p][0] >= thermistor->points[p + 1][0] ||
                thermistor->points[p][1] <= thermistor->points[p + 1][1])
                return model_fail(checker->error, checker->file, line, "[heater %s] points: temperatures must rise and ohms fall", name);
    }
    return true;
}

static bool check_bed(struct checker *checker) {
    const struct bed_model *bed = &checker->model->bed;
    if (!bed->section.line)
        return checker->model->probe.pin.pin < 0 ||
               model_fail(checker->error, checker->file, checker->model->probe.section.line, "[probe] needs a section [bed]");
    if (bed->area[0] >= bed->area[2] || bed->area[1] >= bed->area[3])
        return model_fail(checker->error, checker->file, bed->section.line, "[bed] area: expected x min, y min, x max, y max");
    if (bed->rows && (bed->rows < 2 || bed->columns < 2))
        return model_fail(checker->error, checker->file, bed->section.line, "[bed] row: a grid has at least 2 rows of 2 heights");
    return true;
}

bool model_check(struct model *model, const char *file, char error[MODEL_ERROR_SIZE]) {
    struct checker checker = {.model = model, .file = file, .error = error};
    return check_pins(&checker) && check_axes(&checker) && check_motors(&checker) && check_towers(&checker) &&
           check_heaters(&checker) &&
           check_bed(&checker) && resolve_names(&checker);
}
