#include "report.h"

#include "journal.h"

static const char *const drive_names[] = {"x", "y", "z", "a", "b", "ta", "tb", "tc", "e"};

static void write_axes(struct json_writer *json, const struct gantry *gantry) {
    json_open(json, "axes", '{');
    for (int i = 0; i < AXES; i++) {
        const struct carriage_axis *axis = &gantry->axes[i];
        json_open(json, axis->model->section.name, '{');
        json_number(json, "position", axis->position);
        json_number(json, "min", axis->least);
        json_number(json, "max", axis->most);
        json_number(json, "max_velocity", axis->speed.max_velocity);
        json_number(json, "max_acceleration", axis->speed.max_acceleration);
        json_close(json, '}');
    }
    json_close(json, '}');
    json_number(json, "max_velocity", gantry->speed.max_velocity);
    json_number(json, "clearance", gantry_clearance(gantry));
    json_number(json, "lowest_clearance", gantry->lowest);
}

static void write_motor(struct json_writer *json, const struct motor *motor) {
    json_open(json, motor->model->section.name, '{');
    json_text(json, "drives", drive_names[motor->model->drives]);
    json_flag(json, "enabled", motor->enabled);
    json_number(json, "step_distance", motor->distance);
    json_integer(json, "position", motor->rotor);
    json_integer(json, "commanded", motor->commanded);
    json_integer(json, "pulses", (int64_t)motor->pulses);
    json_integer(json, "net", motor->rotor - motor->rotor_mark);
    json_integer(json, "net_commanded", motor->commanded - motor->commanded_mark);
    json_integer(json, "late", (int64_t)motor->late);
    json_number(json, "latest", ticks_seconds(motor->latest));
    json_integer(json, "disabled", (int64_t)motor->disabled);
    json_integer(json, "lost", (int64_t)motor->lost);
    json_close(json, '}');
}

static void write_extruder(struct json_writer *json, const struct extruder *extruder) {
    json_open(json, extruder->model->section.name, '{');
    json_number(json, "position", extruder->position);
    json_number(json, "net", extruder->net);
    json_number(json, "extruded", extruder->highest);
    json_number(json, "gross", extruder->gross);
    json_number(json, "retracted", extruder->retracted);
    json_number(json, "ground", extruder->ground);
    json_number(json, "filament_left", extruder->left);
    json_flag(json, "jammed", extruder->jammed);
    json_number(json, "max_velocity", extruder->speed.max_velocity);
    json_number(json, "max_acceleration", extruder->speed.max_acceleration);
    json_close(json, '}');
}

static void write_heater(struct json_writer *json, const struct heater *heater) {
    static const char *const faults[] = {"ok", "open", "short"};
    json_open(json, heater->model->section.name, '{');
    json_number(json, "temperature", heater->temperature);
    json_number(json, "sensor", heater->sensor);
    json_number(json, "max_temperature", heater->hottest);
    json_number(json, "duty", heater->duty);
    json_number(json, "smooth_duty", heater->smooth_duty);
    json_number(json, "on_time", heater->on_time);
    json_number(json, "energy", heater->energy);
    json_number(json, "health", heater->health);
    json_flag(json, "stuck_on", heater->stuck_on);
    json_flag(json, "damaged", heater->damaged);
    json_text(json, "sensor_state", faults[heater->fault]);
    json_close(json, '}');
}

static void write_fan(struct json_writer *json, const struct fan *fan) {
    json_open(json, fan->model->section.name, '{');
    json_number(json, "duty", fan->duty);
    json_number(json, "speed", fan->speed);
    json_number(json, "rpm", fan->speed * fan->model->rpm);
    json_number(json, "on_time", fan->on_time);
    json_flag(json, "blocked", fan->blocked);
    json_close(json, '}');
}

static void write_inputs(struct json_writer *json, const struct printer *printer) {
    static const char *const stuck[] = {"no", "open", "triggered"};
    json_open(json, "endstops", '{');
    for (int i = 0; i < printer->model->endstop_count; i++) {
        json_open(json, printer->model->endstops[i].section.name, '{');
        json_flag(json, "triggered", printer_endstop(printer, i));
        json_text(json, "stuck", stuck[printer->endstops[i]]);
        json_close(json, '}');
    }
    json_close(json, '}');
    if (printer->model->probe.pin.pin >= 0) {
        json_open(json, "probe", '{');
        json_flag(json, "triggered", printer_probe(printer));
        json_text(json, "stuck", stuck[printer->probe]);
        json_close(json, '}');
    }
    json_open(json, "switches", '{');
    for (int i = 0; i < printer->model->switch_count; i++)
        json_flag(json, printer->model->switches[i].section.name, printer->switches[i].active);
    json_close(json, '}');
}

