// The running simulation: one printer, one board, one clock.
#ifndef SIM_SIMULATION_H
#define SIM_SIMULATION_H

#include <stdbool.h>
#include <stdint.h>

#include "printer.h"
#include "report.h"
#include "timebase.h"

struct simulation {
    struct printer printer;
    struct timebase timebase;
    struct mcu_state mcu;
    ticks now;             // what the firmware sees: the last event, or the present between them
    ticks late;            // the running timer's lateness
    uint32_t clock_offset; // firmware's clock less `now`
    const char *link;      // of the console
    ticks plug_at;         // while unplugged: when to come back
    bool reset_wanted, quit;
};

// There is one; the board contract has no place for a context.
extern struct simulation simulation;

// The firmware's 32-bit clock.
static inline uint32_t simulation_clock(void) {
    return (uint32_t)simulation.now + simulation.clock_offset;
}

// Run the firmware and the physics up to the present, and what the host has sent.
void simulation_run(void);

// Seconds of real time until something has to be done again.
double simulation_pause(void);

#endif
