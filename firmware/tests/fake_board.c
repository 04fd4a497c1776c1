#include "fake_board.h"

#include <string.h>

#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"

DECL_CONSTANT_STR("MCU", "test");
DECL_ENUMERATION_RANGE("pin", "PA0", 0, 32);

struct fake_board fake;
static uint32_t adc_ready;
static bool adc_started;

void fake_boot(uint32_t clock)
{
    memset(&fake, 0, sizeof(fake));
    adc_started = false;
    fake.now = clock;
    mcu_boot();
    mcu_run_tasks();
}

static void run_tasks(void)
{
    while (mcu_tasks_pending())
        mcu_run_tasks();
}

void fake_run_until(uint32_t clock)
{
    while (!clock_before(clock, timers_first())) {
        if (clock_before(fake.now, timers_first()))
            fake.now = timers_first();
        timers_run_first();
        run_tasks();
    }
    fake.now = clock;
    run_tasks();
}

void fake_stall(uint32_t ticks)
{
    fake.now += ticks;
    timers_run_due(fake.now);
    run_tasks();
}

static void record(uint8_t pin, uint16_t level)
{
    if (fake.change_count < FAKE_CHANGES_MAX)
        fake.changes[fake.change_count] = (struct fake_change){fake.now, pin, level};
    fake.change_count++;
    fake.levels[pin] = level;
}

static uint8_t checked(uint32_t pin)
{
    if (pin >= FAKE_PINS)
        shutdown(BOARD_BAD_PIN);
    return (uint8_t)pin;
}

uint32_t board_clock(void)
{
    return fake.now;
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
    timers_run_due(fake.now);
}

struct board_output board_output_setup(uint32_t pin, bool high)
{
    struct board_output out = {checked(pin)};
    record(out.pin, high);
    return out;
}

void board_output_write(struct board_output out, bool high)
{
    record(out.pin, high);
}

void board_output_toggle(struct board_output out)
{
    record(out.pin, !fake.levels[out.pin]);
}

struct board_input board_input_setup(uint32_t pin, int_fast8_t pull)
{
    (void)pull;
    return (struct board_input){checked(pin)};
}

bool board_input_read(struct board_input in)
{
    return fake.levels[in.pin];
}

struct board_pwm board_pwm_setup(uint32_t pin, uint32_t cycle_ticks, uint16_t value)
{
    (void)cycle_ticks;
    struct board_pwm pwm = {checked(pin)};
    record(pwm.pin, value);
    return pwm;
}

void board_pwm_write(struct board_pwm pwm, uint16_t value)
{
    record(pwm.pin, value);
}

struct board_adc board_adc_setup(uint32_t pin)
{
    return (struct board_adc){checked(pin)};
}

uint32_t board_adc_sample(struct board_adc adc)
{
    (void)adc;
    if (!adc_started) {
        adc_started = true;
        adc_ready = fake.now + fake.adc_delay;
    }
    return clock_before(fake.now, adc_ready) ? adc_ready - fake.now : 0;
}

uint16_t board_adc_read(struct board_adc adc)
{
    (void)adc;
    adc_started = false;
    return fake.adc;
}

void board_adc_cancel(struct board_adc adc)
{
    (void)adc;
    adc_started = false;
}

struct board_spi board_spi_setup(uint32_t bus, uint8_t mode, uint32_t rate)
{
    (void)mode, (void)rate;
    return (struct board_spi){(uint8_t)bus};
}

void board_spi_prepare(struct board_spi spi)
{
    (void)spi;
}

/* What comes in is what goes out, inverted. */
void board_spi_transfer(struct board_spi spi, bool receive, uint_fast8_t size, uint8_t *data)
{
    (void)spi;
    for (uint_fast8_t i = 0; i < size; i++) {
        if (fake.spi_size < FAKE_SPI_MAX)
            fake.spi[fake.spi_size++] = data[i];
        if (receive)
            data[i] = (uint8_t)~data[i];
    }
}

struct board_i2c board_i2c_setup(uint32_t bus, uint32_t rate, uint8_t address)
{
    (void)rate;
    return (struct board_i2c){(uint8_t)bus, address};
}

/* What is read counts up from the sum of what was written. */
enum board_i2c_status board_i2c_transfer(struct board_i2c i2c, uint_fast8_t write_size, const uint8_t *write,
                                         uint_fast8_t read_size, uint8_t *read)
{
    uint8_t sum = i2c.address;
    for (uint_fast8_t i = 0; i < write_size; i++)
        sum = (uint8_t)(sum + write[i]);
    for (uint_fast8_t i = 0; i < read_size; i++)
        read[i] = (uint8_t)(sum + i);
    return fake.i2c_status;
}

void board_console_send(const uint8_t *block, uint_fast8_t size)
{
    if (fake.sent_size + size > FAKE_SENT_MAX)
        return;
    memcpy(fake.sent + fake.sent_size, block, size);
    fake.sent_size += size;
}

void board_reset(void)
{
    fake.resets++;
}

void board_watchdog_kick(void)
{
}

bool board_peek(uint32_t address, uint_fast8_t order, uint32_t *value)
{
    *value = address + order;
    return address < 1000;
}

bool board_poke(uint32_t address, uint_fast8_t order, uint32_t value)
{
    (void)order, (void)value;
    return address < 1000;
}
