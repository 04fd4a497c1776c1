#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static struct {
    int fd; // of the master; 0: unplugged
    bool connected;
    char link[PATH_MAX];
    char device[64];
    uint8_t queue[16384];
    size_t queued;
} console;

static bool complain(const char *what) {
    fprintf(stderr, "%s %s: %s\n", what, console.link, strerror(errno));
    return false;
}

// Put the link in place in one step, so that nobody ever finds it missing.
static bool make_link(void) {
    struct stat status;
    char fresh[PATH_MAX];
    if (!lstat(console.link, &status) && !S_ISLNK(status.st_mode)) {
        errno = EEXIST;
        return complain("not a link:");
    }
    if (snprintf(fresh, sizeof(fresh), "%s.%ld", console.link, (long)getpid()) >= (int)sizeof(fresh)) {
        errno = ENAMETOOLONG;
        return complain("link");
    }
    unlink(fresh);
    if (symlink(console.device, fresh) || rename(fresh, console.link)) {
        complain("link");
        unlink(fresh);
        return false;
    }
    return true;
}

// Remove the link if it is still ours.
static void remove_link(void) {
    char target[sizeof(console.device)];
    ssize_t length = readlink(console.link, target, sizeof(target) - 1);
    if (length < 0)
        return;
    target[length] = 0;
    if (!strcmp(target, console.device))
        unlink(console.link);
}

static bool open_pty(void) {
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return complain("pty for");
    console.fd = fd;
    if (grantpt(fd) || unlockpt(fd) || ptsname_r(fd, console.device, sizeof(console.device)))
        return complain("pty for");
    int terminal = open(console.device, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios settings;
    if (terminal < 0 || tcgetattr(terminal, &settings))
        return complain("pty for");
    cfmakeraw(&settings);
    bool raw = !tcsetattr(terminal, TCSANOW, &settings);
    // From now on the master hangs up while no host has the terminal open.
    close(terminal);
    return raw || complain("pty for");
}

bool console_plug(const char *link) {
    snprintf(console.link, sizeof(console.link), "%s", link);
    console.connected = false;
    console.queued = 0;
    if (open_pty() && make_link())
        return true;
    console_unplug();
    return false;
}

void console_unplug(void) {
    if (!console.fd)
        return;
    remove_link();
    close(console.fd);
    console.fd = 0;
    console.connected = false;
    console.queued = 0;
}

bool console_plugged(void) {
    return console.fd != 0;
}

bool console_connected(void) {
    struct pollfd poll_fd = {.fd = console.fd, .events = POLLIN};
    if (console.fd && !console.connected && poll(&poll_fd, 1, 0) >= 0 && !(poll_fd.revents & POLLHUP))
        console.connected = true;
    return console.connected;
}

int console_fd(bool *pending) {
    *pending = console.queued > 0;
    return console.connected ? console.fd : -1;
}

// The host is gone. What was written before that was noticed waits in the kernel: not for the next one.
static void hang_up(void) {
    console.connected = false;
    console.queued = 0;
    tcflush(console.fd, TCOFLUSH);
    int terminal = open(console.device, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0)
        return;
    tcflush(terminal, TCIFLUSH);
    close(terminal);
}

size_t console_read(uint8_t *bytes, size_t size) {
    if (!console_connected())
        return 0;
    ssize_t count = read(console.fd, bytes, size);
    if (count > 0)
        return (size_t)count;
    if (count == 0 || (errno != EAGAIN && errno != EINTR))
        hang_up();
    return 0;
}

void console_send(const uint8_t *block, size_t size) {
    if (!console.connected)
        return;
    if (console.queued + size > sizeof(console.queue))
        console_flush();
    if (!console.connected || console.queued + size > sizeof(console.queue))
        return;
    memcpy(console.queue + console.queued, block, size);
    console.queued += size;
}

void console_flush(void) {
    if (!console.queued)
        return;
    ssize_t count = write(console.fd, console.queue, console.queued);
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
        hang_up();
        return;
    }
    if (count > 0) {
        console.queued -= (size_t)count;
        memmove(console.queue, console.queue + count, console.queued);
    }
}
