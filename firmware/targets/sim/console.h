// The firmware's serial port: a pseudo-terminal behind a symlink. The host may close and open it as
// it likes; what is sent while nobody listens is dropped.
#ifndef SIM_CONSOLE_H
#define SIM_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Make the pty and its link (replacing a link that is there). False with a message on stderr.
bool console_plug(const char *link);

// Take both away: the host sees its device vanish.
void console_unplug(void);

bool console_plugged(void);

// Does a host have the port open? Asks the kernel when it had not.
bool console_connected(void);

// To wait on: the pty while connected, else -1. `pending`: also wait for room to write.
int console_fd(bool *pending);

// Bytes from the host, at most `size`; 0: none now.
size_t console_read(uint8_t *bytes, size_t size);

// Queue a block, or drop it whole when the host doesn't keep up.
void console_send(const uint8_t *block, size_t size);

// Write what is queued, as far as the pty takes it.
void console_flush(void);

#endif
