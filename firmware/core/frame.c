#include "core/frame.h"

#include <stdbool.h>
#include <string.h>

#include "core/board.h"
#include "core/command.h"
#include "core/message.h"

enum { SYNC = 0x7e, SEQUENCE_MASK = 0x0f, SEQUENCE_MARK = 0x10 };

static struct {
    uint8_t bytes[MESSAGE_BLOCK_MAX];
    uint8_t fill;
    uint8_t next_sequence; /* 0x10..0x1f */
    bool skipping;         /* lost: drop everything up to the next SYNC */
    bool refused;          /* a damaged block was answered, and no good one has come since */
} receiver;

uint16_t frame_crc(const uint8_t *bytes, uint_fast8_t size)
{
    uint16_t crc = 0xffff;
    while (size--) {
        uint8_t data = *bytes++ ^ (uint8_t)crc;
        data ^= (uint8_t)(data << 4);
        crc = (uint16_t)(((uint16_t)data << 8 | crc >> 8) ^ (uint8_t)(data >> 4) ^ (uint16_t)data << 3);
    }
    return crc;
}

void frame_send(uint8_t *block, uint_fast8_t content_size)
{
    uint_fast8_t checked = MESSAGE_HEADER + content_size;
    block[0] = (uint8_t)(checked + MESSAGE_TRAILER);
    block[1] = receiver.next_sequence;
    uint16_t crc = frame_crc(block, checked);
    block[checked] = (uint8_t)(crc >> 8);
    block[checked + 1] = (uint8_t)crc;
    block[checked + 2] = SYNC;
    board_console_send(block, block[0]);
}

/* The same block is ack and nak: what tells them apart is the sequence it bears. */
static void send_acknowledgement(void)
{
    uint8_t block[MESSAGE_BLOCK_MIN];
    frame_send(block, 0);
}

void frame_reset(void)
{
    memset(&receiver, 0, sizeof(receiver));
    receiver.next_sequence = SEQUENCE_MARK;
}

void frame_discard(void)
{
    receiver.fill = 0;
    receiver.skipping = false;
}

static void drop(uint_fast8_t count)
{
    receiver.fill = (uint8_t)(receiver.fill - count);
    memmove(receiver.bytes, receiver.bytes + count, receiver.fill);
}

static void skip_to_sync(void)
{
    const uint8_t *sync = memchr(receiver.bytes, SYNC, receiver.fill);
    if (!sync) {
        receiver.fill = 0;
        return;
    }
    receiver.skipping = false;
    drop((uint_fast8_t)(sync - receiver.bytes + 1));
}

static void skip_leading_syncs(void)
{
    uint_fast8_t count = 0;
    while (count < receiver.fill && receiver.bytes[count] == SYNC)
        count++;
    if (count)
        drop(count);
}

enum verdict { UNFINISHED, DAMAGED, GOOD };

static enum verdict examine(void)
{
    const uint8_t *bytes = receiver.bytes;
    uint_fast8_t size = bytes[0];
    if (size < MESSAGE_BLOCK_MIN || size > MESSAGE_BLOCK_MAX)
        return DAMAGED;
    if (receiver.fill >= MESSAGE_HEADER && (bytes[1] & ~SEQUENCE_MASK) != SEQUENCE_MARK)
        return DAMAGED;
    if (receiver.fill < size)
        return UNFINISHED;
    uint16_t crc = (uint16_t)(bytes[size - 3] << 8 | bytes[size - 2]);
    if (bytes[size - 1] != SYNC || frame_crc(bytes, size - MESSAGE_TRAILER) != crc)
        return DAMAGED;
    return GOOD;
}

/* An intact block out of sequence is always answered with the sequence that is expected: a host that
 * just connected learns it from there, and one whose ack got lost goes on. */
static void accept(void)
{
    uint8_t size = receiver.bytes[0];
    receiver.refused = false;
    if (receiver.bytes[1] == receiver.next_sequence) {
        receiver.next_sequence = ((receiver.next_sequence + 1) & SEQUENCE_MASK) | SEQUENCE_MARK;
        command_dispatch(receiver.bytes + MESSAGE_HEADER, size - MESSAGE_BLOCK_MIN);
    }
    send_acknowledgement();
    drop(size);
}

static void refuse(void)
{
    receiver.skipping = true;
    if (receiver.refused)
        return;
    receiver.refused = true;
    send_acknowledgement();
}

static void parse(void)
{
    for (;;) {
        if (receiver.skipping)
            skip_to_sync();
        skip_leading_syncs();
        if (!receiver.fill)
            return;
        switch (examine()) {
        case UNFINISHED:
            return;
        case DAMAGED:
            refuse();
            break;
        case GOOD:
            accept();
            break;
        }
    }
}

void frame_receive(const uint8_t *bytes, size_t size)
{
    while (size) {
        size_t room = MESSAGE_BLOCK_MAX - receiver.fill;
        size_t count = size < room ? size : room;
        memcpy(receiver.bytes + receiver.fill, bytes, count);
        receiver.fill = (uint8_t)(receiver.fill + count);
        bytes += count;
        size -= count;
        parse();
    }
}
