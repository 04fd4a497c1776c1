/* Analog inputs: oversampled readings on a schedule, checked against a range. */
#include <string.h>

#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "core/objects.h"

DECL_CONSTANT("ADC_MAX", BOARD_ADC_MAX);
DECL_REASON(ADC_OUT_OF_RANGE, "ADC out of range");
DECL_RESPONSE(analog_in_state_response, "analog_in_state oid=%c next_clock=%u values=%*s");

enum {
    VALUE_SIZE = 2,   /* bytes of one reading in a report, little-endian */
    VALUES_MAX = 50,  /* bytes of readings in a report */
};

struct analog_in {
    struct timer timer;
    struct board_adc pin;
    uint32_t sample_ticks; /* between the samples of a reading */
    uint32_t rest_ticks;   /* between readings */
    uint32_t next_clock;   /* begin of the next reading */
    uint16_t value;        /* sum of the samples so far */
    uint16_t min_value, max_value;
    uint8_t sample_count;      /* samples of a reading; 0: not started */
    uint8_t samples_taken;
    uint8_t range_check_count; /* readings out of range, one after the other, that shut down */
    uint8_t out_of_range;      /* how many there were */
    uint8_t bytes_per_report;
    uint8_t fill;
    uint8_t values[VALUES_MAX];
};

static const struct object_kind analog_in_kind;
static struct task_wake analog_in_wake;

/* Interrupts off. */
static void begin_reading(struct analog_in *a, uint32_t clock)
{
    a->timer.clock = clock;
    a->next_clock = clock + a->rest_ticks;
    a->samples_taken = 0;
    a->value = 0;
}

/* Timer context. Readings that the task had no time to send are dropped, the newest first. */
static void store(struct analog_in *a)
{
    if (a->fill + VALUE_SIZE <= VALUES_MAX) {
        a->values[a->fill++] = (uint8_t)a->value;
        a->values[a->fill++] = (uint8_t)(a->value >> 8);
    }
    if (a->fill >= a->bytes_per_report)
        task_wake(&analog_in_wake);
}

/* Timer context. */
static bool is_bad(struct analog_in *a)
{
    if (a->value >= a->min_value && a->value <= a->max_value) {
        a->out_of_range = 0;
        return false;
    }
    if (a->out_of_range < UINT8_MAX)
        a->out_of_range++;
    return a->out_of_range >= a->range_check_count;
}

/* Timer context. */
static enum timer_verdict sample(struct timer *timer)
{
    struct analog_in *a = (struct analog_in *)timer;
    uint32_t wait = board_adc_sample(a->pin);
    if (wait) {
        timer->clock += wait;
        return TIMER_AGAIN;
    }
    a->value = (uint16_t)(a->value + board_adc_read(a->pin));
    if (++a->samples_taken < a->sample_count) {
        timer->clock += a->sample_ticks;
        return TIMER_AGAIN;
    }
    store(a);
    if (is_bad(a) && !is_shutdown())
        return shutdown_in_timer(ADC_OUT_OF_RANGE);
    begin_reading(a, a->next_clock);
    return TIMER_AGAIN;
}

/* Task context. */
static void report(struct analog_in *a, uint8_t oid)
{
    uint8_t values[VALUES_MAX];
    board_irq_state irq = board_irq_save();
    uint8_t size = a->fill;
    /* Between two readings next_clock is one period beyond the one whose samples come next. */
    uint32_t next_clock = a->next_clock - a->rest_ticks;
    if (size < a->bytes_per_report || !size) {
        board_irq_restore(irq);
        return;
    }
    memcpy(values, a->values, size);
    a->fill = 0;
    board_irq_restore(irq);
    respond(analog_in_state_response, oid, next_clock, size, message_address(values));
}

/* Task context. */
void analog_in_task(void)
{
    if (!task_woken(&analog_in_wake))
        return;
    struct analog_in *a;
    for (uint_fast8_t oid = 0; (a = object_next(&analog_in_kind, &oid)); oid++)
        report(a, oid);
}
DECL_TASK(analog_in_task);

/* Interrupts off. Readings go on while shut down, so that the host still sees a heater cool. */
void analog_in_on_shutdown(void)
{
    struct analog_in *a;
    for (uint_fast8_t oid = 0; (a = object_next(&analog_in_kind, &oid)); oid++) {
        board_adc_cancel(a->pin);
        if (!a->sample_count)
            continue;
        begin_reading(a, board_clock() + a->rest_ticks);
        timer_insert(&a->timer);
    }
}
DECL_ON_SHUTDOWN(analog_in_on_shutdown);

/* Task context, as all commands. */
void command_config_analog_in(const message_word *args)
{
    struct analog_in *a = object_create((uint32_t)args[0], sizeof(*a));
    a->pin = board_adc_setup((uint32_t)args[1]);
    a->timer.run = sample;
    object_publish((uint32_t)args[0], a, &analog_in_kind);
}
DECL_COMMAND(command_config_analog_in, "config_analog_in oid=%c pin=%u");

static uint8_t report_size(message_word bytes)
{
    if (bytes < VALUE_SIZE)
        return VALUE_SIZE;
    return (uint8_t)(bytes < VALUES_MAX ? bytes : VALUES_MAX);
}

/* A sample_count of 0 ends the readings. */
void command_query_analog_in(const message_word *args)
{
    struct analog_in *a = object_find((uint32_t)args[0], &analog_in_kind);
    timer_stop(&a->timer);
    board_adc_cancel(a->pin);
    a->sample_count = 0;
    if (!(uint8_t)args[3])
        return;
    a->sample_ticks = args[2] ? timer_period((uint32_t)args[2]) : 0;
    a->rest_ticks = timer_period((uint32_t)args[4]);
    a->sample_count = (uint8_t)args[3];
    a->bytes_per_report = report_size(args[5]);
    a->min_value = (uint16_t)args[6];
    a->max_value = (uint16_t)args[7];
    a->range_check_count = (uint8_t)args[8];
    a->out_of_range = 0;
    a->fill = 0;
    begin_reading(a, (uint32_t)args[1]);
    timer_start(&a->timer);
}
DECL_COMMAND(command_query_analog_in,
             "query_analog_in oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u "
             "bytes_per_report=%c min_value=%hu max_value=%hu range_check_count=%c");
