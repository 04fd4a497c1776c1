// The report: what physically happened, as JSON. README.md has its schema.
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include "json.h"
#include "printer.h"

struct mcu_state {
    bool shutdown, connected;
    unsigned resets;
    uint64_t late_timers;
};

// Write the report as the value of `key`. Bring the printer up to `now` first.
void report_write(struct json_writer *json, const char *key, const struct printer *printer,
                  const struct mcu_state *mcu, ticks now);

#endif
