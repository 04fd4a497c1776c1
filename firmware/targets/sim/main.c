// mcu-sim: the firmware around a physical model of a printer.
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "console.h"
#include "control.h"
#include "core/mcu.h"
#include "journal.h"
#include "simulation.h"

static const char usage[] =
    "usage: mcu-sim MODEL -I LINK [--clock FILE --slot K] [--control SOCKET] [--record FILE]\n"
    "               [--die-with-parent] [--first-clock TICKS] [--check]\n"
    "  -I LINK            symlink to the pseudo-terminal that a host opens\n"
    "  --clock FILE       page of the shared virtual time; --slot: its lease (16..31 for simulators)\n"
    "  --control SOCKET   unix socket for JSON requests (README.md)\n"
    "  --record FILE      write what physically happens to FILE\n"
    "  --die-with-parent  end when the process that started this one does\n"
    "  --first-clock N    the firmware's clock at power on\n"
    "  --check            only read MODEL and say what is wrong with it\n";

struct options {
    const char *model, *link, *clock, *control, *record;
    long slot;
    uint32_t first_clock;
    bool die_with_parent, check;
};

static volatile sig_atomic_t stop;

static void on_signal(int number) {
    (void)number;
    stop = 1;
}

static bool parse_count(const char *text, long most, long *value) {
    char *end;
    errno = 0;
    *value = strtol(text, &end, 10);
    return end != text && !*end && !errno && *value >= 0 && *value <= most;
}

static bool parse_options(int argc, char **argv, struct options *options) {
    static const struct option names[] = {
        {"clock", required_argument, 0, 'c'},  {"slot", required_argument, 0, 's'},
        {"control", required_argument, 0, 'C'}, {"record", required_argument, 0, 'r'},
        {"die-with-parent", no_argument, 0, 'd'}, {"first-clock", required_argument, 0, 'f'},
        {"check", no_argument, 0, 'k'}, {0, 0, 0, 0},
    };
    int letter;
    long count;
    while ((letter = getopt_long(argc, argv, "I:", names, NULL)) != -1) {
        switch (letter) {
        case 'I': options->link = optarg; break;
        case 'c': options->clock = optarg; break;
        case 'C': options->control = optarg; break;
        case 'r': options->record = optarg; break;
        case 'd': options->die_with_parent = true; break;
        case 'k': options->check = true; break;
        case 's':
            if (!parse_count(optarg, TIMEBASE_SLOTS - 1, &options->slot))
                return false;
            break;
        case 'f':
            if (!parse_count(optarg, UINT32_MAX, &count))
                return false;
            options->first_clock = (uint32_t)count;
            break;
        default: return false;
        }
    }
    options->model = argv[optind];
    return optind == argc - 1 && (options->link || options->check) && !options->clock == (options->slot < 0);
}

// Events go to the record file, and to whoever watches the process.
static void tell_event(const struct event *event) {
    trail_write(&simulation.printer.trail, "E,%.6f,%s,%s", event->time, event->kind, event->text);
    fprintf(stderr, "%.6f %s: %s\n", event->time, event->kind, event->text);
}

static bool start(const struct options *options, const struct model *model) {
    if (options->clock) {
        const char *wrong = timebase_open(&simulation.timebase, options->clock, (int)options->slot);
        if (wrong) {
            fprintf(stderr, "clock page %s %s\n", options->clock, wrong);
            return false;
        }
    }
    simulation.now = (ticks)(timebase_now(&simulation.timebase) * TICKS_PER_SECOND);
    simulation.clock_offset = options->first_clock - (uint32_t)simulation.now;
    simulation.link = options->link;
    printer_init(&simulation.printer, model, simulation.now);
    if (options->record && !trail_open(&simulation.printer.trail, options->record, &simulation.printer.gantry)) {
        fprintf(stderr, "record file %s: %s\n", options->record, strerror(errno));
        return false;
    }
    journal_listener = tell_event;
    mcu_boot();
    return (!options->control || control_open(options->control)) && console_plug(options->link);
}

// Signals come only while waiting, so that none is missed between the check and the sleep.
static void loop(const sigset_t *while_waiting) {
    while (!stop && !simulation.quit) {
        struct pollfd fds[1 + CONTROL_FDS_MAX];
        bool pending;
        simulation_run();
        control_serve();
        double pause = simulation_pause();
        struct timespec timeout = {.tv_sec = (time_t)pause, .tv_nsec = (long)(fmod(pause, 1) * 1e9)};
        fds[0] = (struct pollfd){.fd = console_fd(&pending), .events = POLLIN};
        if (pending)
            fds[0].events |= POLLOUT;
        int count = 1 + control_fds(fds + 1);
        ppoll(fds, (nfds_t)count, &timeout, while_waiting);
    }
}

static void finish(void) {
    static char text[65536];
    struct json_writer json = {.text = text, .size = sizeof(text)};
    if (simulation.printer.model) { // else it never started
        printer_advance(&simulation.printer, simulation.now);
        report_write(&json, NULL, &simulation.printer, &simulation.mcu, simulation.now);
        trail_write(&simulation.printer.trail, "R,%s", text);
        trail_close(&simulation.printer.trail, &simulation.printer.gantry, simulation.now);
    }
    console_unplug();
    control_close();
    timebase_close(&simulation.timebase);
}

static void catch_signals(sigset_t *while_waiting) {
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_BLOCK, &blocked, while_waiting);
    sigdelset(while_waiting, SIGTERM);
    sigdelset(while_waiting, SIGINT);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv) {
    static struct model model;
    struct options options = {.slot = -1};
    char error[MODEL_ERROR_SIZE];
    sigset_t while_waiting;
    if (!parse_options(argc, argv, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    if (!model_load(&model, options.model, error)) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    if (options.check)
        return 0;
    pid_t parent = getppid();
    catch_signals(&while_waiting);
    if (options.die_with_parent) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent) // it died before the call above
            stop = 1;
    }
    prctl(PR_SET_TIMERSLACK, 1000); // ns; the default of 50 us is long at high speed
    // In real time nobody waits for this process, as nobody waits for a real printer. It needs little.
    if (!options.clock && setpriority(PRIO_PROCESS, 0, -10))
        errno = 0; // not allowed: then with everybody else's
    bool started = start(&options, &model);
    if (started)
        loop(&while_waiting);
    finish();
    return started ? 0 : 1;
}
