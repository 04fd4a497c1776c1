/* Endstops and trsyncs: samples and their clocks. */
#include "check.h"
#include "core/mcu.h"
#include "fake_board.h"
#include "fake_host.h"

extern const uint16_t TIMER_BAD_PERIOD;
extern const struct message_format trsync_state_response, endstop_state_response, stepper_position_response;
void command_allocate_oids(const message_word *args);
void command_clear_shutdown(const message_word *args);
void command_config_endstop(const message_word *args);
void command_config_stepper(const message_word *args);
void command_config_trsync(const message_word *args);
void command_emergency_stop(const message_word *args);
void command_endstop_home(const message_word *args);
void command_endstop_query_state(const message_word *args);
void command_finalize_config(const message_word *args);
void command_queue_step(const message_word *args);
void command_reset_step_clock(const message_word *args);
void command_stepper_get_position(const message_word *args);
void command_stepper_stop_on_trigger(const message_word *args);
void command_trsync_set_timeout(const message_word *args);
void command_trsync_start(const message_word *args);
void command_trsync_trigger(const message_word *args);

enum { ENDSTOP, TRSYNC, STEPPER, SECOND, OIDS };
enum { PIN = 5 };

static void configure(void)
{
    fake_boot(0);
    host_reset();
    host_send(command_allocate_oids, OIDS);
    host_send(command_config_endstop, ENDSTOP, PIN, 1);
    host_send(command_config_trsync, TRSYNC);
    host_send(command_config_stepper, STEPPER, 6, 7, 255, 0);
    host_send(command_config_stepper, SECOND, 8, 9, 255, 0);
    host_send(command_finalize_config, 0);
    host_send(command_trsync_start, TRSYNC, 1000, 400, 9);
    for (unsigned oid = STEPPER; oid <= SECOND; oid++) {
        host_send(command_stepper_stop_on_trigger, oid, TRSYNC);
        host_send(command_reset_step_clock, oid, 1000);
        host_send(command_queue_step, oid, 10, 10000, 0);
    }
    CHECK(!is_shutdown());
    host_forget();
}

static void expect_positions(int32_t steps)
{
    for (unsigned oid = STEPPER; oid <= SECOND; oid++) {
        host_forget();
        host_send(command_stepper_get_position, oid);
        CHECK_EQUAL(host_signed(host_read(&stepper_position_response)[1]), -steps);
    }
}

static void home(void)
{
    /* Samples at 2000, 2100...; two more, 7 ticks apart, when one matches. */
    host_send(command_endstop_home, ENDSTOP, 2000, 7, 2, 100, 1, TRSYNC, 3);
}

static void triggers(void)
{
    configure();
    home();
    fake_run_until(2350);
    fake.levels[PIN] = 1;
    fake_run_until(3000);
    const message_word *words;
    for (uint32_t clock = 1000; clock <= 2200; clock += 400) {
        words = host_read(&trsync_state_response);
        CHECK(words && words[0] == TRSYNC && words[1] == 1 && words[2] == 0 && words[3] == clock);
    }
    words = host_read(&trsync_state_response);
    CHECK(words && words[1] == 0 && words[2] == 3 && words[3] == 2414);
    CHECK(!host_read(&trsync_state_response));
    expect_positions(141);
    host_send(command_endstop_query_state, ENDSTOP);
    words = host_read(&endstop_state_response);
    CHECK(words[1] == 0 && words[2] == 2400 + 100 && words[3] == 1);
}

/* A value that doesn't hold for all samples is a disturbance. */
static void disturbance(void)
{
    configure();
    home();
    for (uint32_t clock = 2000; clock < 4000; clock += 100) {
        fake_run_until(clock - 1);
        fake.levels[PIN] = 1;
        fake_run_until(clock + 8);
        fake.levels[PIN] = 0;
    }
    host_send(command_endstop_query_state, ENDSTOP);
    const message_word *words = host_read(&endstop_state_response);
    CHECK_EQUAL(words[1], 1);
    CHECK_EQUAL(words[2], 4000);
}

static void timeout(void)
{
    configure();
    host_send(command_trsync_set_timeout, TRSYNC, 3005);
    host_send(command_trsync_set_timeout, TRSYNC, 2005);
    fake_run_until(5000);
    expect_positions(100);
}

static void shutdown_ends_it(void)
{
    configure();
    home();
    host_send(command_trsync_set_timeout, TRSYNC, 3000);
    fake_run_until(1500);
    host_send(command_emergency_stop);
    host_send(command_clear_shutdown);
    host_forget();
    fake.levels[PIN] = 1;
    fake_run_until(9000);
    CHECK(!host_read(&trsync_state_response));
    /* A trsync that was shut down can't trigger; asking it still brings an answer. */
    host_send(command_trsync_trigger, TRSYNC, 4);
    const message_word *words = host_read(&trsync_state_response);
    CHECK(words && words[1] == 0 && words[2] == 0);
    expect_positions(50);
}

static void no_pause(void)
{
    configure();
    host_send(command_endstop_home, ENDSTOP, 2000, 7, 2, 0, 1, TRSYNC, 3);
    CHECK(host_saw_shutdown(&TIMER_BAD_PERIOD));
}

void test_triggers(void)
{
    triggers();
    disturbance();
    timeout();
    shutdown_ends_it();
    no_pause();
}
