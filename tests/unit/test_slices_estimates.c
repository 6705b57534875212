/* Mutual information in a slice against brute force from the definitions, to the last bit; and fixture F-smi. */
#include "infostrata/slices.h"

#include "infostrata/pairs.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/order.h"

/* ---- data -------------------------------------------------------------------------------------- */

static uint64_t next_word(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static double *normals(uint64_t seed, int64_t count)
{
    double *out = ist_alloc((size_t)count + 1, sizeof *out);
    for (int64_t i = 0; i < count; i += 2) {
        double u = (double)(next_word(&seed) >> 11) * 0x1p-53;
        double v = (double)(next_word(&seed) >> 11) * 0x1p-53;
        double r = sqrt(-2 * log(1 - u));
        out[i] = r * cos(2 * M_PI * v);
        out[i + 1] = r * sin(2 * M_PI * v);
    }
    return out;
}

typedef enum { SMOOTH, LATTICE, DEAD, CONSTANT, TINY, FAINT, COPIES, KINDS } data_kind;
enum { MOST_N = 256, MOST_COLUMNS = 5 };

typedef struct {
    int64_t n;
    double x[MOST_COLUMNS * MOST_N], y[MOST_COLUMNS * MOST_N];
    int32_t class_of[MOST_N];
    int64_t size[8];
    uint64_t word[MOST_N];
} data;

/* y goes with x and the class; a fifth of the rows is 0 in both; class 6 has one sample, class 7 two, which COPIES has at
 * one place, far from all others. */
static data make_data(data_kind kind, int64_t n, int columns)
{
    data d = {.n = n};
    double *x = normals(11 + kind, n * columns), *y = normals(12 + kind, n * columns);
    uint64_t state = 13;
    for (int64_t i = 0; i < n; i++) {
        bool dead = kind == DEAD && next_word(&state) % 5 == 0;
        for (int c = 0; c < columns; c++) {
            double a = x[i * columns + c], b = a + y[i * columns + c];
            a = kind == LATTICE ? floor(2 * a) : kind == CONSTANT ? 0.7 : dead ? 0 : a;
            b = kind == LATTICE ? floor(2 * b) : dead ? 0 : b;
            a = kind == COPIES && (i == 1 || i == 2) ? 50 : a;
            double unit = kind == TINY ? 1e-170 : kind == FAINT ? 1e-161 : 1;
            d.x[c * n + i] = a * unit;
            d.y[c * n + i] = b * unit;
        }
        d.class_of[i] = (int32_t)fmin(5, fmax(0, floor(x[i * columns] + 3)));
        if (i < 3)
            d.class_of[i] = i == 0 ? 6 : 7;
        d.size[d.class_of[i]]++;
        d.word[i] = ist_random_word(5, IST_RANDOM_TIES, (uint64_t)i);
    }
    ist_free(x);
    ist_free(y);
    return d;
}

/* ---- by brute force ---------------------------------------------------------------------------- */

static double apart(const double *x, int64_t n, int columns, int64_t i, int64_t j)
{
    double sum = 0;
    for (int c = 0; c < columns; c++) {
        volatile double t = x[c * n + i] - x[c * n + j], square = t * t;
        sum = sum + square;
    }
    return sum;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static ist_slice_found brute_labels(const data *d, int columns, int64_t k, bool difference)
{
    ist_slice_found found = {0};
    double number[MOST_N], all[MOST_N], own[MOST_N];
    int64_t count = 0, kept = 0;
    for (int64_t i = 0; i < d->n; i++)
        kept += d->size[d->class_of[i]] > 1;
    for (int64_t i = 0; i < d->n; i++) {
        int64_t size = d->size[d->class_of[i]], m = 0, in = 0, held = ist_min(k, size - 1);
        if (size < 2)
            continue;
        for (int64_t j = 0; j < d->n; j++) {
            double distance = apart(d->x, d->n, columns, i, j);
            if (j == i || d->size[d->class_of[j]] < 2)
                continue;
            all[m++] = distance;
            if (d->class_of[j] == d->class_of[i])
                own[in++] = distance;
        }
        qsort(own, (size_t)in, sizeof *own, compare);
        qsort(all, (size_t)m, sizeof *all, compare);
        int64_t k_all = ist_min(k, kept - 1), reach = 0, near = 0;
        double limit = own[held - 1], among_all = all[k_all - 1];
        for (int64_t j = 0; j < in; j++)
            reach += own[j] <= limit;
        for (int64_t j = 0; j < m; j++)
            near += all[j] <= limit;
        found.tied += reach > held;
        found.zero += limit == 0;
        number[count++] = difference && among_all > 0 && limit > 0
                              ? ist_digamma(held) - ist_digamma(k_all) - ist_digamma(size) +
                                    (double)columns / 2 * ist_ln(among_all / limit)
                              : ist_digamma(reach) - ist_digamma(size) - ist_digamma(near);
    }
    found.value = ist_digamma(count) + ist_sum_in_order(number, count) / (double)count;
    cr_assert(isfinite(found.value));
    return found;
}

static ist_slice_found brute_layers(const data *d, const int columns[2], const ist_slice_ksg *ksg)
{
    ist_slice_found found = {0};
    double number[MOST_N];
    int64_t k = ksg->k, n = d->n;
    brute_other o[MOST_N];
    for (int64_t i = 0; i < n; i++) {
        int64_t m = 0, nx = 0, ny = 0, zero = 0, zero_x = 0, zero_y = 0;
        double box[2] = {0, 0};
        for (int64_t j = 0; j < n; j++) {
            volatile double a = apart(d->x, n, columns[0], i, j) * ksg->factor[0];
            volatile double b = apart(d->y, n, columns[1], i, j) * ksg->factor[1];
            uint64_t tie = ksg->by_index ? (uint64_t)j : d->word[j] - d->word[i];
            if (j != i)
                o[m++] = (brute_other){a > b ? a : b, tie, j};
        }
        brute_sort(o, m);
        double eps = o[k - 1].distance;
        found.tied += k < m && o[k].distance == eps;
        found.zero += eps == 0;
        for (int64_t p = 0; p < k; p++) {
            box[0] = fmax(box[0], apart(d->x, n, columns[0], i, o[p].row));
            box[1] = fmax(box[1], apart(d->y, n, columns[1], i, o[p].row));
        }
        for (int64_t p = 0; p < m; p++) {
            double a = apart(d->x, n, columns[0], i, o[p].row);
            double b = apart(d->y, n, columns[1], i, o[p].row);
            volatile double scaled_a = a * ksg->factor[0], scaled_b = b * ksg->factor[1];
            nx += ksg->type == 1 ? scaled_a < eps : a <= box[0];
            ny += ksg->type == 1 ? scaled_b < eps : b <= box[1];
            zero += o[p].distance == 0;
            zero_x += a == 0;
            zero_y += b == 0;
        }
        if (ksg->type == 2)
            number[i] = ist_digamma(k) - 1 / (double)k - ist_digamma(nx) - ist_digamma(ny);
        else if (eps == 0)
            number[i] = ist_digamma(zero + 1) - ist_digamma(zero_x + 1) - ist_digamma(zero_y + 1);
        else
            number[i] = ist_digamma(k) - ist_digamma(nx + 1) - ist_digamma(ny + 1);
    }
    found.value = ist_digamma(n) + ist_sum_in_order(number, n) / (double)n;
    return found;
}

/* ---- comparisons ------------------------------------------------------------------------------- */

static ist_slice_found labels_of(const data *d, int columns, int64_t k, bool difference)
{
    ist_slice_room *room = ist_slice_room_new(ist_kernel_choose(NULL), d->n, columns, false);
    ist_slice_classes classes = {d->class_of, 8, d->size};
    double value[MOST_N];
    int32_t row[MOST_N];
    ist_slice_found found;
    if (columns == 1) {
        ist_sort_column(room, d->n, d->x, NULL, value, row);
        found = ist_slice_labels(room, d->n, value, row, &classes, k, difference);
    } else {
        found = ist_slice_labels_cloud(room, d->n, columns, d->x, &classes, k, difference);
    }
    ist_slice_room_free(&room);
    return found;
}

static ist_slice_found layers_of(const data *d, const int columns[2], const ist_slice_ksg *ksg)
{
    int most = columns[0] > columns[1] ? columns[0] : columns[1];
    ist_slice_room *room = ist_slice_room_new(ist_kernel_choose(NULL), d->n, most, true);
    ist_slice_found found = ist_slice_layers(room, d->n, columns, d->x, d->y, ksg);
    ist_slice_room_free(&room);
    return found;
}

static void expect_same(ist_slice_found got, ist_slice_found right, const char *what)
{
    cr_expect(got.value == right.value && got.tied == right.tied && got.zero == right.zero,
              "%s: %.17g (%d tied, %d zero), not %.17g (%d, %d)", what, got.value, (int)got.tied,
              (int)got.zero, right.value, (int)right.tied, (int)right.zero);
}

static void compare_all(data_kind kind, int64_t n, int64_t k, int columns)
{
    char what[200];
    data d = make_data(kind, n, columns);
    for (int difference = 0; difference < 2; difference++) {
        snprintf(what, sizeof what, "labels: kind %d, N = %d, k = %d, %d columns, difference %d",
                 (int)kind, (int)n, (int)k, columns, difference);
        expect_same(labels_of(&d, columns, k, difference), brute_labels(&d, columns, k, difference),
                    what);
    }
    const int both[2] = {columns, columns - (columns > 1 && k == 1)};
    for (int variant = 0; variant < 8; variant++) {
        ist_slice_ksg ksg = {.type = 1 + variant % 2,
                             .k = k,
                             .factor = {1, 1},
                             .by_index = variant / 2 % 2,
                             .word = d.word};
        for (int side = 0; side < 2 && variant >= 4; side++)
            ksg.factor[side] = ist_slice_factor(n, both[side], side ? d.y : d.x);
        snprintf(what, sizeof what, "layers: kind %d, N = %d, k = %d, %d columns, variant %d",
                 (int)kind, (int)n, (int)k, columns, variant);
        expect_same(layers_of(&d, both, &ksg), brute_layers(&d, both, &ksg), what);
    }
}

Test(slices, estimates_are_those_of_brute_force)
{
    for (int kind = 0; kind < KINDS; kind++)
        for (int columns = 1; columns <= 3; columns++) {
            compare_all(kind, 10, 1, columns);
            compare_all(kind, 10, 9, columns);
            compare_all(kind, MOST_N, 3, columns);
            compare_all(kind, 100, 40, columns);
        }
    compare_all(LATTICE, 200, 4, 5);
}

/* A sample of its own in every class, and two samples. */
Test(slices, hardly_any_samples)
{
    data d = make_data(SMOOTH, 4, 1);
    memset(d.size, 0, sizeof d.size);
    for (int i = 0; i < 4; i++)
        d.size[d.class_of[i] = i] = 1;
    cr_expect(isnan(labels_of(&d, 1, 1, false).value));
    cr_expect(isnan(labels_of(&d, 1, 1, true).value));
    data e = make_data(SMOOTH, 4, 2);
    memcpy(e.size, d.size, sizeof d.size);
    memcpy(e.class_of, d.class_of, sizeof d.class_of);
    cr_expect(isnan(labels_of(&e, 2, 1, false).value));
    d.n = 2;
    const int one[2] = {1, 1};
    ist_slice_ksg ksg = {.type = 1, .k = 1, .factor = {1, 1}, .word = d.word};
    expect_same(layers_of(&d, one, &ksg), brute_layers(&d, one, &ksg), "two samples");
}

/* Equal values neither in x nor in y make slices longer: units that are dead in half of the samples, in all. */
Test(slices, equal_values_cost_no_more)
{
    enum { MANY = 20000, SHAPES = 6 };
    double *x = normals(3, MANY), *y = normals(4, MANY);
    double *a = ist_alloc(MANY, sizeof *a), *b = ist_alloc(MANY, sizeof *b);
    int64_t looked[SHAPES];
    ist_slice_room *room = ist_slice_room_new(ist_kernel_choose(NULL), MANY, 1, true);
    const ist_slice_ksg ksg = {.type = 1, .k = 3, .factor = {1, 1}};
    const int one[2] = {1, 1};
    for (int shape = 0; shape < SHAPES; shape++) {
        for (int i = 0; i < MANY; i++) {
            a[i] = shape == 3 ? 1 : shape >= 4 && i % 2 ? 0 : x[i];
            b[i] = shape == 1 ? 1 : (shape == 2 || shape == 5) && i % 4 / 2 ? 0 : x[i] + y[i];
        }
        looked[shape] = ist_slice_layers(room, MANY, one, a, b, &ksg).looked;
        cr_expect(looked[shape] > MANY && looked[shape] < 2 * looked[0],
                  "%d: %lld samples looked at, not %lld", shape, (long long)looked[shape],
                  (long long)looked[0]);
    }
    ist_slice_room_free(&room);
    ist_free(x);
    ist_free(y);
    ist_free(a);
    ist_free(b);
}

/* ---- sorting ----------------------------------------------------------------------------------- */

/* near: values that differ in their last digits only. */
static void expect_sorted(int64_t n, bool near)
{
    double *column = normals(99, n), *value = ist_alloc((size_t)n, sizeof *value);
    int32_t *row = ist_alloc((size_t)n, sizeof *row), *before = ist_alloc((size_t)n, sizeof *row);
    for (int64_t i = 0; i < n; i++) {
        before[i] = (int32_t)(n - 1 - i);
        double unit = near ? 1 : exp2((double)(i % 600 - 300));
        column[i] = i % 3 == 0 ? floor(column[i]) : column[i] * unit;
        column[i] = i % 50 == 7 ? -0.0 : near ? 1 + column[i] * 0x1p-48 : column[i];
    }
    ist_slice_room *room = ist_slice_room_new(NULL, n, 1, false);
    for (int given = 0; given < 2; given++) {
        ist_sort_column(room, n, column, given ? before : NULL, value, row);
        int64_t wrong = 0, seen = 0;
        for (int64_t i = 0; i < n; i++) {
            seen += row[i];
            wrong += value[i] != column[row[i]] || signbit(value[i]) != (column[row[i]] < 0);
            if (i > 0)
                wrong += value[i] < value[i - 1] ||
                         (value[i] == value[i - 1] && (row[i] < row[i - 1]) != (given == 1));
        }
        cr_expect(wrong == 0 && seen == n * (n - 1) / 2, "N = %d: %d wrong", (int)n, (int)wrong);
    }
    ist_slice_room_free(&room);
    ist_free(column);
    ist_free(value);
    ist_free(row);
    ist_free(before);
}

Test(slices, columns_are_sorted)
{
    const int64_t sizes[] = {1, 2, 47, 48, 49, 1000, 8192, 8193, 20000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int near = 0; near < 2; near++)
            expect_sorted(sizes[s], near);
}

/* ---- fixture ----------------------------------------------------------------------------------- */

enum { N = 256, SLICES = 8, A = 4, B = 3 };

static void project(const double *layer, int d, const double *directions, int slice, double *column)
{
    double norm = 0;
    for (int f = 0; f < d; f++)
        norm += directions[slice * d + f] * directions[slice * d + f];
    for (int i = 0; i < N; i++) {
        column[i] = 0;
        for (int f = 0; f < d; f++)
            column[i] += layer[i * d + f] * directions[slice * d + f] / sqrt(norm);
    }
}

/* measures.md 11.2, F-smi. */
Test(slices, fixture_with_given_directions)
{
    double *a = normals(12345, N * A), *e = normals(67890, N * B), b[N * B];
    double *theta = normals(777, SLICES * A), *phi = normals(888, SLICES * B);
    static data d = {.n = N};
    for (int i = 0; i < N; i++) {
        const double *own = a + A * i;
        b[B * i] = tanh(own[0] + 0.3 * e[B * i]);
        b[B * i + 1] = tanh(own[0] * own[1] + 0.3 * e[B * i + 1]);
        b[B * i + 2] = tanh(own[2] - own[3] + 0.3 * e[B * i + 2]);
        d.class_of[i] = (own[0] > 0) + 2 * (own[1] > 0);
        d.size[d.class_of[i]]++;
    }
    const int one[2] = {1, 1};
    const ist_slice_ksg ksg = {.type = 1, .k = 3, .factor = {1, 1}};
    ist_slice_sum layers = {0}, labels = {0};
    double of_layers[SLICES], squares = 0;
    for (int s = 0; s < SLICES; s++) {
        project(b, B, phi, s, d.x);
        ist_slice_add(&labels, labels_of(&d, 1, 3, false).value);
        project(a, A, theta, s, d.y);
        of_layers[s] = layers_of(&d, one, &ksg).value;
        ist_slice_add(&layers, of_layers[s]);
    }
    double mean = ist_slice_mean(&layers);
    for (int s = 0; s < SLICES; s++)
        squares += (of_layers[s] - mean) * (of_layers[s] - mean);
    cr_expect_float_eq(mean, 0.235913259538, 1e-9 * 0.235913259538);
    cr_expect_float_eq(sqrt(squares / (SLICES - 1) / SLICES), 0.0425863669029, 4e-11);
    cr_expect_float_eq(ist_slice_mean(&labels), 0.360070522952, 1e-9 * 0.36);
    ist_free(a);
    ist_free(e);
    ist_free(theta);
    ist_free(phi);
}

Test(slices, mean_of_equal_values_is_exact)
{
    ist_slice_sum sum = {0};
    cr_expect(isnan(ist_slice_mean(&sum)));
    for (int s = 0; s < 1000; s++) {
        ist_slice_add(&sum, 0.1);
        cr_assert(ist_slice_mean(&sum) == 0.1);
    }
    ist_slice_add(&sum, 0.3);
    ist_slice_add(&sum, 0.3);
    ist_slice_add(&sum, -0.2);
    cr_expect(sum.most == 0.3 && sum.most_at == 1000 && sum.least == -0.2 && sum.count == 1003);
    cr_expect_float_eq(ist_slice_mean(&sum), (100 + 0.4) / 1003, 1e-15);
}
