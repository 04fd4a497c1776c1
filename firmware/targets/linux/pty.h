/* The console: a pseudo-terminal behind a symlink. Task context. */
#ifndef LINUX_PTY_H
#define LINUX_PTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Create it and link it at path; false after saying why not. */
bool pty_open(const char *path);

/* Remove the link. */
void pty_close(void);

/* Wait until bytes come, a signal does, or timeout_ns (0: don't wait) is over. Without a listener this
 * looks for one every 20 ms. How many bytes were put into bytes. */
size_t pty_wait(int64_t timeout_ns, uint8_t *bytes, size_t size);

#endif
