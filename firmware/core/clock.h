/* Account of the time spent in tasks, for the `stats` message. Task context. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdint.h>

/* One round of the main loop took so many ticks. */
void clock_count_round(uint32_t ticks);

/* Ticks to add to the next round. */
void clock_count_busy(uint32_t ticks);

#endif
