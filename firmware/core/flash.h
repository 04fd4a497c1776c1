/* Constant tables in flash memory.
 *
 * On most machines flash reads like any memory. Harvard targets (AVR) define FLASH_HARVARD in
 * target.h together with IN_FLASH and the flash_ readers. Any context.
 */
#ifndef CORE_FLASH_H
#define CORE_FLASH_H

#include <stdint.h>

#include "target.h"

#ifndef FLASH_HARVARD
#define IN_FLASH
static inline uint8_t flash_u8(const uint8_t *p) { return *p; }
static inline uint16_t flash_u16(const uint16_t *p) { return *p; }
static inline int16_t flash_i16(const int16_t *p) { return *p; }
#define flash_pointer(p) (*(p))
#endif

#endif
