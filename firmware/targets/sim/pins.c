#include "pins.h"

#include <stdlib.h>

int pin_number(const char *name) {
    if (name[0] != 'P' || name[1] < 'A' || name[1] >= 'A' + PIN_COUNT / PINS_PER_PORT)
        return -1;
    const char *digits = name + 2;
    if (digits[0] < '0' || digits[0] > '9' || (digits[0] == '0' && digits[1]))
        return -1;
    char *end;
    long number = strtol(digits, &end, 10);
    if (*end || number >= PINS_PER_PORT)
        return -1;
    return (name[1] - 'A') * PINS_PER_PORT + (int)number;
}

void pin_name(int pin, char name[PIN_NAME_SIZE]) {
    int number = pin % PINS_PER_PORT;
    *name++ = 'P';
    *name++ = (char)('A' + pin / PINS_PER_PORT);
    if (number >= 10)
        *name++ = '1';
    *name++ = (char)('0' + number % 10);
    *name = 0;
}