static void write_outputs(struct json_writer *json, const struct printer *printer) {
    json_open(json, "outputs", '{');
    for (int i = 0; i < printer->model->output_count; i++) {
        json_open(json, printer->model->outputs[i].section.name, '{');
        json_number(json, "value", printer->outputs[i].value);
        json_integer(json, "changes", (int64_t)printer->outputs[i].changes);
        json_close(json, '}');
    }
    json_close(json, '}');
    json_open(json, "unwired_pins", '[');
    for (int pin = 0; pin < PIN_COUNT; pin++) {
        char name[PIN_NAME_SIZE];
        pin_name(pin, name);
        if (printer->stray[pin])
            json_text(json, NULL, name);
    }
    json_close(json, ']');
}

static void write_crashes(struct json_writer *json, const struct gantry *gantry) {
    json_integer(json, "crash_count", gantry->crash_count);
    json_open(json, "crashes", '[');
    for (unsigned i = 0; i < gantry->crash_count && i < CRASHES_MAX; i++) {
        const struct crash *crash = &gantry->crashes[i];
        json_open(json, NULL, '{');
        json_text(json, "obstacle", obstacle_names[crash->obstacle]);
        json_number(json, "time", ticks_seconds(crash->first));
        json_number(json, "duration", ticks_seconds(crash->last - crash->first));
        json_number(json, "x", crash->position[AXIS_X]);
        json_number(json, "y", crash->position[AXIS_Y]);
        json_number(json, "z", crash->position[AXIS_Z]);
        json_integer(json, "lost", (int64_t)crash->lost);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void write_events(struct json_writer *json) {
    unsigned count = 0;
    while (journal_event(count))
        count++;
    json_open(json, "events", '[');
    while (count--) {
        const struct event *event = journal_event(count);
        json_open(json, NULL, '{');
        json_number(json, "time", event->time);
        json_text(json, "kind", event->kind);
        json_text(json, "text", event->text);
        json_close(json, '}');
    }
    json_close(json, ']');
}

// The counts that a good print leaves at 0.
static void write_faults(struct json_writer *json, const struct printer *printer) {
    uint64_t late = 0, disabled = 0, lost = 0;
    double ground = 0;
    for (int i = 0; i < printer->model->motor_count; i++) {
        late += printer->gantry.motors[i].late;
        disabled += printer->gantry.motors[i].disabled;
        lost += printer->gantry.motors[i].lost;
    }
    for (int i = 0; i < printer->model->extruder_count; i++)
        ground += printer->gantry.extruders[i].ground;
    json_open(json, "faults", '{');
    json_integer(json, "late_steps", (int64_t)late);
    json_integer(json, "disabled_steps", (int64_t)disabled);
    json_integer(json, "lost_steps", (int64_t)lost);
    json_integer(json, "crashes", printer->gantry.crash_count);
    json_number(json, "ground_filament", ground);
    json_close(json, '}');
}

static void write_mcu(struct json_writer *json, const struct mcu_state *mcu) {
    json_open(json, "mcu", '{');
    json_flag(json, "shutdown", mcu->shutdown);
    json_flag(json, "connected", mcu->connected);
    json_integer(json, "resets", mcu->resets);
    json_integer(json, "late_timers", (int64_t)mcu->late_timers);
    json_close(json, '}');
}

void report_write(struct json_writer *json, const char *key, const struct printer *printer,
                  const struct mcu_state *mcu, ticks now) {
    const struct model *model = printer->model;
    json_open(json, key, '{');
    json_number(json, "time", ticks_seconds(now));
    json_number(json, "since_mark", ticks_seconds(now - printer->mark));
    static const char *const kinematics[] = {"cartesian", "corexy", "delta"};
    json_text(json, "kinematics", kinematics[model->kinematics]);
    json_number(json, "ambient", printer->ambient);
    write_mcu(json, mcu);
    write_faults(json, printer);
    write_axes(json, &printer->gantry);
    json_open(json, "motors", '{');
    for (int i = 0; i < model->motor_count; i++)
        write_motor(json, &printer->gantry.motors[i]);
    json_close(json, '}');
    json_open(json, "extruders", '{');
    for (int i = 0; i < model->extruder_count; i++)
        write_extruder(json, &printer->gantry.extruders[i]);
    json_close(json, '}');
    json_open(json, "heaters", '{');
    for (int i = 0; i < model->heater_count; i++)
        write_heater(json, &printer->heaters[i]);
    json_close(json, '}');
    json_open(json, "fans", '{');
    for (int i = 0; i < model->fan_count; i++)
        write_fan(json, &printer->fans[i]);
    json_close(json, '}');
    write_inputs(json, printer);
    write_outputs(json, printer);
    write_crashes(json, &printer->gantry);
    write_events(json);
    json_close(json, '}');
}
