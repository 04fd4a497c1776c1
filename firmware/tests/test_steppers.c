/* Steps, edge by edge, against the formula. */
#include "check.h"
#include "core/mcu.h"
#include "fake_board.h"
#include "fake_host.h"

extern const uint16_t TIMER_TOO_CLOSE, STEPPER_IN_PAST;
extern const struct message_format stepper_position_response;
void command_allocate_oids(const message_word *args);
void command_clear_shutdown(const message_word *args);
void command_config_stepper(const message_word *args);
void command_emergency_stop(const message_word *args);
void command_finalize_config(const message_word *args);
void command_queue_step(const message_word *args);
void command_reset_step_clock(const message_word *args);
void command_set_next_step_dir(const message_word *args);
void command_stepper_get_position(const message_word *args);

enum { STEP = 10, DIRECTION = 11 };

static void configure(uint32_t clock, int invert, uint32_t pulse)
{
    fake_boot(clock);
    host_reset();
    host_send(command_allocate_oids, 1);
    host_send(command_config_stepper, 0, STEP, DIRECTION, (message_word)(uint32_t)invert, pulse);
    host_send(command_finalize_config, 0);
    CHECK(!is_shutdown());
    CHECK_EQUAL(fake.levels[STEP], invert > 0);
    fake.change_count = 0;
}

static int32_t position(void)
{
    host_forget();
    host_send(command_stepper_get_position, 0);
    return host_signed(host_read(&stepper_position_response)[1]);
}

/* The changes of one pin only. */
static size_t keep(uint8_t pin)
{
    size_t kept = 0;
    for (size_t i = 0; i < fake.change_count; i++)
        if (fake.changes[i].pin == pin)
            fake.changes[kept++] = fake.changes[i];
    return fake.change_count = kept;
}

struct move {
    uint32_t interval;
    uint16_t count;
    int16_t add;
};
static const struct move moves[] = {{1000, 5, 0}, {400, 10, 7}, {500, 20, -20}, {7, 3, 0}, {3000, 1, 5}};
enum { MOVES = sizeof(moves) / sizeof(moves[0]) };

static void queue_moves(uint32_t begin)
{
    host_send(command_reset_step_clock, 0, begin);
    for (unsigned i = 0; i < MOVES; i++) {
        host_send(command_set_next_step_dir, 0, i % 2 == 0);
        host_send(command_queue_step, 0, moves[i].interval, moves[i].count,
                  (message_word)(uint32_t)moves[i].add);
    }
}

/* Step i of a move is at its begin + interval * i + add * i (i - 1) / 2; the edges are at steps. */
static void both_edges(void)
{
    uint32_t begin = UINT32_MAX - 9000, clock = begin;
    configure(begin - 100, -1, 0);
    queue_moves(begin);
    fake_run_until(begin + 100000);
    keep(STEP);
    size_t edge = 0;
    for (unsigned m = 0; m < MOVES; m++) {
        uint32_t from = clock;
        for (int32_t i = 1; i <= moves[m].count; i++, edge++) {
            clock = from + moves[m].interval * (uint32_t)i + (uint32_t)(moves[m].add * (i * (i - 1) / 2));
            CHECK_EQUAL(fake.changes[edge].clock, clock);
            CHECK_EQUAL(fake.changes[edge].level, edge % 2 == 0);
        }
    }
    CHECK_EQUAL(edge, fake.change_count);
    CHECK_EQUAL(position(), 5 - 10 + 20 - 3 + 1);
}

/* The direction changes between the last edge of one move and the first of the next. */
static void direction(void)
{
    configure(0, -1, 0);
    queue_moves(100);
    fake_run_until(100000);
    uint32_t last_step = 0;
    unsigned turns = 0;
    for (size_t i = 0; i < fake.change_count; i++) {
        if (fake.changes[i].pin == STEP) {
            last_step = fake.changes[i].clock;
            continue;
        }
        CHECK(fake.changes[i].clock == last_step || !turns);
        CHECK_EQUAL(fake.changes[i].level, turns % 2 == 0);
        turns++;
    }
    CHECK_EQUAL(turns, MOVES);
}

