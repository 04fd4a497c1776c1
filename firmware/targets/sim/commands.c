#include "commands.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "console.h"
#include "journal.h"
#include "json.h"
#include "simulation.h"

struct request {
    struct json_object object;
    bool wants_report;
    char error[160]; // when it was refused
};

static bool refuse(struct request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(struct request *request, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(request->error, sizeof(request->error), format, arguments);
    va_end(arguments);
    return false;
}

static bool get_number(struct request *request, const char *key, double low, double high, double *value) {
    const struct json_field *field = json_find(&request->object, key);
    if (!field || field->type != JSON_NUMBER)
        return refuse(request, "'%s' must be a number", key);
    if (field->number < low || field->number > high)
        return refuse(request, "'%s' must be between %g and %g", key, low, high);
    *value = field->number;
    return true;
}

static bool get_flag(struct request *request, const char *key, bool *value) {
    const struct json_field *field = json_find(&request->object, key);
    if (!field || field->type != JSON_FLAG)
        return refuse(request, "'%s' must be true or false", key);
    *value = field->flag;
    return true;
}

// One of `words`, as its index.
static bool get_word(struct request *request, const char *key, const char *const *words, int count, int *value) {
    const struct json_field *field = json_find(&request->object, key);
    for (*value = 0; field && field->type == JSON_TEXT && *value < count; ++*value)
        if (!strcmp(field->text, words[*value]))
            return true;
    char known[80] = "";
    for (int i = 0; i < count; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", words[i]);
    }
    return refuse(request, "'%s' must be one of: %s", key, known);
}

// The element of a list of models that the text of `key` names.
static bool get_index(struct request *request, const char *key, const void *elements, size_t size, int count,
                      int *index) {
    const struct json_field *field = json_find(&request->object, key);
    if (field->type != JSON_TEXT)
        return refuse(request, "'%s' must be a name", key);
    for (*index = 0; *index < count; ++*index)
        if (!strcmp(((const struct section *)((const char *)elements + (size_t)*index * size))->name, field->text))
            return true;
    return refuse(request, "the printer has no %s '%s'", key, field->text);
}

#define GET_INDEX(request, key, list, count, index) \
    get_index(request, key, simulation.printer.model->list, sizeof(simulation.printer.model->list[0]), \
              simulation.printer.model->count, index)

static bool set_ambient(struct request *request) {
    double ambient;
    if (!get_number(request, "ambient", -100, 200, &ambient))
        return false;
    printer_set_ambient(&simulation.printer, ambient, simulation.now);
    return true;
}

// Whatever of sensor, health and stuck_on is given.
static bool set_heater(struct request *request) {
    static const char *const faults[] = {"ok", "open", "short"};
    int index, fault = 0;
    if (!GET_INDEX(request, "heater", heaters, heater_count, &index))
        return false;
    struct heater *heater = &simulation.printer.heaters[index];
    double health = heater->health;
    bool stuck = heater->stuck_on;
    bool sensor = json_find(&request->object, "sensor");
    if ((sensor && !get_word(request, "sensor", faults, 3, &fault)) ||
        (json_find(&request->object, "health") && !get_number(request, "health", 0, 1, &health)) ||
        (json_find(&request->object, "stuck_on") && !get_flag(request, "stuck_on", &stuck)))
        return false;
    heater_advance(heater, simulation.now);
    heater->health = health;
    heater->stuck_on = stuck;
    if (sensor)
        heater->fault = (enum sensor_fault)fault;
    return true;
}

static const char *const stuck_words[] = {"no", "open", "triggered"};

static bool set_endstop(struct request *request) {
    int index, stuck;
    if (!GET_INDEX(request, "endstop", endstops, endstop_count, &index) ||
        !get_word(request, "stuck", stuck_words, 3, &stuck))
        return false;
    simulation.printer.endstops[index] = (enum stuck)stuck;
    return true;
}

static bool set_probe(struct request *request) {
    int stuck;
    if (simulation.printer.model->probe.pin.pin < 0)
        return refuse(request, "the printer has no probe");
    if (!get_word(request, "probe", stuck_words, 3, &stuck))
        return false;
    simulation.printer.probe = (enum stuck)stuck;
    return true;
}

static bool set_extruder(struct request *request) {
    int index;
    bool jammed = false;
    if (!GET_INDEX(request, "extruder", extruders, extruder_count, &index) || !get_flag(request, "jammed", &jammed))
        return false;
    simulation.printer.gantry.extruders[index].jammed = jammed;
    return true;
}

static bool set_fan(struct request *request) {
    int index;
    bool blocked = false;
    if (!GET_INDEX(request, "fan", fans, fan_count, &index) || !get_flag(request, "blocked", &blocked))
        return false;
    printer_block_fan(&simulation.printer, index, blocked, simulation.now);
    return true;
}

static bool set_switch(struct request *request) {
    int index;
    bool active = false;
    if (!GET_INDEX(request, "switch", switches, switch_count, &index) || !get_flag(request, "active", &active))
        return false;
    printer_set_switch(&simulation.printer, index, active, simulation.now);
    return true;
}

// Push the carriage by hand, as one can while its motors are off.
static bool set_axis(struct request *request) {
    static const char *const names[] = {"x", "y", "z"};
    int axis;
    double position;
    if (!get_word(request, "axis", names, AXES, &axis) || !get_number(request, "position", -1e6, 1e6, &position))
        return false;
    return gantry_place(&simulation.printer.gantry, (enum axis)axis, position) ||
           refuse(request, "%g is beyond the frame: %c goes from %g to %g", position, "xyz"[axis],
                  simulation.printer.model->axes[axis].range[0], simulation.printer.model->axes[axis].range[1]);
}

static const struct {
    const char *key;
    bool (*run)(struct request *request);
} settings[] = {
    {"ambient", set_ambient},   {"heater", set_heater}, {"endstop", set_endstop}, {"probe", set_probe},
    {"extruder", set_extruder}, {"fan", set_fan},       {"switch", set_switch},   {"axis", set_axis},
};

static bool command_set(struct request *request) {
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        if (json_find(&request->object, settings[i].key))
            return settings[i].run(request);
    return refuse(request, "set needs one of: ambient, heater, endstop, probe, extruder, fan, switch, axis");
}

static bool command_mark(struct request *request) {
    (void)request;
    printer_mark(&simulation.printer, simulation.now);
    return true;
}

static bool command_unplug(struct request *request) {
    double seconds;
    if (!get_number(request, "seconds", 0, 1e6, &seconds))
        return false;
    console_unplug();
    simulation.plug_at = simulation.now + (ticks)(seconds * TICKS_PER_SECOND);
    journal_add(simulation.now, "unplug", "the port is gone for %g s", seconds);
    return true;
}

static bool command_reset_mcu(struct request *request) {
    (void)request;
    simulation.reset_wanted = true;
    return true;
}

static bool command_quit(struct request *request) {
    (void)request;
    simulation.quit = true;
    return true;
}

static bool command_report(struct request *request) {
    request->wants_report = true;
    printer_advance(&simulation.printer, simulation.now);
    trail_settle(&simulation.printer.trail, &simulation.printer.gantry, simulation.now);
    return true;
}

static const struct {
    const char *name;
    bool (*run)(struct request *request);
} commands[] = {
    {"report", command_report}, {"mark", command_mark},   {"set", command_set},
    {"unplug", command_unplug}, {"reset", command_reset_mcu}, {"quit", command_quit},
};

static bool run(struct request *request, const char *line) {
    if (!line)
        return refuse(request, "the line is too long");
    const char *wrong = json_read(&request->object, line);
    if (wrong)
        return refuse(request, "%s", wrong);
    const struct json_field *name = json_find(&request->object, "cmd");
    if (!name || name->type != JSON_TEXT)
        return refuse(request, "'cmd' is missing: report, mark, set, unplug, reset or quit");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (!strcmp(commands[i].name, name->text))
            return commands[i].run(request);
    return refuse(request, "there is no command '%s': report, mark, set, unplug, reset or quit", name->text);
}

size_t commands_run(const char *line, char *text, size_t size) {
    struct request request = {.error = ""};
    struct json_writer json = {.text = text, .size = size};
    json_open(&json, NULL, '{');
    if (!run(&request, line)) {
        json_text(&json, "error", request.error);
    } else if (request.wants_report) {
        report_write(&json, "result", &simulation.printer, &simulation.mcu, simulation.now);
    } else {
        json_open(&json, "result", '{');
        json_number(&json, "time", ticks_seconds(simulation.now));
        json_close(&json, '}');
    }
    json_close(&json, '}');
    return json.used;
}
