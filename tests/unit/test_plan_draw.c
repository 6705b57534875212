/* Random selections of rows: those with the smallest words, by class, the fewer among the more. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "infostrata/plan.h"

/* How many rows of the class have a smaller word? */
static int64_t place_of(int64_t row, int64_t n, const int32_t *class_of, uint64_t seed)
{
    uint64_t word = ist_random_word(seed, IST_RANDOM_SAMPLES, (uint64_t)row);
    int64_t before = 0;
    for (int64_t other = 0; other < n; other++)
        if (!class_of || class_of[other] == class_of[row])
            before += ist_random_word(seed, IST_RANDOM_SAMPLES, (uint64_t)other) < word;
    return before;
}

static void expect_drawn(int64_t n, const int32_t *class_of, int64_t classes, int64_t count,
                         uint64_t seed)
{
    int64_t drawn = classes * count, found = 0, wrong = 0;
    int64_t *rows = ist_alloc((size_t)drawn, sizeof *rows);
    ist_draw_rows(n, class_of, classes, count, seed, rows);
    for (int64_t row = 0; row < n; row++) {
        bool here = found < drawn && rows[found] == row;
        wrong += here != (place_of(row, n, class_of, seed) < count);
        found += here;
    }
    cr_assert(wrong == 0 && found == drawn, "%lld rows are wrong", (long long)wrong);
    ist_free(rows);
}

Test(plan_draw, smallest_words)
{
    expect_drawn(1, NULL, 1, 1, 0);
    for (int64_t count = 1; count <= 60; count += 7)
        expect_drawn(60, NULL, 1, count, 5);
    expect_drawn(300, NULL, 1, 299, INT64_MAX);
}

Test(plan_draw, per_class)
{
    enum { N = 200, CLASSES = 3 };
    int32_t class_of[N];
    for (int i = 0; i < N; i++)
        class_of[i] = i % 10 == 0 ? 0 : 1 + i % 2;
    for (int64_t count = 1; count <= N / 10; count += 19)
        expect_drawn(N, class_of, CLASSES, count, 2);
}
