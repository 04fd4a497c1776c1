#include "trail.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "journal.h"

bool trail_open(struct trail *trail, const char *file_name, const struct gantry *gantry) {
    trail->file = fopen(file_name, "w");
    if (!trail->file)
        return false;
    setvbuf(trail->file, NULL, _IOFBF, 1 << 16);
    trail_write(trail, "#simulated printer,1");
    char columns[16 + EXTRUDERS_MAX * (NAME_SIZE + 2)] = "#P,time,x,y,z";
    for (int i = 0; i < gantry->model->extruder_count; i++) {
        size_t used = strlen(columns);
        snprintf(columns + used, sizeof(columns) - used, ",%s", gantry->model->extruders[i].section.name);
    }
    trail_write(trail, "%s", columns);
    trail_write(trail, "#T,time,heater,temperature,sensor,duty");
    trail_write(trail, "#F,time,fan,speed");
    trail_write(trail, "#E,time,kind,text");
    return true;
}

// A full disk ends the record, not the simulation.
static void check_file(struct trail *trail, ticks now) {
    if (!trail->file || !ferror(trail->file))
        return;
    int reason = errno;
    fclose(trail->file);
    trail->file = NULL;
    journal_add(now, "record", "the record file ends here: %s", strerror(reason));
}

static void sample(struct trail *trail, struct gantry *gantry, ticks now) {
    trail->next = now + trail->interval;
    for (int axis = 0; axis < AXES; axis++)
        trail->last[axis] = gantry->axes[axis].position;
    for (int i = 0; i < gantry->model->extruder_count; i++)
        trail->last_e[i] = gantry->extruders[i].position;
    double clearance = gantry_clearance(gantry);
    gantry->lowest = clearance < gantry->lowest ? clearance : gantry->lowest;
    if (!trail->file)
        return;
    fprintf(trail->file, "P,%.6f,%.4f,%.4f,%.4f", ticks_seconds(now), trail->last[AXIS_X], trail->last[AXIS_Y],
            trail->last[AXIS_Z]);
    for (int i = 0; i < gantry->model->extruder_count; i++)
        fprintf(trail->file, ",%.5f", trail->last_e[i]);
    fputc('\n', trail->file);
}

static double moved(const struct trail *trail, const struct gantry *gantry) {
    return fabs(gantry->axes[AXIS_X].position - trail->last[AXIS_X]) +
           fabs(gantry->axes[AXIS_Y].position - trail->last[AXIS_Y]) +
           fabs(gantry->axes[AXIS_Z].position - trail->last[AXIS_Z]);
}

void trail_follow(struct trail *trail, struct gantry *gantry, ticks now) {
    if (now >= trail->next || moved(trail, gantry) >= trail->distance)
        sample(trail, gantry, now);
}

void trail_settle(struct trail *trail, struct gantry *gantry, ticks now) {
    bool changed = moved(trail, gantry) > 0;
    for (int i = 0; i < gantry->model->extruder_count; i++)
        changed = changed || gantry->extruders[i].position != trail->last_e[i];
    if (changed)
        sample(trail, gantry, now);
    if (trail->file)
        fflush(trail->file);
    check_file(trail, now);
}

void trail_close(struct trail *trail, struct gantry *gantry, ticks now) {
    trail_settle(trail, gantry, now);
    if (trail->file && fclose(trail->file))
        perror("record file");
    trail->file = NULL;
}

void trail_write(struct trail *trail, const char *format, ...) {
    if (!trail->file)
        return;
    va_list arguments;
    va_start(arguments, format);
    vfprintf(trail->file, format, arguments);
    va_end(arguments);
    fputc('\n', trail->file);
}
