/* Variable-length quantities and the CRC. */
#include <string.h>

#include "check.h"
#include "core/frame.h"
#include "core/vlq.h"

/* The published ranges: the least and greatest number of each size. */
static void sizes(void)
{
    static const int64_t low[] = {-32, -4096, -524288, -67108864, INT32_MIN};
    static const int64_t high[] = {95, 12287, 1572863, 201326591, UINT32_MAX};
    uint8_t bytes[VLQ_MAX];
    for (int size = 1; size <= VLQ_MAX; size++) {
        CHECK_EQUAL(vlq_put_signed(bytes, (int32_t)low[size - 1]) - bytes, size);
        CHECK_EQUAL(vlq_put_unsigned(bytes, (uint32_t)high[size - 1]) - bytes, size);
        if (size == VLQ_MAX)
            break;
        CHECK_EQUAL(vlq_put_signed(bytes, (int32_t)low[size - 1] - 1) - bytes, size + 1);
        CHECK_EQUAL(vlq_put_unsigned(bytes, (uint32_t)high[size - 1] + 1) - bytes, size + 1);
        CHECK_EQUAL(vlq_put_signed(bytes, (int32_t)high[size - 1]) - bytes, size);
    }
}

/* Decode as a host does: with more than 32 bits, and without knowing the type. */
static int64_t decode_wide(const uint8_t *p)
{
    int64_t value = *p & 0x7f;
    if ((value & 0x60) == 0x60)
        value -= 0x80;
    while (*p & 0x80)
        value = value * 128 + (*++p & 0x7f);
    return value;
}

static void there_and_back(uint32_t value)
{
    uint8_t bytes[VLQ_MAX];
    uint32_t result = ~value;
    const uint8_t *end = vlq_put_unsigned(bytes, value);
    CHECK(vlq_get(bytes, end, &result) == end && result == value);
    CHECK_EQUAL(decode_wide(bytes), value);
    CHECK(!vlq_get(bytes, end - 1, &result));
    end = vlq_put_signed(bytes, (int32_t)value);
    CHECK(vlq_get(bytes, end, &result) == end && result == value);
    CHECK_EQUAL(decode_wide(bytes), (int32_t)value);
}

static void all_sizes_there_and_back(void)
{
    for (int bit = 0; bit < 32; bit++)
        for (int32_t around = -70; around <= 70; around++)
            there_and_back(((uint32_t)1 << bit) + (uint32_t)around);
    for (uint32_t i = 0; i < 200000; i++)
        there_and_back(i * 2654435761u);
}

static void too_long(void)
{
    static const uint8_t bytes[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
    uint32_t value;
    CHECK(!vlq_get(bytes, bytes + sizeof(bytes), &value));
    CHECK(vlq_get(bytes + 1, bytes + sizeof(bytes), &value));
}

static void crc_vectors(void)
{
    CHECK_EQUAL(frame_crc((const uint8_t *)"\x05\x10", 2), 0x9e81);
    CHECK_EQUAL(frame_crc((const uint8_t *)"123456789", 9), 0x6f91); /* the CRC catalogue's check value */
    CHECK_EQUAL(frame_crc(NULL, 0), 0xffff);
}

void test_numbers(void)
{
    sizes();
    all_sizes_there_and_back();
    too_long();
    crc_vectors();
}
