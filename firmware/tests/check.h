/* Checks, and the list of tests. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>

/* End the run, naming the place. */
#define CHECK(condition)                                                                               \
    do {                                                                                               \
        if (!(condition)) {                                                                            \
            fprintf(stderr, "%s:%d: %s: not true: %s\n", __FILE__, __LINE__, __func__, #condition);    \
            exit(1);                                                                                   \
        }                                                                                              \
    } while (0)

#define CHECK_EQUAL(left, right)                                                                       \
    do {                                                                                               \
        long long left_ = (long long)(left), right_ = (long long)(right);                              \
        if (left_ != right_) {                                                                         \
            fprintf(stderr, "%s:%d: %s: %s is %lld, not %lld\n", __FILE__, __LINE__, __func__, #left,  \
                    left_, right_);                                                                    \
            exit(1);                                                                                   \
        }                                                                                              \
    } while (0)

/* Each file of tests ends with one of these; main.c runs them. */
void test_numbers(void);
void test_frames(void);
void test_timers(void);
void test_life(void);
void test_outputs(void);
void test_steppers(void);
void test_triggers(void);
void test_inputs(void);
void test_buses(void);

#endif
