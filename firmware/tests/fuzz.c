/* libFuzzer target: whatever a host may say, at whatever time, the firmware lives and answers.
 *
 * The first byte of an input chooses how the rest is read: as raw bytes on the console, or as a list of
 * steps (a length, then a block's content that gets a right header and CRC; or a length above 59, then
 * time passes). The latter is what reaches the drivers.
 */
#include <stdlib.h>
#include <string.h>

#include "core/mcu.h"
#include "fake_board.h"
#include "fake_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_answer(void)
{
    mcu_disconnected();
    host_forget();
    /* An intact block is answered, in sequence or not. */
    static const uint8_t block[] = {0x05, 0x10, 0x9e, 0x81, 0x7e};
    mcu_receive(block, sizeof(block));
    if (fake.sent_size != 5 || fake.sent[0] != 5 || (fake.sent[1] & 0xf0) != 0x10 || fake.sent[4] != 0x7e)
        abort();
}

static void pass_time(uint8_t amount)
{
    if (amount == 255)
        fake_stall(3000);
    else
        fake_run_until(fake.now + (amount - MESSAGE_CONTENT_MAX) * 5u);
}

static void run_steps(const uint8_t *data, size_t size)
{
    while (size) {
        uint8_t length = *data++;
        size--;
        if (length > MESSAGE_CONTENT_MAX) {
            pass_time(length);
            continue;
        }
        if (length > size)
            length = (uint8_t)size;
        host_send_block(data, length);
        data += length;
        size -= length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    fake_boot(UINT32_MAX - 2000);
    host_reset();
    if (data[0] & 1)
        run_steps(data + 1, size - 1);
    else
        mcu_receive(data + 1, size - 1);
    fake_run_until(fake.now + 100);
    expect_answer();
    mcu_stop();
    return 0;
}
