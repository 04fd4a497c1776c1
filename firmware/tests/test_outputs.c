/* Outputs, edge by edge. */
#include "check.h"
#include "core/mcu.h"
#include "fake_board.h"
#include "fake_host.h"

extern const uint16_t DIGITAL_OUT_MISSED, PWM_OUT_MISSED, TIMER_TOO_CLOSE, MOVES_EXHAUSTED;
extern const struct message_format shutdown_response;
void command_allocate_oids(const message_word *args);
void command_clear_shutdown(const message_word *args);
void command_config_digital_out(const message_word *args);
void command_config_pwm_out(const message_word *args);
void command_emergency_stop(const message_word *args);
void command_finalize_config(const message_word *args);
void command_queue_digital_out(const message_word *args);
void command_queue_pwm_out(const message_word *args);
void command_set_digital_out_pwm_cycle(const message_word *args);
void command_update_digital_out(const message_word *args);

enum { PIN = 3, PWM_PIN = 4 };

/* oid 0 a digital output, oid 1 a PWM, both with this limit. */
static void configure(uint32_t clock, bool default_high, uint32_t max_duration)
{
    fake_boot(clock);
    host_reset();
    host_send(command_allocate_oids, 2);
    host_send(command_config_digital_out, 0, PIN, default_high, default_high, max_duration);
    host_send(command_config_pwm_out, 1, PWM_PIN, 1000, 0, 0, max_duration);
    host_send(command_finalize_config, 0);
    CHECK(!is_shutdown());
    fake.change_count = 0;
}

static void expect(size_t index, uint32_t clock, uint8_t pin, uint16_t level)
{
    CHECK(index < fake.change_count);
    CHECK_EQUAL(fake.changes[index].clock, clock);
    CHECK_EQUAL(fake.changes[index].pin, pin);
    CHECK_EQUAL(fake.changes[index].level, level);
}

/* Around the wrap of the clock. */
static void scheduled(void)
{
    uint32_t begin = UINT32_MAX - 5000;
    configure(begin, false, 0);
    for (unsigned i = 0; i < 10; i++)
        host_send(command_queue_digital_out, 0, begin + 1000 * (i + 1), i % 2 == 0);
    host_send(command_queue_pwm_out, 1, begin + 500, 99);
    fake_run_until(begin + 20000);
    expect(0, begin + 500, PWM_PIN, 99);
    for (unsigned i = 0; i < 10; i++)
        expect(i + 1, begin + 1000 * (i + 1), PIN, i % 2 == 0);
    CHECK_EQUAL(fake.change_count, 11);
}

/* Each cycle begins high and is on for exactly on_ticks; a change begins a new cycle at its clock. */
static void soft_pwm(void)
{
    configure(0, false, 0);
    host_send(command_set_digital_out_pwm_cycle, 0, 1000);
    host_send(command_queue_digital_out, 0, 2000, 300);
    host_send(command_queue_digital_out, 0, 4700, 999);
    host_send(command_queue_digital_out, 0, 6000, 1000);
    host_send(command_queue_digital_out, 0, 8000, 0);
    fake_run_until(20000);
    static const struct {
        uint32_t clock;
        uint16_t level;
    } edges[] = {{2000, 1}, {2300, 0}, {3000, 1}, {3300, 0}, {4000, 1}, {4300, 0}, {4700, 1},
                 {5699, 0}, {5700, 1}, {6000, 1}, {8000, 0}};
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
        expect(i, edges[i].clock, PIN, edges[i].level);
    CHECK_EQUAL(fake.change_count, sizeof(edges) / sizeof(edges[0]));
}

static void expires(void)
{
    configure(0, false, 500);
    host_send(command_queue_digital_out, 0, 1000, 1);
    host_send(command_queue_digital_out, 0, 1500, 1); /* at the last moment */
    host_send(command_queue_digital_out, 0, 2001, 1); /* a tick too late */
    fake_run_until(5000);
    expect(2, 2000, PIN, 0);
    CHECK_EQUAL(host_read(&shutdown_response)[0], 2000);
    CHECK_EQUAL(fake.levels[PIN], 0);
}

