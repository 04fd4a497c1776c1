/* Memory access for debug commands, by the kernel: a bad address is an error, not a crash. */
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/board.h"

static struct iovec remote(uint32_t address, uint_fast8_t order)
{
    return (struct iovec){(void *)(uintptr_t)address, (size_t)1 << order};
}

bool board_peek(uint32_t address, uint_fast8_t order, uint32_t *value)
{
    if (order > 2)
        return false;
    uint8_t bytes[4] = {0};
    struct iovec from = remote(address, order), to = {bytes, from.iov_len};
    if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != (ssize_t)from.iov_len)
        return false;
    *value = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    return true;
}

bool board_poke(uint32_t address, uint_fast8_t order, uint32_t value)
{
    if (order > 2)
        return false;
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    struct iovec to = remote(address, order), from = {bytes, to.iov_len};
    return process_vm_writev(getpid(), &from, 1, &to, 1, 0) == (ssize_t)to.iov_len;
}
