/* order: the order in which a row sees the others, for brute-force checks of neighbours. */
#ifndef TESTS_HARNESS_ORDER_H
#define TESTS_HARNESS_ORDER_H

#include <stdint.h>

typedef struct {
    double distance;
    uint64_t tie;
    int64_t row; /* number */
} brute_other;

/* Into the order (distance, tie, number). */
void brute_sort(brute_other *found, int64_t count);

#endif
