#include "printer.h"

#include <math.h>

#include "journal.h"

static void wire(struct printer *printer, const struct pin_ref *ref, enum pin_role role, int index) {
    if (ref->pin >= 0)
        printer->wires[ref->pin] = (struct wire){.role = role, .index = index, .inverted = ref->inverted};
}

static void wire_all(struct printer *printer) {
    const struct model *model = printer->model;
    for (int i = 0; i < model->motor_count; i++) {
        wire(printer, &model->motors[i].step, ROLE_STEP, i);
        wire(printer, &model->motors[i].dir, ROLE_DIR, i);
        wire(printer, &model->motors[i].enable, ROLE_ENABLE, i);
    }
    for (int i = 0; i < model->heater_count; i++) {
        wire(printer, &model->heaters[i].pin, ROLE_HEATER, i);
        wire(printer, &model->heaters[i].sensor_pin, ROLE_SENSOR, i);
    }
    for (int i = 0; i < model->fan_count; i++) {
        wire(printer, &model->fans[i].pin, ROLE_FAN, i);
        wire(printer, &model->fans[i].tachometer, ROLE_TACHOMETER, i);
    }
    for (int i = 0; i < model->endstop_count; i++)
        wire(printer, &model->endstops[i].pin, ROLE_ENDSTOP, i);
    for (int i = 0; i < model->switch_count; i++)
        wire(printer, &model->switches[i].pin, ROLE_SWITCH, i);
    for (int i = 0; i < model->output_count; i++)
        wire(printer, &model->outputs[i].pin, ROLE_OUTPUT, i);
    wire(printer, &model->probe.pin, ROLE_PROBE, 0);
}

void printer_init(struct printer *printer, const struct model *model, ticks now) {
    *printer = (struct printer){.model = model, .ambient = model->ambient, .mark = now, .next_sample = now};
    for (int i = 0; i < model->heater_count; i++)
        heater_init(&printer->heaters[i], &model->heaters[i], model->ambient, now,
                    (uint64_t)model->seed_number + (uint64_t)i);
    for (int i = 0; i < model->fan_count; i++)
        fan_init(&printer->fans[i], &model->fans[i], now);
    for (int i = 0; i < model->output_count; i++)
        printer->outputs[i].model = &model->outputs[i];
    gantry_init(&printer->gantry, model, printer->heaters);
    for (int i = 0; i < model->switch_count; i++) {
        printer->switches[i].model = &model->switches[i];
        printer->switches[i].active = model->switches[i].active;
        if (model->switches[i].extruder_index >= 0 && !model->switches[i].active)
            printer->gantry.extruders[model->switches[i].extruder_index].left = 0;
    }
    printer->trail.distance = model->record_distance;
    printer->trail.interval = (ticks)(model->record_interval * TICKS_PER_SECOND);
    for (int axis = 0; axis < AXES; axis++)
        printer->trail.last[axis] = printer->gantry.axes[axis].position;
    wire_all(printer);
}

static void follow_air(struct printer *printer, int fan, ticks now) {
    for (int i = 0; i < printer->model->heater_count; i++)
        if (printer->model->heaters[i].fan_index == fan)
            heater_set_air_flow(&printer->heaters[i], fan_air_flow(&printer->fans[fan]), now);
}

static void drive_fan(struct printer *printer, int index, double duty, ticks now) {
    fan_set_duty(&printer->fans[index], duty, now);
    follow_air(printer, index, now);
}

void printer_block_fan(struct printer *printer, int index, bool blocked, ticks now) {
    fan_block(&printer->fans[index], blocked, now);
    follow_air(printer, index, now);
}

static void drive_output(struct output *output, double value) {
    output->changes += value != output->value;
    output->value = value;
}

// A wire can be shared by several motors.
static void drive_enable(struct printer *printer, int pin, bool active) {
    for (int i = 0; i < printer->model->motor_count; i++)
        if (printer->model->motors[i].enable.pin == pin)
            printer->gantry.motors[i].enabled = active != (printer->model->motors[i].enable.inverted !=
                                                           printer->wires[pin].inverted);
}

static void step(struct printer *printer, int index, bool active, ticks now, ticks late) {
    if (!active && printer->model->motors[index].edges == EDGES_RISING)
        return;
    if (gantry_step(&printer->gantry, index, now, late))
        trail_follow(&printer->trail, &printer->gantry, now);
}

void printer_drive(struct printer *printer, int pin, bool level, ticks now, ticks late) {
    struct wire *wire = &printer->wires[pin];
    bool active = level != wire->inverted;
    if (active == wire->active)
        return;
    wire->active = active;
    switch (wire->role) {
    case ROLE_STEP:
        step(printer, wire->index, active, now, late);
        break;
    case ROLE_DIR:
        printer->gantry.motors[wire->index].backward = !active;
        break;
    case ROLE_ENABLE:
        drive_enable(printer, pin, active);
        break;
    case ROLE_HEATER:
        heater_set_duty(&printer->heaters[wire->index], active, now);
        break;
    case ROLE_FAN:
        drive_fan(printer, wire->index, active, now);
        break;
    case ROLE_OUTPUT:
        drive_output(&printer->outputs[wire->index], active);
        break;
    default:
        break;
    }
}

void printer_drive_pwm(struct printer *printer, int pin, double duty, ticks now) {
    struct wire *wire = &printer->wires[pin];
    double active = wire->inverted ? 1 - duty : duty;
    switch (wire->role) {
    case ROLE_HEATER:
        heater_set_duty(&printer->heaters[wire->index], active, now);
        break;
    case ROLE_FAN:
        drive_fan(printer, wire->index, active, now);
        break;
    case ROLE_OUTPUT:
        drive_output(&printer->outputs[wire->index], active);
        break;
    default:
        printer_drive(printer, pin, duty >= 0.5, now, 0);
        return;
    }
    wire->active = active > 0;
}

