// What a model file says about the printer: values only, checked, in the file's order.
// Lengths in mm, temperatures in C, powers in W, times in s.
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NAME_SIZE = 24,
    MOTORS_MAX = 16,
    EXTRUDERS_MAX = 8,
    ENDSTOPS_MAX = 12,
    HEATERS_MAX = 8,
    FANS_MAX = 8,
    SWITCHES_MAX = 12,
    OUTPUTS_MAX = 16,
    BED_ROWS_MAX = 16,
    BED_COLUMNS_MAX = 16,
};

enum kinematics { CARTESIAN, COREXY, DELTA };
enum axis { AXIS_X, AXIS_Y, AXIS_Z, AXES }; // of the carriage
enum { TOWERS = 3 };                        // of a delta
// What a motor drives. A and B are the belts of a corexy gantry: a = x + y, b = x - y; TA, TB, TC the towers of a
// delta.
enum drive { DRIVE_X, DRIVE_Y, DRIVE_Z, DRIVE_A, DRIVE_B, DRIVE_TA, DRIVE_TB, DRIVE_TC, DRIVE_E };
enum side { SIDE_MIN, SIDE_MAX };
enum edges { EDGES_RISING, EDGES_BOTH };

// A wire to the board. Inverted ("!PA0"): the low level is the active one.
struct pin_ref {
    int pin; // -1: not connected
    bool inverted;
    int line;
};

// What every section has: its own name and where it was read.
struct section {
    char name[NAME_SIZE];
    int line;
};

struct axis_model {
    struct section section;
    double range[2]; // where the frame stops the carriage
    double start;    // where it stands at power on; the firmware doesn't know
};

struct motor_model {
    struct section section;
    struct pin_ref step, dir, enable;
    int drives; // enum drive
    int edges;  // enum edges
    double rotation_distance, microsteps, full_steps, gear_ratio;
    double at[2]; // place of a Z motor, for the tilt of the gantry
    bool at_given;
};

struct extruder_model {
    struct section section;
    char motor[NAME_SIZE], hotend[NAME_SIZE];
    int motor_index, hotend_index; // hotend -1: never cold
    double melt;                   // below this temperature the gear grinds
    double filament_heat;          // J to warm a mm of filament by a K
};

struct endstop_model {
    struct section section;
    struct pin_ref pin;
    int axis, side; // enum axis, or AXES and on: a tower; enum side
    double at;
};

struct probe_model {
    struct section section;
    struct pin_ref pin; // -1: no probe
    double offset[3];   // from the nozzle; z: nozzle's height over the bed when it triggers
};

// Height of the bed's surface above z = 0: a slope, a bow and a grid, added up.
struct bed_model {
    struct section section;
    double area[4]; // x min, y min, x max, y max
    double slope[2]; // mm per mm, about the middle
    double bow;      // corners above the middle
    double give;     // how far a nozzle can press the bed before the Z motors stall
    int rows, columns;
    double heights[BED_ROWS_MAX][BED_COLUMNS_MAX]; // front row first
};

struct thermistor_model {
    double beta, r25;    // when no points are given
    double points[3][2]; // temperature, ohms
    bool points_given;
    double pullup; // ohms
};

struct heater_model {
    struct section section;
    struct pin_ref pin, sensor_pin; // pin -1: a sensor only
    double power, heat_capacity, loss; // W, J/K, W/K
    double sensor_lag;                 // s
    char fan[NAME_SIZE];
    int fan_index;        // -1: none
    double fan_loss;      // W/K more at full air flow
    double max;           // above this it is damaged, and that is reported
    double adc_noise;     // standard deviation, ADC counts
    struct thermistor_model thermistor;
};

struct fan_model {
    struct section section;
    struct pin_ref pin, tachometer;
    double rpm, spin_up; // at full duty; s
    double pulses;       // per revolution
};

struct switch_model {
    struct section section;
    struct pin_ref pin;
    bool active; // at power on
    char extruder[NAME_SIZE];
    int extruder_index; // filament switches: the extruder that it feeds, else -1
    double path;        // mm of filament between the switch and the extruder
};

struct output_model {
    struct section section;
    struct pin_ref pin;
};

struct model {
    struct section section; // [printer]
    int kinematics;
    double delta_radius, arm_length; // of a delta, mm
    double ambient;
    double record_distance, record_interval, record_temperatures;
    double seed_number; // of the noise
    struct axis_model axes[AXES];
    struct motor_model motors[MOTORS_MAX];
    struct extruder_model extruders[EXTRUDERS_MAX];
    struct endstop_model endstops[ENDSTOPS_MAX];
    struct heater_model heaters[HEATERS_MAX];
    struct fan_model fans[FANS_MAX];
    struct switch_model switches[SWITCHES_MAX];
    struct output_model outputs[OUTPUTS_MAX];
    struct probe_model probe;
    struct bed_model bed;
    int motor_count, extruder_count, endstop_count, heater_count, fan_count, switch_count, output_count;
};

enum { MODEL_ERROR_SIZE = 512 };

// Read the model of `text`, which came from `file` (for messages). On an error return
// false with "file:line: what is wrong and what is allowed" in `error`.
bool model_parse(struct model *model, const char *file, const char *text, char error[MODEL_ERROR_SIZE]);

// The same from the file itself.
bool model_load(struct model *model, const char *file, char error[MODEL_ERROR_SIZE]);

// Distance of one microstep of `motor`, mm.
double motor_step_distance(const struct motor_model *motor);

#endif
