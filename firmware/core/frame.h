/* Blocks on the console: length, sequence, content, CRC, 0x7e. Task context, except frame_crc. */
#ifndef CORE_FRAME_H
#define CORE_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* As after power-on: sequence 0 is expected next. */
void frame_reset(void);

/* Forget the unfinished block, if any. */
void frame_discard(void);

/* Take received bytes, run the commands of each good block in order and acknowledge it. */
void frame_receive(const uint8_t *bytes, size_t size);

/* Send block[2..] of content_size bytes; adds header and trailer in place. */
void frame_send(uint8_t *block, uint_fast8_t content_size);

/* CRC-16/MCRF4XX. */
uint16_t frame_crc(const uint8_t *bytes, uint_fast8_t size);

#endif
