#include "simulation.h"

#include "console.h"
#include "core/mcu.h"
#include "core/timers.h"
#include "journal.h"

struct simulation simulation;

// Real seconds. Waking for each timer would cost more than the timers themselves; all of them run at
// their own time anyway, however late the process is.
static const double quantum = 0.001, fast_quantum = 0.00025;
static const double reopen_poll = 0.02;
static const double slow_speed = 5; // up to this the longer quantum is short enough

static double shortest_pause(void) {
    return timebase_speed(&simulation.timebase) > slow_speed ? fast_quantum : quantum;
}

static void run_tasks(void) {
    do
        mcu_run_tasks();
    while (mcu_tasks_pending());
}

static ticks first_due(void) {
    return ticks_extend(simulation.now, timers_first() - simulation.clock_offset);
}

// Discrete events: the clock jumps from timer to timer, so that each runs at exactly its time.
static void run_timers(ticks until) {
    ticks due;
    while ((due = first_due()) <= until) {
        simulation.late = 0;
        if (due >= simulation.now) {
            simulation.now = due;
        } else {
            simulation.late = simulation.now - due;
            simulation.mcu.late_timers++;
        }
        timers_run_first();
        if (mcu_tasks_pending())
            run_tasks();
    }
    simulation.late = 0;
    if (simulation.now < until)
        simulation.now = until;
}

// The printer's own samples of itself are events among the timers.
static void run_until(ticks present) {
    while (simulation.printer.next_sample <= present) {
        run_timers(simulation.printer.next_sample);
        printer_advance(&simulation.printer, simulation.now);
    }
    if (present > simulation.now)
        run_timers(present);
}

static void receive(void) {
    uint8_t bytes[4096];
    size_t count;
    // Not more than the pty holds: time must go on even if a host never stops talking.
    for (int round = 0; round < 4 && (count = console_read(bytes, sizeof(bytes))); round++) {
        mcu_receive(bytes, count);
        run_tasks();
    }
}

static void follow_plug(void) {
    if (!console_plugged() && simulation.now >= simulation.plug_at) {
        if (console_plug(simulation.link))
            journal_add(simulation.now, "plug", "the port is back");
        else
            simulation.plug_at = simulation.now + TICKS_PER_SECOND;
    }
    bool was = simulation.mcu.connected;
    simulation.mcu.connected = console_connected();
    if (simulation.mcu.connected != was)
        journal_add(simulation.now, "port", simulation.mcu.connected ? "a host has opened it" : "the host is gone");
}

void simulation_run(void) {
    run_until((ticks)(timebase_now(&simulation.timebase) * TICKS_PER_SECOND));
    if (simulation.reset_wanted) {
        simulation.reset_wanted = false;
        mcu_reset();
    }
    receive();
    run_tasks();
    console_flush();
    follow_plug();
    simulation.mcu.shutdown = is_shutdown();
    timebase_lease(&simulation.timebase, ticks_seconds(simulation.now) + TIMEBASE_SLACK);
}

double simulation_pause(void) {
    double speed = timebase_speed(&simulation.timebase);
    double shortest = shortest_pause(), longest = simulation.timebase.page ? TIMEBASE_SLACK / 2 / speed : 1;
    ticks due = first_due();
    if (simulation.printer.next_sample < due)
        due = simulation.printer.next_sample;
    if (!simulation.mcu.connected && longest > reopen_poll)
        longest = reopen_poll;
    double pause = due > simulation.now ? ticks_seconds(due - simulation.now) / speed : 0;
    pause = pause < shortest ? shortest : pause;
    return pause > longest ? longest : pause;
}