static void pwm_expires(void)
{
    configure(0, false, 500);
    host_send(command_queue_pwm_out, 1, 1000, 7);
    fake_run_until(1499);
    CHECK(!is_shutdown());
    fake_run_until(1500);
    CHECK_EQUAL(fake.levels[PWM_PIN], 0);
    CHECK(host_saw_shutdown(&PWM_OUT_MISSED));
}

static void immediate(void)
{
    configure(100, true, 500);
    host_send(command_queue_digital_out, 0, 300, 1);
    host_send(command_update_digital_out, 0, 0);
    expect(0, 100, PIN, 0);
    fake_run_until(599);
    CHECK(!is_shutdown()); /* and the queued change is gone */
    CHECK_EQUAL(fake.levels[PIN], 0);
    fake_run_until(600);
    CHECK(host_saw_shutdown(&DIGITAL_OUT_MISSED));
    CHECK_EQUAL(fake.levels[PIN], 1);
}

/* A change that comes before the one that the timer waits for is in the past only if it is. */
static void at_this_very_tick(void)
{
    configure(100, false, 0);
    host_send(command_queue_digital_out, 0, 100, 1);
    CHECK(!is_shutdown());
    fake_run_until(100);
    CHECK_EQUAL(fake.levels[PIN], 1);
    host_send(command_queue_digital_out, 0, 99, 0);
    CHECK(host_saw_shutdown(&TIMER_TOO_CLOSE));
}

/* A soft PWM that is about to switch doesn't make a new change late. */
static void change_under_soft_pwm(void)
{
    configure(0, false, 0);
    host_send(command_set_digital_out_pwm_cycle, 0, 100);
    host_send(command_queue_digital_out, 0, 1000, 50);
    fake_run_until(1010);
    fake.now = 1060; /* the edge at 1050 is overdue */
    host_send(command_queue_digital_out, 0, 1061, 0);
    CHECK(!is_shutdown());
    fake_run_until(1100);
    CHECK(!is_shutdown());
    CHECK_EQUAL(fake.levels[PIN], 0);
}

/* A configuration that is refused does nothing to its pin: nobody would put it back. */
static void refused_configuration(void)
{
    configure(0, false, 0);
    host_send(command_config_digital_out, 0, PIN, 1, 1, 0);
    CHECK(is_shutdown());
    CHECK_EQUAL(fake.levels[PIN], 0);
    host_send(command_clear_shutdown);
    fake.change_count = 0;
    host_send(command_config_pwm_out, 9, PIN + 5, 1000, 9, 9, 0);
    CHECK(is_shutdown());
    CHECK_EQUAL(fake.levels[PIN + 5], 0);
}

/* Slots come back: far more changes than there are slots, one after the other. */
static void slots_come_back(void)
{
    configure(0, false, 0);
    for (uint32_t i = 1; i < 3000; i++) {
        host_send(command_queue_digital_out, 0, i * 10, i & 1);
        host_send(command_queue_pwm_out, 1, i * 10, i & 1);
        fake_run_until(i * 10);
        host_forget();
    }
    CHECK(!is_shutdown());
    for (uint32_t i = 0; !is_shutdown(); i++) {
        CHECK(i < 1000);
        host_send(command_queue_digital_out, 0, 1000000, 1);
    }
    CHECK(host_saw_shutdown(&MOVES_EXHAUSTED));
    host_send(command_clear_shutdown);
    host_send(command_queue_digital_out, 0, 1000000, 1);
    CHECK(!is_shutdown());
}

void test_outputs(void)
{
    scheduled();
    soft_pwm();
    expires();
    pwm_expires();
    immediate();
    at_this_very_tick();
    change_under_soft_pwm();
    refused_configuration();
    slots_come_back();
}
