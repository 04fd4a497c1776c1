/* Analog inputs, buttons and counters. */
#include "check.h"
#include "core/mcu.h"
#include "fake_board.h"
#include "fake_host.h"

extern const uint16_t ADC_OUT_OF_RANGE, TIMER_BAD_PERIOD;
extern const struct message_format analog_in_state_response, buttons_state_response, counter_state_response,
    shutdown_response;
void command_allocate_oids(const message_word *args);
void command_buttons_ack(const message_word *args);
void command_buttons_add(const message_word *args);
void command_buttons_query(const message_word *args);
void command_clear_shutdown(const message_word *args);
void command_config_analog_in(const message_word *args);
void command_config_buttons(const message_word *args);
void command_config_counter(const message_word *args);
void command_emergency_stop(const message_word *args);
void command_finalize_config(const message_word *args);
void command_query_analog_in(const message_word *args);
void command_query_counter(const message_word *args);

enum { ANALOG, BUTTONS, COUNTER, OIDS };
enum { ANALOG_PIN = 1, BUTTON_PIN = 12, COUNTER_PIN = 20 };

static void configure(void)
{
    fake_boot(0);
    host_reset();
    host_send(command_allocate_oids, OIDS);
    host_send(command_config_analog_in, ANALOG, ANALOG_PIN);
    host_send(command_config_buttons, BUTTONS, 3);
    for (unsigned i = 0; i < 3; i++)
        host_send(command_buttons_add, BUTTONS, i, BUTTON_PIN + i, 0);
    host_send(command_config_counter, COUNTER, COUNTER_PIN, 0);
    host_send(command_finalize_config, 0);
    CHECK(!is_shutdown());
    host_forget();
}

static unsigned value_of(const message_word *report)
{
    const uint8_t *bytes = message_bytes(report[3]);
    CHECK_EQUAL(report[2], 2);
    return bytes[0] | (unsigned)bytes[1] << 8;
}

/* Readings of 4 samples, each 30 ticks long, 100 apart, every 5000; the first at 1000. */
static void readings(void)
{
    configure();
    fake.adc = 1001;
    fake.adc_delay = 30;
    host_send(command_query_analog_in, ANALOG, 1000, 100, 4, 5000, 2, 0, 0xffff, 0);
    for (uint32_t i = 1; i < 20; i++) {
        fake_run_until(1000 + 5000 * (i - 1) + 3 * 130 + 29);
        CHECK(!host_read(&analog_in_state_response));
        fake_run_until(1000 + 5000 * (i - 1) + 3 * 130 + 30);
        const message_word *report = host_read(&analog_in_state_response);
        CHECK(report);
        CHECK_EQUAL(report[1], 1000 + 5000 * i);
        CHECK_EQUAL(value_of(report), 4004);
    }
}

/* Three bad readings are forgiven, four in a row are not, and reading goes on behind the shutdown. */
static void range(void)
{
    configure();
    host_send(command_query_analog_in, ANALOG, 1000, 0, 1, 1000, 2, 100, 200, 4);
    static const uint16_t values[] = {100, 200, 99, 201, 0, 150, 4095, 99, 99};
    for (unsigned i = 0; i < 9; i++) {
        fake.adc = values[i];
        fake_run_until(1000 * (i + 1));
        CHECK(!is_shutdown());
    }
    fake.adc = 201;
    fake_run_until(10000);
    CHECK(host_saw_shutdown(&ADC_OUT_OF_RANGE));
    host_forget();
    fake_run_until(13500);
    for (uint32_t clock = 12000; clock <= 14000; clock += 1000)
        CHECK_EQUAL(host_read(&analog_in_state_response)[1], clock);
    CHECK(!host_read(&shutdown_response));
}

static void many_in_a_report(void)
{
    configure();
    host_send(command_query_analog_in, ANALOG, 1000, 0, 1, 10, 50, 0, 0xffff, 0);
    for (unsigned i = 0; i < 25; i++) {
        fake.adc = (uint16_t)(i * 100);
        fake_run_until(1000 + 10 * i);
    }
    const message_word *report = host_read(&analog_in_state_response);
    CHECK(report && report[2] == 50 && report[1] == 1250);
    for (unsigned i = 0; i < 25; i++)
        CHECK_EQUAL(message_bytes(report[3])[2 * i] | message_bytes(report[3])[2 * i + 1] << 8, i * 100);
}

