/* Radix sorting of a column: linear, and the order of equal values is that in which they came. */
#include "room.h"

/* Ascending in the key as the values are: the sign turned, or all bits of negative numbers. */
static inline uint64_t key_of(double value)
{
    uint64_t bits;
    double plain = value + 0.0; /* -0 is 0 */
    memcpy(&bits, &plain, sizeof bits);
    return bits & UINT64_C(1) << 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static inline double value_of(uint64_t key)
{
    uint64_t bits = key & UINT64_C(1) << 63 ? key & ~(UINT64_C(1) << 63) : ~key;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void insert(int64_t n, uint64_t *key, int32_t *item)
{
    for (int64_t i = 1; i < n; i++) {
        uint64_t own = key[i];
        int32_t mine = item[i];
        int64_t at = i;
        for (; at > 0 && key[at - 1] > own; at--) {
            key[at] = key[at - 1];
            item[at] = item[at - 1];
        }
        key[at] = own;
        item[at] = mine;
    }
}

enum { MOST_BITS = 11, MOST_DIGITS = 8 };
typedef struct {
    int bits, digits;
    int64_t count[MOST_DIGITS][1 << MOST_BITS];
} histogram;

/* All digits are counted in one walk. */
static void count_digits(histogram *h, int64_t n, const uint64_t *key)
{
    uint64_t mask = (UINT64_C(1) << h->bits) - 1;
    for (int d = 0; d < h->digits; d++)
        memset(h->count[d], 0, ((size_t)1 << h->bits) * sizeof **h->count);
    for (int64_t i = 0; i < n; i++)
        for (int d = 0; d < h->digits; d++)
            h->count[d][key[i] >> (d * h->bits) & mask]++;
}

/* Sorts by digit after digit, from bit `lowest` on; returns in which of the two arrays the result lies. */
static int sort_digits(const histogram *h, int64_t n, int lowest, uint64_t *const key[2],
                       int32_t *const item[2])
{
    int from = 0;
    size_t values = (size_t)1 << h->bits;
    for (int d = 0; d < h->digits; d++) {
        int64_t next[1 << MOST_BITS], sum = 0;
        int shift = lowest + d * h->bits;
        if (h->count[d][key[from][0] >> shift & (values - 1)] == n)
            continue; /* one value of this digit: nothing to do */
        for (size_t v = 0; v < values; v++) {
            next[v] = sum;
            sum += h->count[d][v];
        }
        const uint64_t *source = key[from];
        const int32_t *source_item = item[from];
        uint64_t *to = key[!from];
        int32_t *to_item = item[!from];
        for (int64_t i = 0; i < n; i++) {
            int64_t at = next[source[i] >> shift & (values - 1)]++;
            to[at] = source[i];
            to_item[at] = source_item[i];
        }
        from = !from;
    }
    return from;
}

static bool all_equal(const uint64_t *key, int64_t n)
{
    for (int64_t i = 1; i < n; i++)
        if (key[i] != key[0])
            return false;
    return true;
}

/* Sorts by the upper digits alone, then what these leave equal. Returns -1, all keys still there in some order, if that is
 * too much: values of one magnitude that differ in their last digits. */
static int sort_upper(histogram *h, int64_t n, uint64_t *const key[2], int32_t *const item[2])
{
    enum { UPPER_DIGITS = 3, LONG_RUN = 16 };
    const int shift = 64 - UPPER_DIGITS * MOST_BITS;
    const uint64_t mask = (UINT64_C(1) << MOST_BITS) - 1;
    memset(h->count, 0, UPPER_DIGITS * sizeof *h->count);
    for (int64_t i = 0; i < n; i++)
        for (int d = 0; d < UPPER_DIGITS; d++)
            h->count[d][key[0][i] >> (shift + d * MOST_BITS) & mask]++;
    h->digits = UPPER_DIGITS;
    int result = sort_digits(h, n, shift, key, item);
    for (int64_t first = 0, i = 1; i <= n; i++) {
        if (i < n && key[result][i] >> shift == key[result][first] >> shift)
            continue;
        uint64_t *run = key[result] + first;
        bool is_long = i - first > LONG_RUN, equal = is_long && all_equal(run, i - first);
        if (is_long && !equal)
            return -1;
        if (!equal)
            insert(i - first, run, item[result] + first);
        first = i;
    }
    return result;
}

static void fill(ist_slice_room *room, int64_t n, const double *column, const int32_t *before)
{
    for (int64_t i = 0; i < n; i++) {
        int32_t item = before ? before[i] : (int32_t)i;
        room->key[0][i] = key_of(column[item]);
        room->item[0][i] = item;
    }
}

void ist_sort_column(ist_slice_room *room, int64_t n, const double *column, const int32_t *before,
                     double *value, int32_t *row)
{
    enum { FEW = 48, SOME = 1024, FEW_BITS = 8 };
    int result = 0;
    histogram h;
    fill(room, n, column, before);
    if (n <= FEW) {
        insert(n, room->key[0], room->item[0]);
    } else {
        h.bits = MOST_BITS;
        result = n <= SOME ? -1 : sort_upper(&h, n, room->key, room->item);
        if (result < 0) {
            h.bits = n <= SOME ? FEW_BITS : MOST_BITS;
            h.digits = (64 + h.bits - 1) / h.bits;
            fill(room, n, column, before);
            count_digits(&h, n, room->key[0]);
            result = sort_digits(&h, n, 0, room->key, room->item);
        }
    }
    for (int64_t i = 0; i < n; i++)
        value[i] = value_of(room->key[result][i]);
    memcpy(row, room->item[result], (size_t)n * sizeof *row);
}
