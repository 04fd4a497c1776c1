#include "gantry.h"

#include <math.h>

#include "bed.h"
#include "journal.h"

const char *const obstacle_names[OBSTACLES] = {"x min", "x max", "y min", "y max", "z min", "z max", "bed", "rods"};

static const ticks crash_pause = TICKS_PER_SECOND / 2; // after this a new one begins

static bool is_tower(const struct motor *motor) {
    return motor->model->drives >= DRIVE_TA && motor->model->drives <= DRIVE_TC;
}

// How the drive of `motor` moves the axes, per mm of its belt.
static void set_shares(struct motor *motor) {
    static const double ways[DRIVE_E + 1][AXES] = {
        [DRIVE_X] = {1, 0, 0}, [DRIVE_Y] = {0, 1, 0}, [DRIVE_Z] = {0, 0, 1},
        [DRIVE_A] = {0.5, 0.5, 0}, [DRIVE_B] = {0.5, -0.5, 0},
    };
    motor->distance = motor_step_distance(motor->model);
    for (int axis = 0; axis < AXES; axis++) {
        motor->share[axis] = ways[motor->model->drives][axis] * motor->distance;
        if (motor->share[axis] != 0)
            motor->axes |= 1u << axis;
    }
    if (is_tower(motor)) {
        motor->share[0] = motor->distance;
        motor->axes = (1u << AXES) - 1;
    }
}

// Several motors on one drive share it: the axis is at the mean of what they turned.
static void join_motors(struct gantry *gantry) {
    const struct model *model = gantry->model;
    for (int i = 0; i < model->motor_count; i++) {
        struct motor *motor = &gantry->motors[i];
        int siblings = 0;
        for (int j = 0; j < model->motor_count; j++)
            siblings += model->motors[j].drives == motor->model->drives;
        for (int axis = 0; axis < AXES; axis++) {
            motor->share[axis] /= siblings;
            if (motor->axes & 1u << axis)
                gantry->axes[axis].motors[gantry->axes[axis].motor_count++] = i;
        }
    }
}

static void fit_tilt(struct gantry *gantry) {
    const struct carriage_axis *z = &gantry->axes[AXIS_Z];
    double at[MOTORS_MAX][2];
    for (int i = 0; i < z->motor_count; i++) {
        const struct motor_model *motor = gantry->motors[z->motors[i]].model;
        if (!motor->at_given)
            return;
        at[i][0] = motor->at[0];
        at[i][1] = motor->at[1];
    }
    tilt_fit(&gantry->tilt, at, z->motor_count);
}

void gantry_init(struct gantry *gantry, const struct model *model, struct heater *heaters) {
    *gantry = (struct gantry){.model = model};
    for (int axis = 0; axis < AXES; axis++) {
        gantry->axes[axis].model = &model->axes[axis];
        gantry->axes[axis].position = model->axes[axis].start;
    }
    for (int i = 0; i < model->motor_count; i++) {
        struct motor *motor = &gantry->motors[i];
        motor->model = &model->motors[i];
        motor->enabled = motor->model->enable.pin < 0;
        motor->backward = true; // as its pin is inactive
        set_shares(motor);
    }
    for (int i = 0; i < model->extruder_count; i++) {
        const struct extruder_model *extruder = &model->extruders[i];
        extruder_init(&gantry->extruders[i], extruder,
                      extruder->hotend_index < 0 ? NULL : &heaters[extruder->hotend_index]);
        gantry->motors[extruder->motor_index].extruder = &gantry->extruders[i];
    }
    join_motors(gantry);
    if (model->kinematics == DELTA) {
        const double start[AXES] = {model->axes[0].start, model->axes[1].start, model->axes[2].start};
        towers_init(&gantry->towers, model->delta_radius, model->arm_length);
        towers_heights(&gantry->towers, start, gantry->hung);
    }
    fit_tilt(gantry);
    gantry->summit = bed_summit(&model->bed);
    gantry_mark(gantry);
}

// Where the motors hold `axis` now; summed up anew each time, so that no error builds up.
static double axis_position(const struct gantry *gantry, const struct carriage_axis *axis, int number) {
    double position = axis->model->start;
    for (int i = 0; i < axis->motor_count; i++) {
        const struct motor *motor = &gantry->motors[axis->motors[i]];
        position += (double)motor->rotor * motor->share[number];
    }
    return position;
}

static double tower_height(const struct gantry *gantry, int tower) {
    double height = gantry->hung[tower];
    for (int i = 0; i < gantry->model->motor_count; i++)
        if (gantry->motors[i].model->drives == DRIVE_TA + tower)
            height += (double)gantry->motors[i].rotor * gantry->motors[i].share[0];
    return height;
}

