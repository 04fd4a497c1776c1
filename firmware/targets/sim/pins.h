// Pins of the simulated board: eight ports of sixteen pins, PA0 to PH15.
// The same numbers are in the data dictionary's "pin" enumeration.
#ifndef SIM_PINS_H
#define SIM_PINS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PINS_PER_PORT = 16,
    PIN_COUNT = 8 * PINS_PER_PORT,
    PIN_NAME_SIZE = 5, // "PH15" and its end
};

// Number of the pin called `name` ("PC13"), or -1.
int pin_number(const char *name);

// Write the name of `pin` (0 <= pin < PIN_COUNT).
void pin_name(int pin, char name[PIN_NAME_SIZE]);

#endif
