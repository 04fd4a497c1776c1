/* Blocks, where the raw-frame tests of the finished targets can't look: exact answers to exact bytes. */
#include <string.h>

#include "check.h"
#include "core/mcu.h"
#include "fake_board.h"
#include "fake_host.h"

static void feed(const char *bytes, size_t size)
{
    host_forget();
    mcu_receive((const uint8_t *)bytes, size);
}

static void expect(const char *bytes, size_t size)
{
    CHECK_EQUAL(fake.sent_size, size);
    CHECK(!memcmp(fake.sent, bytes, size));
}

static void published_vector(void)
{
    fake_boot(0);
    host_reset();
    for (int i = 0; i < 15; i++)
        host_send_block(NULL, 0);
    host_forget();
    host_send_block(NULL, 0);
    expect("\x05\x10\x9e\x81\x7e", 5);
}

static void refusals(void)
{
    static const char good[] = "\x05\x10\x9e\x81\x7e";
    fake_boot(0);
    feed("\x7e\x7e\x7e", 3);
    expect("", 0);
    feed("\x05\x10\x9e\x80\x7e", 5); /* CRC */
    expect(good, 5);                 /* sequence 0 is still the next */
    feed("\x05\x10\x9e\x80\x7e", 5);
    expect("", 0);
    feed("\x05\x10\x9e", 3); /* in two parts */
    expect("", 0);
    feed("\x81\x7e", 2);
    CHECK_EQUAL(fake.sent_size, 5);
    CHECK_EQUAL(fake.sent[1], 0x11);
}

/* A block that is cut short swallows the one behind it, up to its end; then that one's remains are
 * skipped to the sync. */
static void remains(void)
{
    fake_boot(0);
    feed("\x0a\x10\x01\x02\x05\x10\x9e\x81\x7e\x7e\x05\x10\x9e\x81\x7e", 15);
    CHECK_EQUAL(fake.sent_size, 10);
    CHECK_EQUAL(fake.sent[1], 0x10);
    CHECK_EQUAL(fake.sent[6], 0x11);
}

static void disconnect(void)
{
    fake_boot(0);
    feed("\x40\x10\x01\x02", 4);
    mcu_disconnected();
    feed("\x05\x10\x9e\x81\x7e", 5);
    CHECK_EQUAL(fake.sent[1], 0x11);
}

void test_frames(void)
{
    published_vector();
    refusals();
    remains();
    disconnect();
}