// Where the motors hold the axes of a bit mask now; false when they can't.
static bool find_place(const struct gantry *gantry, unsigned axes, double to[AXES]) {
    if (gantry->model->kinematics == DELTA) {
        const double heights[TOWERS] = {tower_height(gantry, 0), tower_height(gantry, 1), tower_height(gantry, 2)};
        return towers_meet(&gantry->towers, heights, to);
    }
    for (int axis = 0; axis < AXES; axis++)
        if (axes & 1u << axis)
            to[axis] = axis_position(gantry, &gantry->axes[axis], axis);
    return true;
}

double gantry_height(const struct gantry *gantry, double x, double y) {
    const struct carriage_axis *z = &gantry->axes[AXIS_Z];
    double risen[MOTORS_MAX];
    if (!gantry->tilt.known)
        return z->position;
    for (int i = 0; i < z->motor_count; i++)
        risen[i] = (double)gantry->motors[z->motors[i]].rotor * gantry->motors[z->motors[i]].distance;
    return z->position + tilt_height(&gantry->tilt, risen, z->motor_count, x, y);
}

static double clearance_at(const struct gantry *gantry, double x, double y) {
    return gantry_height(gantry, x, y) - bed_height(&gantry->model->bed, x, y);
}

double gantry_clearance(const struct gantry *gantry) {
    return clearance_at(gantry, gantry->axes[AXIS_X].position, gantry->axes[AXIS_Y].position);
}

// Does a step that brought the axes to `to` run into something? Returns the obstacle or -1.
// Leaving a place that is already beyond an end is never stopped.
static int find_obstacle(const struct gantry *gantry, const struct motor *motor, const double to[AXES]) {
    for (int axis = 0; axis < AXES; axis++) {
        if (!(motor->axes & 1u << axis))
            continue;
        const struct carriage_axis *from = &gantry->axes[axis];
        if (to[axis] < from->model->range[0] && to[axis] < from->position)
            return 2 * axis;
        if (to[axis] > from->model->range[1] && to[axis] > from->position)
            return 2 * axis + 1;
    }
    return -1;
}

// Z has moved down: does the nozzle press the bed more than it gives?
static bool presses_bed(const struct gantry *gantry) {
    const struct bed_model *bed = &gantry->model->bed;
    if (!bed->section.line || (!gantry->tilt.known && gantry->axes[AXIS_Z].position > gantry->summit))
        return false;
    double x = gantry->axes[AXIS_X].position, y = gantry->axes[AXIS_Y].position;
    if (x < bed->area[0] || x > bed->area[2] || y < bed->area[1] || y > bed->area[3])
        return false;
    return clearance_at(gantry, x, y) < -bed->give;
}

static void note_crash(struct gantry *gantry, struct motor *motor, int obstacle, ticks now) {
    motor->lost++;
    int open = gantry->open_crash[obstacle];
    if (open >= 0 && now - gantry->crashes[open].last <= crash_pause) {
        gantry->crashes[open].last = now;
        gantry->crashes[open].lost++;
        return;
    }
    int index = gantry->crash_count < CRASHES_MAX ? (int)gantry->crash_count : CRASHES_MAX - 1;
    struct crash *crash = &gantry->crashes[index];
    *crash = (struct crash){.obstacle = obstacle, .first = now, .last = now, .lost = 1};
    for (int axis = 0; axis < AXES; axis++)
        crash->position[axis] = gantry->axes[axis].position;
    for (int i = 0; i < OBSTACLES; i++)
        if (gantry->open_crash[i] == index)
            gantry->open_crash[i] = -1;
    gantry->open_crash[obstacle] = index;
    gantry->crash_count++;
    journal_add(now, "crash", "motor %s ran into %s at x=%.3f y=%.3f z=%.3f", motor->model->section.name,
                obstacle_names[obstacle], crash->position[0], crash->position[1], crash->position[2]);
}

// Fastest way of the carriage over all axes.
static void follow_carriage(struct gantry *gantry, ticks now) {
    struct speed_vector *speed = &gantry->speed;
    ticks length = now - speed->start;
    if (length < SPEED_WINDOW)
        return;
    double square = 0;
    for (int axis = 0; axis < AXES; axis++) {
        double way = gantry->axes[axis].position - speed->from[axis];
        square += way * way;
        speed->from[axis] = gantry->axes[axis].position;
    }
    if (length < SPEED_STANDSTILL)
        speed->max_velocity = fmax(speed->max_velocity, sqrt(square) / ticks_seconds(length));
    speed->start = now;
}

static void arrive(struct gantry *gantry, const struct motor *motor, const double to[AXES], ticks now) {
    for (int i = 0; i < AXES; i++) {
        if (!(motor->axes & 1u << i))
            continue;
        struct carriage_axis *axis = &gantry->axes[i];
        axis->position = to[i];
        axis->least = to[i] < axis->least ? to[i] : axis->least;
        axis->most = to[i] > axis->most ? to[i] : axis->most;
        speed_follow(&axis->speed, to[i], now);
    }
    follow_carriage(gantry, now);
}