void printer_release(struct printer *printer, ticks now) {
    for (int pin = 0; pin < PIN_COUNT; pin++) {
        if (printer->wires[pin].role != ROLE_STEP)
            printer_drive_pwm(printer, pin, printer->wires[pin].inverted, now);
        printer->wires[pin].active = false; // a step pin that falls back makes no step
    }
}

bool printer_endstop(const struct printer *printer, int index) {
    if (printer->endstops[index] != NOT_STUCK)
        return printer->endstops[index] == STUCK_TRIGGERED;
    return gantry_endstop(&printer->gantry, &printer->model->endstops[index]);
}

bool printer_probe(const struct printer *printer) {
    return printer->probe != NOT_STUCK ? printer->probe == STUCK_TRIGGERED : gantry_probe(&printer->gantry);
}

bool printer_level(struct printer *printer, int pin, int pull, ticks now) {
    const struct wire *wire = &printer->wires[pin];
    switch (wire->role) {
    case ROLE_ENDSTOP:
        return printer_endstop(printer, wire->index) != wire->inverted;
    case ROLE_PROBE:
        return printer_probe(printer) != wire->inverted;
    case ROLE_SWITCH:
        return printer->switches[wire->index].active != wire->inverted;
    case ROLE_TACHOMETER:
        return fan_tachometer(&printer->fans[wire->index], now) != wire->inverted;
    case ROLE_NOTHING:
    case ROLE_SENSOR:
        return pull > 0;
    default:
        return wire->active != wire->inverted;
    }
}

double printer_adc(struct printer *printer, int pin, double full, ticks now) {
    const struct wire *wire = &printer->wires[pin];
    return wire->role == ROLE_SENSOR ? heater_adc(&printer->heaters[wire->index], full, now) : full;
}

void printer_note_use(struct printer *printer, int pin, bool drives, ticks now) {
    enum pin_role role = printer->wires[pin].role;
    bool is_output = role >= ROLE_STEP && role <= ROLE_OUTPUT, is_nothing = role == ROLE_NOTHING;
    if (printer->stray[pin] || (!is_nothing && drives == is_output))
        return;
    char name[PIN_NAME_SIZE];
    pin_name(pin, name);
    printer->stray[pin] = true;
    journal_add(now, "pin", "the firmware was told to %s %s, to which %s is wired", drives ? "drive" : "read", name,
                is_nothing ? "nothing" : is_output ? "an input of the printer" : "an output of the printer");
}

static void watch_heater(struct heater *heater, ticks now) {
    if (heater->temperature <= heater->model->max || heater->damaged)
        return;
    heater->damaged = true;
    journal_add(now, "overheat", "%s is at %.1f C; above %.1f C it is damaged", heater->model->section.name,
                heater->temperature, heater->model->max);
}

static void record(struct printer *printer, ticks now) {
    const struct model *model = printer->model;
    printer->next_sample += (ticks)(model->record_temperatures * TICKS_PER_SECOND);
    for (int i = 0; i < model->heater_count; i++) {
        const struct heater *heater = &printer->heaters[i];
        trail_write(&printer->trail, "T,%.3f,%s,%.3f,%.3f,%.4f", ticks_seconds(now), heater->model->section.name,
                    heater->temperature, heater->sensor, heater->smooth_duty);
    }
    for (int i = 0; i < model->fan_count; i++)
        trail_write(&printer->trail, "F,%.3f,%s,%.4f", ticks_seconds(now), model->fans[i].section.name,
                    printer->fans[i].speed);
    trail_settle(&printer->trail, &printer->gantry, now);
}

void printer_advance(struct printer *printer, ticks now) {
    for (int i = 0; i < printer->model->heater_count; i++) {
        heater_advance(&printer->heaters[i], now);
        watch_heater(&printer->heaters[i], now);
    }
    for (int i = 0; i < printer->model->fan_count; i++)
        fan_advance(&printer->fans[i], now);
    if (now >= printer->next_sample)
        record(printer, now);
}

void printer_mark(struct printer *printer, ticks now) {
    printer_advance(printer, now);
    printer->mark = now;
    gantry_mark(&printer->gantry);
    for (int i = 0; i < printer->model->heater_count; i++)
        heater_mark(&printer->heaters[i]);
    for (int i = 0; i < printer->model->fan_count; i++)
        printer->fans[i].on_time = 0;
    for (int i = 0; i < printer->model->output_count; i++)
        printer->outputs[i].changes = 0;
    journal_add(now, "mark", "the counters start anew");
}

void printer_set_ambient(struct printer *printer, double ambient, ticks now) {
    printer->ambient = ambient;
    for (int i = 0; i < printer->model->heater_count; i++)
        heater_set_ambient(&printer->heaters[i], ambient, now);
}

void printer_set_switch(struct printer *printer, int index, bool active, ticks now) {
    struct sense_switch *sensor = &printer->switches[index];
    if (sensor->active == active)
        return;
    sensor->active = active;
    journal_add(now, "switch", "%s is %s", sensor->model->section.name, active ? "active" : "inactive");
    if (sensor->model->extruder_index < 0)
        return;
    struct extruder *extruder = &printer->gantry.extruders[sensor->model->extruder_index];
    if (active)
        extruder->left = INFINITY;
    else
        extruder->left = sensor->model->path;
}
