#include "pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "core/board.h"
#include "core/mcu.h"
#include "hardware.h"

enum { NS_PER_SECOND = 1000000000, LISTENER_CHECK_NS = 20000000 };

static struct {
    int fd;
    bool connected;
    uint8_t queue[4096]; /* blocks that the terminal had no room for yet */
    size_t queued;
    char device[64];
    const char *link;
} pty = {.fd = -1};

static bool connect_device(void)
{
    if (grantpt(pty.fd) || unlockpt(pty.fd) || ptsname_r(pty.fd, pty.device, sizeof(pty.device)))
        return false;
    /* The terminal keeps these settings as long as our end is open. */
    struct termios settings;
    if (tcgetattr(pty.fd, &settings))
        return false;
    cfmakeraw(&settings);
    /* Group access as on serial ports, for users in the group tty. */
    return !tcsetattr(pty.fd, TCSANOW, &settings) && !chmod(pty.device, 0660);
}

/* Only a link gives way to ours: it may be one that a killed process left behind. */
static bool make_link(const char *path)
{
    struct stat status;
    if (!lstat(path, &status)) {
        if (!S_ISLNK(status.st_mode)) {
            errno = EEXIST;
            return false;
        }
        unlink(path);
    }
    return !symlink(pty.device, path);
}

/* A slave that nobody ever opened doesn't count as hung up: open it once. */
static void hang_up(void)
{
    int device = open(pty.device, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (device < 0)
        return;
    tcflush(device, TCIFLUSH);
    close(device);
}

bool pty_open(const char *path)
{
    pty.fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (pty.fd < 0 || !connect_device()) {
        complain("can't open", "a pseudo-terminal");
        return false;
    }
    hang_up();
    /* Last of all: whoever sees the link may open the terminal and write at once. */
    if (!make_link(path)) {
        complain("can't make the link", path);
        return false;
    }
    pty.link = path;
    return true;
}

void pty_close(void)
{
    char target[sizeof(pty.device)];
    ssize_t size = readlink(pty.link, target, sizeof(target));
    if (size >= 0 && (size_t)size == strlen(pty.device) && !memcmp(target, pty.device, (size_t)size))
        unlink(pty.link);
}

/* Hand over what is queued, as far as there is room. */
static void flush(void)
{
    ssize_t count = write(pty.fd, pty.queue, pty.queued);
    if (count <= 0)
        return;
    pty.queued -= (size_t)count;
    memmove(pty.queue, pty.queue + count, pty.queued);
}

static bool hung_up(int64_t timeout_ns)
{
    struct pollfd wait = {pty.fd, pty.queued ? POLLIN | POLLOUT : POLLIN, 0};
    struct timespec timeout = {timeout_ns / NS_PER_SECOND, timeout_ns % NS_PER_SECOND};
    ppoll(&wait, 1, &timeout, NULL);
    return wait.revents & POLLHUP;
}

/* Without a listener poll() returns at once, so sleep on the clock alone and look again. */
static void wait_for_listener(int64_t timeout_ns)
{
    int64_t nap = timeout_ns < LISTENER_CHECK_NS ? timeout_ns : LISTENER_CHECK_NS;
    nanosleep(&(struct timespec){.tv_nsec = nap}, NULL);
    pty.connected = !hung_up(0);
}

/* What the listener didn't read must not reach the next one. */
static void disconnect(void)
{
    pty.connected = false;
    pty.queued = 0;
    hang_up();
    mcu_disconnected();
}

size_t pty_wait(int64_t timeout_ns, uint8_t *bytes, size_t size)
{
    if (!pty.connected) {
        wait_for_listener(timeout_ns);
        return 0;
    }
    bool gone = hung_up(timeout_ns);
    if (pty.queued)
        flush();
    ssize_t count = read(pty.fd, bytes, size);
    if (count > 0)
        return (size_t)count;
    if (gone)
        disconnect();
    return 0;
}

/* A host that doesn't read loses responses; it has to cope with lost ones anyway. */
void board_console_send(const uint8_t *block, uint_fast8_t size)
{
    if (!pty.connected || size > sizeof(pty.queue) - pty.queued)
        return;
    memcpy(pty.queue + pty.queued, block, size);
    pty.queued += size;
    flush();
}