// The shaft of a motor of the carriage turns by one microstep, unless something stops it.
static bool move_carriage(struct gantry *gantry, struct motor *motor, int way, ticks now) {
    double to[AXES];
    motor->rotor += way;
    int obstacle = find_place(gantry, motor->axes, to) ? find_obstacle(gantry, motor, to) : OBSTACLE_RODS;
    if (obstacle < 0 && motor->axes & 1u << AXIS_Z && way < 0) {
        double from = gantry->axes[AXIS_Z].position;
        gantry->axes[AXIS_Z].position = to[AXIS_Z];
        if (presses_bed(gantry))
            obstacle = OBSTACLE_BED;
        gantry->axes[AXIS_Z].position = from;
    }
    if (obstacle >= 0) {
        motor->rotor -= way;
        note_crash(gantry, motor, obstacle, now);
        return false;
    }
    arrive(gantry, motor, to, now);
    return true;
}

bool gantry_step(struct gantry *gantry, int index, ticks now, ticks late) {
    struct motor *motor = &gantry->motors[index];
    int way = motor->backward ? -1 : 1;
    motor->pulses++;
    motor->commanded += way;
    if (late) {
        motor->late++;
        motor->latest = late > motor->latest ? late : motor->latest;
    }
    if (!motor->enabled) {
        motor->disabled++;
        return false;
    }
    if (motor->axes)
        return move_carriage(gantry, motor, way, now);
    motor->rotor += way;
    return motor->extruder && extruder_turn(motor->extruder, way * motor->distance, now);
}

bool gantry_endstop(const struct gantry *gantry, const struct endstop_model *endstop) {
    bool tower = endstop->axis >= AXES;
    double position = tower ? tower_height(gantry, endstop->axis - AXES) : gantry->axes[endstop->axis].position;
    return endstop->side == SIDE_MIN ? position <= endstop->at : position >= endstop->at;
}

bool gantry_probe(const struct gantry *gantry) {
    const double *offset = gantry->model->probe.offset;
    return clearance_at(gantry, gantry->axes[AXIS_X].position + offset[0],
                        gantry->axes[AXIS_Y].position + offset[1]) <= offset[2];
}

static void place_towers(struct gantry *gantry, enum axis axis, double position) {
    double head[AXES], heights[TOWERS];
    for (int i = 0; i < AXES; i++)
        head[i] = i == (int)axis ? position : gantry->axes[i].position;
    towers_heights(&gantry->towers, head, heights);
    for (int i = 0; i < gantry->model->motor_count; i++) {
        struct motor *motor = &gantry->motors[i];
        int tower = motor->model->drives - DRIVE_TA;
        if (is_tower(motor))
            motor->rotor = llround((heights[tower] - gantry->hung[tower]) / motor->distance);
    }
}

// Turn the shafts that move `axis` alone; those of a corexy gantry turn together.
bool gantry_place(struct gantry *gantry, enum axis axis, double position) {
    struct carriage_axis *target = &gantry->axes[axis];
    if (position < target->model->range[0] || position > target->model->range[1])
        return false;
    bool delta = gantry->model->kinematics == DELTA;
    if (delta)
        place_towers(gantry, axis, position);
    for (int i = 0; !delta && i < target->motor_count; i++) {
        struct motor *motor = &gantry->motors[target->motors[i]];
        double way = (position - target->position) * (motor->share[axis] < 0 ? -1 : 1);
        motor->rotor += llround(way / motor->distance);
    }
    double to[AXES] = {gantry->axes[0].position, gantry->axes[1].position, gantry->axes[2].position};
    find_place(gantry, (1u << AXES) - 1, to);
    for (int i = 0; i < AXES; i++) {
        struct carriage_axis *moved = &gantry->axes[i];
        moved->position = to[i];
        speed_forget(&moved->speed);
        gantry->speed.from[i] = moved->position;
        moved->least = fmin(moved->least, moved->position);
        moved->most = fmax(moved->most, moved->position);
    }
    gantry->speed.start = 0;
    return true;
}

void gantry_mark(struct gantry *gantry) {
    for (int i = 0; i < gantry->model->motor_count; i++) {
        struct motor *motor = &gantry->motors[i];
        motor->rotor_mark = motor->rotor;
        motor->commanded_mark = motor->commanded;
        motor->pulses = motor->late = motor->disabled = motor->lost = motor->latest = 0;
    }
    for (int i = 0; i < AXES; i++) {
        struct carriage_axis *axis = &gantry->axes[i];
        axis->least = axis->most = axis->position;
        speed_mark(&axis->speed);
    }
    for (int i = 0; i < gantry->model->extruder_count; i++)
        extruder_mark(&gantry->extruders[i]);
    for (int i = 0; i < OBSTACLES; i++)
        gantry->open_crash[i] = -1;
    gantry->crash_count = 0;
    gantry->speed.max_velocity = 0;
    gantry->speed.start = 0;
    gantry->lowest = gantry_clearance(gantry);
}
