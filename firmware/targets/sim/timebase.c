#include "timebase.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// Layout shared with the host (klipperd/clock.py).
struct clock_page {
    uint64_t magic, reserved;
    double real_anchor, virtual_anchor, speed;
    double unused[3];
    uint64_t lease[TIMEBASE_SLOTS]; // bits of a double, s; 0: the slot is free
};

static const uint64_t page_magic = 0x314b4c434d49534bu; // "KSIMCLK1"

enum { PAGE_SIZE_BYTES = 4096 };

_Static_assert(offsetof(struct clock_page, lease) == 64, "the host expects the leases there");

const char *timebase_open(struct timebase *base, const char *file, int slot) {
    struct stat status;
    int fd = open(file, O_RDWR | O_CLOEXEC);
    if (slot < 0 || slot >= TIMEBASE_SLOTS)
        return "a slot is 0 to 31";
    if (fd < 0 || fstat(fd, &status))
        return "cannot be opened";
    void *memory = MAP_FAILED;
    if (status.st_size >= PAGE_SIZE_BYTES)
        memory = mmap(NULL, PAGE_SIZE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory == MAP_FAILED)
        return "is no clock page: too short";
    struct clock_page *page = memory;
    if (page->magic != page_magic || !(page->speed > 0)) {
        munmap(memory, PAGE_SIZE_BYTES);
        return "is no clock page: wrong magic number or speed";
    }
    base->page = page;
    base->slot = slot;
    timebase_lease(base, timebase_now(base) + TIMEBASE_SLACK);
    return NULL;
}

static void write_lease(struct timebase *base, double until) {
    uint64_t bits;
    memcpy(&bits, &until, sizeof(bits));
    __atomic_store_n(&base->page->lease[base->slot], bits, __ATOMIC_RELEASE);
}

void timebase_close(struct timebase *base) {
    if (!base->page)
        return;
    write_lease(base, 0);
    munmap(base->page, PAGE_SIZE_BYTES);
    base->page = NULL;
}

double timebase_real(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double timebase_now(const struct timebase *base) {
    const struct clock_page *page = base->page;
    double now = timebase_real();
    if (!page)
        return now;
    now = page->virtual_anchor + (now - page->real_anchor) * page->speed;
    for (int i = 0; i < TIMEBASE_SLOTS; i++) {
        uint64_t bits = __atomic_load_n(&page->lease[i], __ATOMIC_ACQUIRE);
        double lease;
        memcpy(&lease, &bits, sizeof(lease));
        if (bits && lease < now)
            now = lease;
    }
    return now;
}

double timebase_speed(const struct timebase *base) {
    return base->page ? base->page->speed : 1;
}

void timebase_lease(struct timebase *base, double until) {
    if (base->page)
        write_lease(base, until);
}
