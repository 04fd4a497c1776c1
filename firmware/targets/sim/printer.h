// The whole printer as the board's pins see it: levels go in, levels and ADC readings come out.
// It outlives resets of the firmware.
#ifndef SIM_PRINTER_H
#define SIM_PRINTER_H

#include "fan.h"
#include "gantry.h"
#include "heater.h"
#include "model.h"
#include "pins.h"
#include "ticks.h"
#include "trail.h"

// What is wired to a pin.
enum pin_role {
    ROLE_NOTHING,
    ROLE_STEP, // outputs of the board, index: a motor
    ROLE_DIR,
    ROLE_ENABLE,
    ROLE_HEATER,
    ROLE_FAN,
    ROLE_OUTPUT,
    ROLE_SENSOR, // inputs
    ROLE_ENDSTOP,
    ROLE_PROBE,
    ROLE_SWITCH,
    ROLE_TACHOMETER,
};

struct wire {
    enum pin_role role;
    int index; // of the motor, heater...
    bool inverted;
    bool active; // outputs: as it was last driven
};

enum stuck { NOT_STUCK, STUCK_OPEN, STUCK_TRIGGERED };

struct sense_switch {
    const struct switch_model *model;
    bool active;
};

struct output {
    const struct output_model *model;
    double value; // 0..1
    uint64_t changes;
};

struct printer {
    const struct model *model;
    double ambient;
    struct wire wires[PIN_COUNT];
    bool stray[PIN_COUNT]; // used by the firmware, but not wired for that
    struct gantry gantry;
    struct heater heaters[HEATERS_MAX];
    struct fan fans[FANS_MAX];
    struct sense_switch switches[SWITCHES_MAX];
    struct output outputs[OUTPUTS_MAX];
    enum stuck endstops[ENDSTOPS_MAX], probe;
    struct trail trail;
    ticks next_sample; // of the temperatures
    ticks mark;        // when the counters began
};

// `model` must live as long as the printer. All outputs are inactive at first.
void printer_init(struct printer *printer, const struct model *model, ticks now);

// The board drives `pin`. `late`: by how much the timer that does it missed its time.
void printer_drive(struct printer *printer, int pin, bool level, ticks now, ticks late);

// The board's PWM drives `pin` with a duty of 0..1.
void printer_drive_pwm(struct printer *printer, int pin, double duty, ticks now);

// The board no longer drives its pins: pull resistors make all inactive.
void printer_release(struct printer *printer, ticks now);

// Level that the printer puts on `pin`. pull: 1 up, -1 down, for a wire that isn't there.
bool printer_level(struct printer *printer, int pin, int pull, ticks now);

// What the ADC reads on `pin`, 0..full. An open input reads full scale: the board has a pullup.
double printer_adc(struct printer *printer, int pin, double full, ticks now);

// The firmware uses `pin`, as an output if it `drives` it: note it when nothing, or the wrong kind of
// thing, is wired to it.
void printer_note_use(struct printer *printer, int pin, bool drives, ticks now);

// Go on to `now` with all that goes on by itself, and write the record. Call it at least each
// `record.temperatures` seconds.
void printer_advance(struct printer *printer, ticks now);

// Start the counters anew, to measure one print.
void printer_mark(struct printer *printer, ticks now);

void printer_set_ambient(struct printer *printer, double ambient, ticks now);

// Move a switch; taking the filament out lets the extruder run empty after the sensor's path.
void printer_set_switch(struct printer *printer, int index, bool active, ticks now);

void printer_block_fan(struct printer *printer, int index, bool blocked, ticks now);

bool printer_endstop(const struct printer *printer, int index);
bool printer_probe(const struct printer *printer);

#endif
