#include "journal.h"

#include <stdarg.h>
#include <stdio.h>

static struct event events[JOURNAL_SIZE];
static unsigned long written;

void (*journal_listener)(const struct event *event);

void journal_add(ticks now, const char *kind, const char *format, ...) {
    struct event *event = &events[written++ % JOURNAL_SIZE];
    event->time = ticks_seconds(now);
    event->kind = kind;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(event->text, sizeof(event->text), format, arguments);
    va_end(arguments);
    if (journal_listener)
        journal_listener(event);
}

const struct event *journal_event(unsigned age) {
    return age < JOURNAL_SIZE && age < written ? &events[(written - 1 - age) % JOURNAL_SIZE] : 0;
}
