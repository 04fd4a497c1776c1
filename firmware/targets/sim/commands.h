// What the control socket understands: see README.md.
#ifndef SIM_COMMANDS_H
#define SIM_COMMANDS_H

#include <stddef.h>

// Run the JSON object in `line` (NULL: it was too long) and write its answer, without a line's end; returns its length (<= size).
size_t commands_run(const char *line, char *text, size_t size);

#endif
