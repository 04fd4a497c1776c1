// The control socket: a unix socket that takes one JSON object a line and answers each with a line.
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include <poll.h>
#include <stdbool.h>

enum { CONTROL_CLIENTS_MAX = 4, CONTROL_FDS_MAX = CONTROL_CLIENTS_MAX + 1 };

// Listen at `path`, replacing a socket that is there. False with a message on stderr.
bool control_open(const char *path);

// Close all and remove the socket.
void control_close(void);

// What to wait for: fills `fds` (room for CONTROL_FDS_MAX) and returns how many.
int control_fds(struct pollfd *fds);

// Accept, read, run and answer what is there. Never blocks.
void control_serve(void);

#endif
