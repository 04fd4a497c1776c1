/* The host MCU: the firmware as a Linux process, its console a pseudo-terminal. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "hardware.h"
#include "pty.h"

DECL_CONSTANT_STR("MCU", "linux");

enum {
    TICK_NS = 1000000000 / BOARD_CLOCK_FREQ,
    TICKS_PER_MS = BOARD_CLOCK_FREQ / 1000,
    SPIN_TICKS = TICKS_PER_MS / 50, /* a wait shorter than this isn't worth a system call */
    LATE_MS_REALTIME = 1,
    LATE_MS = 20,
    LATE_MS_WITHOUT_HARDWARE = 1000,
};

uint32_t linux_late_limit = LATE_MS * TICKS_PER_MS;

static volatile sig_atomic_t stopping;
static int watchdog_fd = -1;
static uint32_t watchdog_clock;

/* Time. Single thread, so there are no interrupts to disable. */

uint32_t board_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)now.tv_sec * BOARD_CLOCK_FREQ + (uint32_t)now.tv_nsec / TICK_NS;
}

void board_timer_set(uint32_t clock)
{
    (void)clock;
}

board_irq_state board_irq_save(void)
{
    return 0;
}

void board_irq_restore(board_irq_state state)
{
    (void)state;
}

void board_poll(void)
{
    timers_run_due(board_clock());
}

/* Watchdog */

void board_watchdog_kick(void)
{
    uint32_t now = board_clock();
    if (watchdog_fd < 0 || now - watchdog_clock < BOARD_CLOCK_FREQ / 2)
        return;
    watchdog_clock = now;
    if (write(watchdog_fd, ".", 1) != 1)
        complain("can't kick", "/dev/watchdog");
}

static bool start_watchdog(void)
{
    watchdog_fd = open_or_complain("/dev/watchdog", O_WRONLY);
    return watchdog_fd >= 0;
}

/* The letter that tells the kernel that the process ends on purpose. */
static void stop_watchdog(void)
{
    if (watchdog_fd >= 0 && write(watchdog_fd, "V", 1) != 1)
        complain("can't stop", "/dev/watchdog");
}

/* The process */

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void die_with_parent(void)
{
    pid_t parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) /* it ended just before */
        stopping = 1;
}

static bool become_realtime(void)
{
    struct sched_param parameters = {.sched_priority = sched_get_priority_max(SCHED_FIFO) / 2};
    if (sched_setscheduler(0, SCHED_FIFO, &parameters) || mlockall(MCL_CURRENT | MCL_FUTURE)) {
        complain("can't become", "a real-time process (-r needs root or CAP_SYS_NICE and CAP_IPC_LOCK)");
        return false;
    }
    linux_late_limit = LATE_MS_REALTIME * TICKS_PER_MS;
    return true;
}

struct options {
    const char *link;
    bool realtime, watchdog, die_with_parent;
};

static const char usage[] =
    "usage: mcu-linux [-r] [-w] [-I LINK] [--no-hardware] [--die-with-parent]\n"
    "  -I LINK             symlink to the console's pseudo-terminal (default /tmp/klipper_host_mcu)\n"
    "  -r                  real-time scheduling (SCHED_FIFO)\n"
    "  -w                  kick /dev/watchdog\n"
    "  --no-hardware       pins exist in memory only: to try hosts on a machine without GPIO\n"
    "  --die-with-parent   end when the process that started this one does\n";

static struct options parse_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"no-hardware", no_argument, NULL, 'n'},
        {"die-with-parent", no_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct options options = {.link = "/tmp/klipper_host_mcu"};
    int letter;
    while ((letter = getopt_long(argc, argv, "rwI:h", names, NULL)) >= 0) {
        switch (letter) {
        case 'r':
            options.realtime = true;
            break;
        case 'w':
            options.watchdog = true;
            break;
        case 'I':
            options.link = optarg;
            break;
        case 'n':
            without_hardware = true;
            linux_late_limit = LATE_MS_WITHOUT_HARDWARE * TICKS_PER_MS;
            break;
        case 'p':
            options.die_with_parent = true;
            break;
        default:
            fputs(usage, letter == 'h' ? stdout : stderr);
            exit(letter == 'h' ? 0 : 2);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "mcu-linux: unexpected argument %s\n%s", argv[optind], usage);
        exit(2);
    }
    return options;
}

/* The main loop: due timers, then bytes from the console, then tasks. While timers follow one another
 * without a gap, the console is still looked at once a millisecond. */
static void run(void)
{
    uint8_t bytes[512];
    uint32_t console_clock = board_clock();
    while (!stopping) {
        timers_run_due(board_clock());
        uint32_t now = board_clock();
        int32_t left = mcu_tasks_pending() ? 0 : (int32_t)(timers_first() - now);
        if (left >= SPIN_TICKS || now - console_clock >= TICKS_PER_MS || mcu_tasks_pending()) {
            size_t size = pty_wait(left >= SPIN_TICKS ? (int64_t)left * TICK_NS : 0, bytes, sizeof(bytes));
            console_clock = board_clock();
            if (size)
                mcu_receive(bytes, size);
        }
        if (mcu_tasks_pending())
            mcu_run_tasks();
    }
}

int main(int argc, char **argv)
{
    struct options options = parse_options(argc, argv);
    prctl(PR_SET_TIMERSLACK, 1UL);
    catch_signals();
    if (options.die_with_parent)
        die_with_parent();
    if ((options.realtime && !become_realtime()) || (options.watchdog && !start_watchdog()))
        return 1;
    if (!pty_open(options.link))
        return 1;
    mcu_boot();
    run();
    mcu_stop();
    stop_watchdog();
    pty_close();
    return 0;
}
