"""A long run of steps that one queue_step can make.

Step i (from 0) of a command happens at base + interval (i + 1) + add i (i + 1) / 2. Each step has a window
[due - min(early, half the time since the step before), due]. Divided by (i + 1) / 2, that is:
2 interval + add i is between two numbers for each step. So for one add, the intervals that suit all steps so
far are what a running maximum and a running minimum leave: whole numbers, no branches. Many adds are followed
side by side, in vectors where the machine has them; results are the same on all machines.

The adds that suit the first n steps are neighbours, and those that suit one more step are among them. So the
longest run is found by narrowing: probe adds spread over those that windows far apart leave over, go on
between the neighbours of the best. Beyond DENSE steps, ever fewer of them are looked at while narrowing; the
line found is held against every single one.

Of lines equally long, one is taken that ends where the next command had best begin: at the late end of its
window or at the early one, as the times after it bend. A slightly shorter run is taken if the command is a
byte shorter.
"""

from libc.stdint cimport int16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

__all__ = ["longest_run"]

cdef extern from *:
    """
    #include <stdint.h>

    #if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
    #define FIT_CLONED __attribute__((target_clones("avx512f", "avx2", "default")))
    #else
    #define FIT_CLONED
    #endif
    #define FIT_EACH _Pragma("omp simd") for (int k = 0; k < FIT_LANES; k++)
    #define FIT_INLINE static inline __attribute__((always_inline))

    enum {
        FIT_LANES = 16,            /* adds that are followed side by side */
        FIT_MOST = 4096,           /* steps a command at most */
        FIT_BLOCK = 32,            /* windows that are worked out together */
        FIT_DENSE = 64,            /* steps of which each one is looked at while narrowing */
        FIT_START = 20,            /* a run's length as guessed at first */
        FIT_GREATEST = 1000000000, /* twice the longest interval that is looked at, in ticks */
        FIT_ABOVE = 1 << 30,
        FIT_ENDLESS = 0x7fffffff,
        FIT_LEAST_ADD = -32768,
        FIT_GREATEST_ADD = 32767,
        FIT_LEAST_BYTE = -32,      /* adds that take one byte on the wire */
        FIT_GREATEST_BYTE = 95,
        FIT_BYTE_COUNT = 95,       /* the longest run whose count takes one */
        FIT_FEW_MORE = 118,        /* runs up to this are cut down to that */
        FIT_PRICE = 6              /* a byte is worth this part of a run */
    };

    static const double FIT_NOISE = 1e-3;  /* ticks; rounding of due times */
    static double fit_shares[FIT_MOST];    /* 2 / (i + 1) */

    static void fit_prepare(void) {
        for (int i = 0; i < FIT_MOST; i++)
            fit_shares[i] = 2. / (i + 1);
    }

    typedef struct {
        const double *due;
        int waiting;               /* steps */
        int known;                 /* steps whose windows are worked out */
        double base, early;        /* ticks */
        int32_t low[FIT_MOST];     /* least and greatest 2 interval + add i of step i */
        int32_t high[FIT_MOST];
    } fit_work;

    /* Twice the intervals that suit some steps: from .. to, with one add. */
    typedef struct { int32_t from, to; } fit_span;

    FIT_INLINE int fit_open(int32_t from, int32_t to) {
        return ((from + 1) >> 1) <= (to >> 1);
    }

    FIT_INLINE void fit_windows(const double *restrict due, const double *restrict share, int count,
                                double base, double early, int32_t *restrict low, int32_t *restrict high) {
        for (int i = 0; i < count; i++) {
            /* There is a whole tick in a window of one tick. */
            double w = 0.5 * (due[i] - due[i - 1]), x, y;
            w = w < early ? w : early;
            w = w > 1. ? w : 1.;
            x = (due[i] - base + FIT_NOISE) * share[i];
            y = (due[i] - base - w - FIT_NOISE) * share[i];
            x = x < FIT_GREATEST ? x : FIT_GREATEST;
            y = y < FIT_GREATEST ? y : FIT_GREATEST + 2.;
            y = y > 2. ? y : 2.;
            high[i] = (int32_t)x;
            low[i] = FIT_ABOVE - (int32_t)(FIT_ABOVE - y);  /* rounded up */
        }
    }

    FIT_INLINE void fit_know(fit_work *w, int end) {
        while (w->known < end) {
            int k = w->known, left = w->waiting - k;
            const double *due = w->due + k, *share = fit_shares + k;
            /* A length that compilers know is quicker. */
            if (left >= FIT_BLOCK)
                fit_windows(due, share, FIT_BLOCK, w->base, w->early, w->low + k, w->high + k);
            else
                fit_windows(due, share, left, w->base, w->early, w->low + k, w->high + k);
            w->known += left < FIT_BLOCK ? left : FIT_BLOCK;
        }
    }

    /* Leave only adds that can bring both of two steps into their windows. */
    FIT_INLINE void fit_between(const fit_work *w, int a, int b, int *least, int *most) {
        double share = 0.5 * fit_shares[b - a - 1], far = FIT_GREATEST_ADD - FIT_LEAST_ADD;
        /* From the least add on, so that what is cut off is rounded down; and a hair of room. */
        double x = (w->low[b] - w->high[a]) * share - FIT_LEAST_ADD + 0.999999;
        double y = (w->high[b] - w->low[a]) * share - FIT_LEAST_ADD + 0.000001;
        x = x > 0. ? x < far + 1. ? x : far + 1. : 0.;
        y = y > -1. ? y < far ? y : far : -1.;
        int from = (int)x + FIT_LEAST_ADD, to = (int)(y + 1.) - 1 + FIT_LEAST_ADD;
        *least = from > *least ? from : *least;
        *most = to < *most ? to : *most;
    }

    /* Leave only adds that runs of more than n steps can have; whether there are any. */
    FIT_INLINE int fit_bracket(fit_work *w, int n, int *least, int *most) {
        fit_know(w, n + 1);
        fit_between(w, 0, n, least, most);
        if (n >= 4) {
            fit_between(w, n / 4, n, least, most);
            fit_between(w, n / 2, n, least, most);
            fit_between(w, n / 8, n / 2, least, most);
        } else if (n > 1) {
            fit_between(w, n - 1, n, least, most);
        }
        return *least <= *most;
    }

    FIT_INLINE fit_span fit_cut(const int32_t *restrict low, const int32_t *restrict high, int first, int end,
                                int32_t add, fit_span open) {
        int32_t from = open.from, to = open.to;
        for (int i = first; i < end; i++) {
            int32_t l = low[i] - add * i, h = high[i] - add * i;
            from = l > from ? l : from;
            to = h < to ? h : to;
        }
        open.from = from;
        open.to = to;
        return open;
    }

    /* How many steps go with an add; sets its intervals. */
    FIT_INLINE int fit_reach(fit_work *w, int32_t add, fit_span *out) {
        fit_span open = {0, FIT_ENDLESS}, next;
        int i = 0, end;
        for (; i < w->waiting; i = end) {
            end = i + FIT_BLOCK < w->waiting ? i + FIT_BLOCK : w->waiting;
            fit_know(w, end);
            next = fit_cut(w->low, w->high, i, end, add, open);
            if (!fit_open(next.from, next.to))
                break;
            open = next;
        }
        for (; i < w->waiting; i++) {
            next = fit_cut(w->low, w->high, i, i + 1, add, open);
            if (!fit_open(next.from, next.to))
                break;
            open = next;
        }
        *out = open;
        return i;
    }

    /* How many of the steps looked at go with each add. */
    FIT_INLINE void fit_probe(fit_work *w, const int32_t *restrict adds, int32_t *restrict counts) {
        int32_t add[FIT_LANES], ramp[FIT_LANES], from[FIT_LANES], to[FIT_LANES], count[FIT_LANES], any = 1;
        int i = 0, stride = 1, looked = 0, end;
        FIT_EACH {
            add[k] = adds[k];
            ramp[k] = from[k] = count[k] = 0;
            to[k] = FIT_ENDLESS;
        }
        while (any && i < w->waiting) {
            if (i >= FIT_DENSE * stride) {
                stride *= 2;
                FIT_EACH
                    add[k] *= 2;
            }
            end = i + 8 * stride < w->waiting ? i + 8 * stride : w->waiting;
            fit_know(w, end);
            looked += (end - i + stride - 1) / stride;
            for (; i < end; i += stride) {
                int32_t low = w->low[i], high = w->high[i];
                FIT_EACH {
                    int32_t l = low - ramp[k], h = high - ramp[k];
                    from[k] = l > from[k] ? l : from[k];
                    to[k] = h < to[k] ? h : to[k];
                    count[k] += ((to[k] >> 1) - ((from[k] + 1) >> 1)) >> 31;
                    ramp[k] += add[k];
                }
            }
            any = 0;
            for (int k = 0; k < FIT_LANES; k++)
                any |= ~(((to[k] >> 1) - ((from[k] + 1) >> 1)) >> 31);
        }
        FIT_EACH
            counts[k] = looked + count[k];
    }

    /* The best of adds from least to most: equals, the first and last of them. Leaves those between the
       neighbours that are worse. Returns the count. */
    FIT_INLINE int fit_best(fit_work *w, int *least, int *most, int equals[3]) {
        int32_t adds[FIT_LANES], counts[FIT_LANES], width = *most - *least;
        int32_t best = 0, first = FIT_LANES, last = 0;
        for (int k = 0; k < FIT_LANES; k++)
            adds[k] = *least + (width >= FIT_LANES ? width * k / (FIT_LANES - 1) : k < width ? k : width);
        fit_probe(w, adds, counts);
        for (int k = 0; k < FIT_LANES; k++)
            best = counts[k] > best ? counts[k] : best;
        for (int k = 0; k < FIT_LANES; k++) {
            int32_t here = counts[k] == best ? k : FIT_LANES, there = counts[k] == best ? k : 0;
            first = here < first ? here : first;
            last = there > last ? there : last;
        }
        equals[0] = adds[first];
        equals[1] = adds[(first + last) / 2];
        equals[2] = adds[last];
        *least = first > 0 ? adds[first - 1] + 1 : *least;
        *most = last < FIT_LANES - 1 ? adds[last + 1] - 1 : *most;
        return best;
    }

    typedef struct { int length, add, equals[3]; fit_span open; } fit_line;

    FIT_INLINE fit_line fit_search(fit_work *w) {
        fit_line line = {0, 0, {0, 0, 0}, {0, 0}};
        fit_span open = {0, 0};
        int guess = w->waiting - 1 < FIT_START ? w->waiting - 1 : FIT_START, sure = 0, least = 0, most = 0;
        /* Adds for more than so many steps; those for no more steps may be others. */
        for (; guess > 0; guess /= 2) {
            least = FIT_LEAST_ADD, most = FIT_GREATEST_ADD;
            if (fit_bracket(w, guess, &least, &most))
                break;
        }
        if (guess == 0)
            least = most = 0;
        for (;;) {
            int from = least, to = most, equals[3], length = fit_best(w, &from, &to, equals);
            if (length <= FIT_DENSE)
                open = fit_cut(w->low, w->high, 0, length, equals[1], (fit_span){0, FIT_ENDLESS});
            if (length > FIT_DENSE || !fit_open(open.from, open.to))
                length = fit_reach(w, equals[1], &open);
            if (length > line.length)
                line = (fit_line){length, equals[1], {equals[0], equals[1], equals[2]}, open};
            if (line.length == w->waiting || line.length == 0)
                return line;
            if (!sure && guess > 0 && length <= guess) {
                least = FIT_LEAST_ADD, most = FIT_GREATEST_ADD;
            } else {
                if (most - least < FIT_LANES || to - from >= most - least)
                    return line;
                least = from, most = to;
            }
            sure = 1;
            if (line.length <= FIT_DENSE && !fit_bracket(w, line.length, &least, &most))
                return line;
        }
    }

    FIT_INLINE int fit_bytes(int add) {
        return add >= FIT_LEAST_BYTE && add <= FIT_GREATEST_BYTE ? 1 : 2;
    }

    /* Take a shorter run for a shorter command where that saves bytes in the long run. */
    FIT_INLINE void fit_save(fit_work *w, fit_line *line) {
        int add = line->add < FIT_LEAST_BYTE ? FIT_LEAST_BYTE : FIT_GREATEST_BYTE, length;
        fit_span open;
        if (line->length > 1 && fit_bytes(line->add) > 1) {
            length = fit_reach(w, add, &open);
            if (length > 1 && length * FIT_PRICE >= line->length * (FIT_PRICE - 1))
                *line = (fit_line){length, add, {add, add, add}, open};
        }
        if (line->length > FIT_BYTE_COUNT && line->length <= FIT_FEW_MORE && line->length < w->waiting) {
            line->length = FIT_BYTE_COUNT;
            line->equals[0] = line->equals[2] = line->add;
            line->open = fit_cut(w->low, w->high, 0, FIT_BYTE_COUNT, line->add, (fit_span){0, FIT_ENDLESS});
        }
    }

    /* Whether the times after a run bend away from a parabola towards later. A line follows them the longest
       when it begins late in their windows then, and early if not. */
    FIT_INLINE int fit_bends_late(const fit_work *w, int length) {
        const double *last = w->due + length - 1;
        int k = length < 4 ? 1 : length / 4;
        if (w->waiting - length <= 3 * k)
            return 1;
        return last[3 * k] - 3. * last[2 * k] + 3. * last[k] - last[0] > -0.2 * w->early;
    }

    FIT_INLINE int fit_interval(fit_span open, int late) {
        return late ? open.to >> 1 : (open.from + 1) >> 1;
    }

    /* Of lines equally long, take the one that ends where the next should begin. Returns its interval. */
    FIT_INLINE uint32_t fit_settle(const fit_work *w, fit_line *line) {
        int late = fit_bends_late(w, line->length), rest = line->length - 1;
        int interval = fit_interval(line->open, late);
        for (int k = 0; k < 3; k += 2) {
            int add = line->equals[k], other, gain;
            fit_span open;
            if (add == line->add || fit_bytes(add) > fit_bytes(line->add))
                continue;
            open = fit_cut(w->low, w->high, 0, line->length, add, (fit_span){0, FIT_ENDLESS});
            if (!fit_open(open.from, open.to))
                continue;
            other = fit_interval(open, late);
            gain = 2 * (other - interval) + (add - line->add) * rest;
            if (late ? gain > 0 : gain < 0) {
                line->add = add;
                line->open = open;
                interval = other;
            }
        }
        return (uint32_t)interval;
    }

    FIT_CLONED static int fit_run(const double *due, int waiting, double base, double early, int partial,
                                  uint32_t *interval, int16_t *add) {
        fit_work w;
        fit_line line;
        w.due = due, w.waiting = waiting < FIT_MOST ? waiting : FIT_MOST, w.known = 0;
        w.base = base, w.early = early;
        *add = 0;
        if (2. * (due[0] - base) >= FIT_GREATEST) {
            *interval = (uint32_t)(due[0] - base + FIT_NOISE);
            return waiting > 1 || partial;
        }
        line = fit_search(&w);
        if (line.length == waiting && !partial)
            return 0;
        if (line.length == 0)
            return -1;
        fit_save(&w, &line);
        *interval = fit_settle(&w, &line);
        if (line.length > 1)
            *add = (int16_t)line.add;
        return line.length;
    }
    """
    void fit_prepare() noexcept nogil
    int fit_run(const double *due, int waiting, double base, double early, bint partial, uint32_t *interval,
                int16_t *add) noexcept nogil

fit_prepare()


cdef int fit_longest(const double *due, int waiting, uint64_t base, double early, bint partial,
                     stepped_line *line) noexcept nogil:
    return fit_run(due, waiting, <double>base, early, partial, &line.interval, &line.add)


def longest_run(before, due, base, early, partial=True):
    cdef stepped_line line
    cdef int count = <int>len(due), length, i
    cdef double *times = <double *>malloc((count + 1) * sizeof(double))
    if times == NULL:
        raise MemoryError
    times[0] = before
    for i in range(count):
        times[i + 1] = due[i]
    line.interval = line.add = 0
    length = fit_longest(times + 1, count, base, early, partial, &line) if count else 0
    free(times)
    return length, line.interval, line.add