/* A pulse for each step, of the asked length, with a pause at least as long behind it. */
static void pulses(int invert)
{
    configure(0, invert, 10);
    queue_moves(100);
    fake_run_until(100000);
    size_t edges = keep(STEP);
    CHECK_EQUAL(edges, 2 * (5 + 10 + 20 + 3 + 1));
    for (size_t i = 0; i < edges; i++) {
        CHECK_EQUAL(fake.changes[i].level, (i % 2 == 0) ^ (invert > 0));
        if (i % 2)
            CHECK_EQUAL(fake.changes[i].clock - fake.changes[i - 1].clock, 10);
        else if (i)
            CHECK(fake.changes[i].clock - fake.changes[i - 1].clock >= 10);
    }
    CHECK_EQUAL(fake.changes[0].clock, 1100);
    CHECK_EQUAL(fake.changes[2].clock, 2100);
    CHECK_EQUAL(position(), 13);
}

/* Steps faster than the driver's least pulse come later, but none is lost. */
static void too_fast_for_the_driver(void)
{
    configure(0, -1, 10);
    host_send(command_reset_step_clock, 0, 100);
    host_send(command_queue_step, 0, 3, 10, 0);
    host_send(command_queue_step, 0, 1000, 2, 0);
    fake_run_until(10000);
    CHECK_EQUAL(keep(STEP), 12);
    CHECK_EQUAL(fake.changes[9].clock, 103 + 9 * 10);
    CHECK_EQUAL(fake.changes[10].clock, 130 + 1000);
    CHECK_EQUAL(position(), -12);
}

/* Stopped with the pin in a pulse: the pin goes back, the step counts. */
static void stopped_in_a_pulse(void)
{
    configure(0, 0, 50);
    host_send(command_reset_step_clock, 0, 100);
    host_send(command_queue_step, 0, 100, 10, 0);
    fake_run_until(420);
    CHECK_EQUAL(fake.levels[STEP], 1);
    host_send(command_emergency_stop);
    CHECK_EQUAL(fake.levels[STEP], 0);
    host_send(command_clear_shutdown);
    CHECK_EQUAL(position(), -3);
    host_send(command_reset_step_clock, 0, 1000);
    host_send(command_queue_step, 0, 100, 1, 0);
    fake_run_until(1120);
    CHECK_EQUAL(fake.levels[STEP], 1);
    fake_run_until(2000);
    CHECK_EQUAL(fake.levels[STEP], 0);
    CHECK_EQUAL(position(), -4);
}

/* A late process makes up for a little, with the least pulse kept, and gives up on more. */
static void late(void)
{
    configure(0, 0, 50);
    host_send(command_reset_step_clock, 0, 100);
    host_send(command_queue_step, 0, 200, 100, 0);
    fake_run_until(290);
    fake_stall(500); /* two steps and a half */
    CHECK(!is_shutdown());
    fake_run_until(5000);
    size_t edges = keep(STEP);
    for (size_t i = 1; i < edges; i++)
        CHECK(fake.changes[i].clock - fake.changes[i - 1].clock >= 50);
    CHECK_EQUAL(position(), -24);
    fake_stall(5000);
    fake_run_until(fake.now + 100);
    CHECK(host_saw_shutdown(&STEPPER_IN_PAST));
}

static void next_move_far_in_the_past(void)
{
    configure(0, -1, 0);
    host_send(command_reset_step_clock, 0, 100);
    host_send(command_queue_step, 0, 100, 1, 0);
    host_send(command_queue_step, 0, 100, 1, 0);
    fake.now = 190;
    fake_stall(2000);
    CHECK(host_saw_shutdown(&STEPPER_IN_PAST));
}

static void just_in_time(void)
{
    configure(1000, -1, 0);
    host_send(command_reset_step_clock, 0, 900);
    host_send(command_queue_step, 0, 100, 1, 0);
    CHECK(!is_shutdown());
    fake_run_until(1000);
    CHECK_EQUAL(position(), -1);
    fake_run_until(1200);
    host_send(command_queue_step, 0, 199, 1, 0);
    CHECK(host_saw_shutdown(&TIMER_TOO_CLOSE));
}

void test_steppers(void)
{
    both_edges();
    direction();
    pulses(0);
    pulses(1);
    too_fast_for_the_driver();
    stopped_in_a_pulse();
    late();
    next_move_far_in_the_past();
    just_in_time();
}
