// What happened, in words: the last events of the simulation, for the report and the record file.
#ifndef SIM_JOURNAL_H
#define SIM_JOURNAL_H

#include "ticks.h"

enum { JOURNAL_SIZE = 64, JOURNAL_TEXT = 120 };

struct event {
    double time; // s
    const char *kind; // a literal: "crash", "shutdown"...
    char text[JOURNAL_TEXT];
};

// Note an event; the oldest one gives way.
void journal_add(ticks now, const char *kind, const char *format, ...) __attribute__((format(printf, 3, 4)));

// The event `age` events ago (0: the last one), or NULL.
const struct event *journal_event(unsigned age);

// Called for each event as it is noted (or NULL).
extern void (*journal_listener)(const struct event *event);

#endif