/* Readings that take longer than their period are squeezed into it; a period there must be. */
static void too_dense(void)
{
    configure();
    host_send(command_query_analog_in, ANALOG, 1000, 100, 8, 500, 2, 0, 0xffff, 0);
    fake_run_until(11699);
    for (uint32_t i = 1; i <= 20; i++)
        CHECK_EQUAL(host_read(&analog_in_state_response)[1], 1000 + 500 * i);
    CHECK(!is_shutdown());
    configure();
    host_send(command_query_analog_in, ANALOG, 1000, 100, 8, 0, 2, 0, 0xffff, 0);
    CHECK(host_saw_shutdown(&TIMER_BAD_PERIOD));
}

static void expect_buttons(unsigned ack_count, unsigned count, const uint8_t *states)
{
    const message_word *report = host_read(&buttons_state_response);
    CHECK(report);
    CHECK_EQUAL(report[1], ack_count);
    CHECK_EQUAL(report[2], count);
    for (unsigned i = 0; i < count; i++)
        CHECK_EQUAL(message_bytes(report[3])[i], states[i]);
}

/* Each change once it held for two polls; unacknowledged reports again each third poll. */
static void buttons(void)
{
    configure();
    fake.levels[BUTTON_PIN + 2] = 1; /* inverted: released */
    host_send(command_buttons_query, BUTTONS, 1000, 100, 3, 4);
    fake_run_until(1500);
    CHECK(!host_read(&buttons_state_response));
    fake.levels[BUTTON_PIN] = 1;
    fake_run_until(1600);
    fake.levels[BUTTON_PIN] = 0; /* a disturbance of one poll */
    fake_run_until(1900);
    CHECK(!host_read(&buttons_state_response));
    fake.levels[BUTTON_PIN + 1] = 1;
    fake_run_until(2100);
    expect_buttons(0, 1, (const uint8_t[]){2});
    fake.levels[BUTTON_PIN + 2] = 0;
    fake_run_until(2300);
    expect_buttons(0, 2, (const uint8_t[]){2, 6});
    host_send(command_buttons_ack, BUTTONS, 1);
    fake_run_until(2600);
    expect_buttons(1, 1, (const uint8_t[]){6});
    CHECK(!host_read(&buttons_state_response));
    host_send(command_buttons_ack, BUTTONS, 1);
    fake_run_until(9000);
    CHECK(!host_read(&buttons_state_response));
}

/* A host that doesn't acknowledge gets the first changes, then, when it does, the state as it is. */
static void full_of_reports(void)
{
    configure();
    host_send(command_buttons_query, BUTTONS, 1000, 100, 0, 0);
    for (unsigned i = 1; i <= 20; i++) {
        fake.levels[BUTTON_PIN] = i % 2;
        fake_run_until(1000 + 200 * i);
    }
    fake.levels[BUTTON_PIN + 1] = 1;
    fake_run_until(6000);
    host_forget();
    host_send(command_buttons_ack, BUTTONS, 8);
    fake_run_until(6300);
    expect_buttons(8, 1, (const uint8_t[]){2});
}

static void counter(void)
{
    configure();
    host_send(command_query_counter, COUNTER, 1000, 10, 1000);
    for (uint32_t clock = 1005; clock < 3000; clock += 50) {
        fake_run_until(clock);
        fake.levels[COUNTER_PIN] ^= 1;
    }
    fake_run_until(3500);
    const message_word *report = host_read(&counter_state_response);
    CHECK(report[1] == 3000 && report[2] == 20 && report[3] == 1960);
    report = host_read(&counter_state_response);
    CHECK(report[1] == 4000 && report[2] == 40 && report[3] == 2960);
    CHECK(!host_read(&counter_state_response));
}

void test_inputs(void)
{
    readings();
    range();
    many_in_a_report();
    too_dense();
    buttons();
    full_of_reports();
    counter();
}
