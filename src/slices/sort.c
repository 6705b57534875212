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

/* Sorts by digit after digit; returns in which of the two arrays the result lies. */
static int sort_digits(const histogram *h, int64_t n, uint64_t *const key[2],
                       int32_t *const item[2])
{
    int from = 0;
    size_t values = (size_t)1 << h->bits;
    for (int d = 0; d < h->digits; d++) {
        int64_t next[1 << MOST_BITS], sum = 0;
        int shift = d * h->bits;
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

void ist_sort_column(ist_slice_room *room, int64_t n, const double *column, const int32_t *before,
                     double *value, int32_t *row)
{
    enum { FEW = 48, SOME = 8192, FEW_BITS = 8 };
    for (int64_t i = 0; i < n; i++) {
        int32_t item = before ? before[i] : (int32_t)i;
        room->key[0][i] = key_of(column[item]);
        room->item[0][i] = item;
    }
    int result = 0;
    if (n <= FEW) {
        insert(n, room->key[0], room->item[0]);
    } else {
        histogram h = {.bits = n <= SOME ? FEW_BITS : MOST_BITS};
        h.digits = (64 + h.bits - 1) / h.bits;
        count_digits(&h, n, room->key[0]);
        result = sort_digits(&h, n, room->key, room->item);
    }
    for (int64_t i = 0; i < n; i++)
        value[i] = value_of(room->key[result][i]);
    memcpy(row, room->item[result], (size_t)n * sizeof *row);
}
