/* Solutions with a kernel and its ridge: y' K^-1 y, and what leaving out each sample in turn changes (measures.md 7.2,
 * 7.3). */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "dense.h"

/* ---- rows as float64 --------------------------------------------------------------------------- */

static void row_of(const ist_rows *rows, int64_t i, double *out)
{
    for (int64_t f = 0; f < rows->d; f++)
        out[f] = rows->wide ? rows->home.wide[i * rows->d + f]
                            : (double)rows->home.narrow[i * rows->d + f];
}

/* The samples of the kernel's columns that the job is about: its rows; NULL: the first n. */
static const int64_t *chosen_of(const ist_dense_work *w)
{
    size_t choice = w->s->known.layer_choice[w->task->source];
    return choice == SIZE_MAX ? NULL : w->s->known.chosen[choice].row;
}

/* Of a row of the file, the numbers of these samples. */
static void put_samples(const double *row, const int64_t *chosen, int64_t n, int64_t outputs,
                        double *to)
{
    for (int64_t i = 0; i < n; i++)
        memcpy(to + i * outputs, row + (chosen ? chosen[i] : i) * outputs,
               (size_t)outputs * sizeof *to);
}

/* Entries of the samples' columns, as `outputs` rows of the matrix for each row of the dumped kernel. */
static void put_layer(const ist_dense_work *w, ist_dense *matrix, const ist_rows *rows,
                      int64_t outputs)
{
    const int64_t *chosen = chosen_of(w);
    int64_t width = w->n * outputs;
    int64_t count = rows->home.count, each = rows->d / outputs;
    double *values = ist_alloc((size_t)ist_max(1, count * outputs * width), sizeof *values);
    double *row = ist_alloc((size_t)rows->d, sizeof *row);
    for (int64_t i = 0; i < count; i++) {
        row_of(rows, i, row);
        for (int64_t o = 0; o < outputs; o++)
            put_samples(row + o * each, chosen, w->n, outputs, values + (i * outputs + o) * width);
    }
    ist_dense_put_rows(matrix, rows->home.first * outputs, count * outputs, values);
    ist_free(values);
    ist_free(row);
}

/* ---- the kernel -------------------------------------------------------------------------------- */

typedef struct {
    const ist_dense *mirrored;
    double *largest, *difference; /* of entries, of entries and their mirror images */
} mirror;

static double halves(double value, int64_t i, int64_t j, const void *data)
{
    const mirror *m = data;
    double other = m->mirrored->values[ist_dense_place(m->mirrored, i, j)];
    *m->largest = fmax(*m->largest, fabs(value));
    *m->difference = fmax(*m->difference, fabs(value - other));
    return value / 2 + other / 2;
}

/* A dumped kernel is symmetric but for rounding: (K + K') / 2 counts. */
static ist_code make_symmetric(ist_dense_work *w, ist_dense *kernel, double *asymmetry,
                               ist_error *error)
{
    const double MOST = 1e-3;
    const char *name = w->s->known.plan->layers[w->task->source].key;
    double largest = 0, difference = 0;
    ist_dense mirrored;
    if (ist_dense_new(w->grid, kernel->rows, kernel->columns, &mirrored, error) != IST_OK)
        return error->code;
    ist_dense_place_block(kernel, true, &mirrored, 0, 0);
    mirror m = {&mirrored, &largest, &difference};
    ist_dense_apply(kernel, halves, &m);
    ist_dense_release(&mirrored);
    largest = ist_largest_real(w->s->comm, largest);
    difference = ist_largest_real(w->s->comm, difference);
    *asymmetry = largest > 0 ? difference / largest : 0;
    if (*asymmetry > MOST)
        return ist_fail(
            error, IST_FAILED,
            "%s is not symmetric: K(i, j) and K(j, i) differ by up to %.3g of the largest "
            "entry; a kernel matrix is wanted",
            name, *asymmetry);
    return IST_OK;
}

static ist_code fill_kernel(ist_dense_work *w, ist_dense *kernel, int64_t outputs, ist_error *error)
{
    const ist_rows *rows = ist_dense_rows(w, 0);
    switch (w->needs.dense.form) {
    case IST_KERNEL_GAUSSIAN:
        if (ist_kernel_width(w, 0, &w->found.width[0], error) == IST_OK &&
            ist_gram_distances(w->grid, w->s->engine.kernel, rows, kernel, error) == IST_OK)
            ist_gram_gaussian(kernel, w->found.width[0], kernel);
        return error->code;
    case IST_KERNEL_LINEAR: return ist_gram_linear(w->grid, rows, false, kernel, error);
    case IST_KERNEL_DUMPED:
        if (ist_dense_new(w->grid, w->n * outputs, w->n * outputs, kernel, error) != IST_OK)
            return error->code;
        put_layer(w, kernel, rows, outputs);
        return make_symmetric(w, kernel, &w->held->asymmetry, error);
    }
    return IST_OK;
}

/* The ridge with which the condition would be that of a sound problem. */
static double ridge_for(double norm)
{
    const double SOUND = 1e8;
    return norm / SOUND;
}

/* Cholesky's factorisation can break down from about this condition on: rounding moves eigenvalues by n 2^-53 of the largest. */
static double tellable(int64_t n)
{
    return 0x1p53 / (double)n;
}

static ist_code factor(ist_dense_work *w, ist_error *error)
{
    ist_held_matrix *held = w->held;
    const char *name = w->s->known.plan->layers[w->task->source].key;
    ist_text what = {0};
    ist_error failing = {0};
    held->trace = ist_dense_trace(&held->matrix);
    double norm = ist_dense_norm(&held->matrix);
    held->ridge_wanted = ridge_for(norm);
    ist_text_add(&what, "the kernel matrix of %s", name);
    if (ist_dense_cholesky(&held->matrix, what.data, &failing) == IST_FAILED)
        ist_fail(
            error, IST_FAILED,
            "%s. It is singular (its condition is beyond what float64 can tell, about %.0e for "
            "%lld rows) or has negative eigenvalues; give 'ridge', %.2g or more",
            failing.text, tellable(held->matrix.rows), (long long)held->matrix.rows,
            held->ridge_wanted + w->needs.dense.ridge);
    else if (failing.code != IST_OK)
        *error = failing;
    else
        ist_dense_condition(&held->matrix, norm, &held->condition, error);
    ist_text_release(&what);
    return error->code;
}

static ist_hash key_of(const ist_dense_work *w, int64_t outputs)
{
    const ist_dense_needs *d = &w->needs.dense;
    ist_text text = {0};
    ist_text_add(&text, "%zu %d %d %.17g %.17g %" PRId64 " %zu", w->task->source, (int)d->form,
                 (int)d->rule, d->width, d->ridge, outputs,
                 d->rule == IST_WIDTH_ALIGNED ? w->task->target : 0);
    ist_hash key = ist_hash_bytes(text.data, text.length, 0);
    ist_text_release(&text);
    return key;
}

/* The factor of the kernel, or its inverse where that is wanted, as it was left by the task before if that had the same. */
static ist_code hold_factor(ist_dense_work *w, int64_t outputs, ist_error *error)
{
    ist_held_matrix *held = w->held;
    ist_hash key = key_of(w, outputs);
    bool serves = held->state == IST_HELD_FACTOR ||
                  (held->state == IST_HELD_INVERSE && w->needs.dense.left_out);
    if (serves && ist_hash_compare(held->key, key) == 0) {
        if (w->needs.dense.form == IST_KERNEL_GAUSSIAN)
            ist_kernel_width(w, 0, &w->found.width[0], error);
        return error->code;
    }
    ist_release_held(held);
    held->key = key;
    held->state = IST_HELD_FACTOR;
    if (fill_kernel(w, &held->matrix, outputs, error) == IST_OK) {
        ist_dense_add_diagonal(&held->matrix, w->needs.dense.ridge);
        factor(w, error);
    }
    if (error->code != IST_OK)
        ist_release_held(held);
    return error->code;
}

/* ---- the target -------------------------------------------------------------------------------- */

/* This rank's rows of what is to be explained: count x c. */
typedef struct {
    int64_t first, count, c;
    double *value;
} target_rows;

static void code_labels(const ist_dense_work *w, target_rows *y)
{
    bool signs = w->needs.dense.signs;
    for (int64_t i = 0; i < y->count; i++) {
        int32_t class = w->classes.class_of[y->first + i];
        if (signs)
            y->value[i] = class == 0 ? -1 : 1;
        else
            y->value[i * y->c + class] = 1;
    }
}

static ist_code read_layer_rows(ist_dense_work *w, size_t layer, double factor, target_rows *y,
                                ist_error *error)
{
    ist_session *s = w->s;
    ist_load_plain(s, w->task->source, layer, error);
    if (error->code == IST_OK && s->facts[layer].failure)
        ist_fail(error, IST_FAILED, "%s", s->facts[layer].failure);
    if (error->code != IST_OK)
        return error->code;
    const ist_rows *rows = &s->other.all;
    double *row = ist_alloc((size_t)rows->d, sizeof *row);
    for (int64_t i = 0; i < y->count; i++) {
        row_of(rows, i, row);
        for (int64_t f = 0; f < y->c; f++)
            y->value[i * y->c + f] += factor * row[f];
    }
    ist_free(row);
    return IST_OK;
}

static void centre(const ist_dense_work *w, target_rows *y)
{
    double *mean = ist_alloc((size_t)y->c, sizeof *mean);
    for (int64_t i = 0; i < y->count; i++)
        for (int64_t f = 0; f < y->c; f++)
            mean[f] += y->value[i * y->c + f] / (double)w->n;
    MPI_Allreduce(MPI_IN_PLACE, mean, ist_narrow(y->c), MPI_DOUBLE, MPI_SUM, w->s->comm->handle);
    for (int64_t i = 0; i < y->count; i++)
        for (int64_t f = 0; f < y->c; f++)
            y->value[i * y->c + f] -= mean[f];
    ist_free(mean);
}

static ist_code read_target(ist_dense_work *w, target_rows *y, ist_error *error)
{
    const ist_rows *rows = ist_dense_rows(w, 0);
    const ist_task *task = w->task;
    y->first = rows->home.first;
    y->count = rows->home.count;
    y->c = w->needs.dense.signs  ? 1
           : task->labels_target ? w->classes.class_count
                                 : w->s->known.plan->layers[task->target].shape.d;
    y->value = ist_alloc((size_t)ist_max(1, y->count * y->c), sizeof *y->value);
    if (task->labels_target)
        code_labels(w, y);
    else
        read_layer_rows(w, task->target, 1, y, error);
    if (error->code == IST_OK && w->needs.dense.centred)
        centre(w, y);
    if (error->code == IST_OK && task->extra[1] != SIZE_MAX)
        read_layer_rows(w, task->extra[1], -1, y, error);
    return error->code;
}

/* (n outputs) x (c / outputs): a sample's outputs are rows of their own where the kernel is that of all of them. */
static ist_code put_target(ist_dense_work *w, const target_rows *y, int64_t outputs,
                           ist_dense *right, ist_error *error)
{
    if (ist_dense_new(w->grid, w->n * outputs, y->c / outputs, right, error) != IST_OK)
        return error->code;
    ist_dense_put_rows(right, y->first * outputs, y->count * outputs, y->value);
    return IST_OK;
}

/* ---- leaving one out --------------------------------------------------------------------------- */

/* What is known of K^-1 = M: of each sample its block of M, of M^2 and of the tests' products, outputs x outputs each; and
 * alpha = M y. */
typedef struct {
    int64_t outputs, c;
    double *m, *square, *test, *alpha;
    int64_t tests;
} inverse_parts;

/* v = A^-1 b of a small symmetric positive definite A (size x size), by Cholesky in place; false: it is not. */
static bool solve_small(int64_t size, double *a, double *b)
{
    for (int64_t j = 0; j < size; j++) {
        for (int64_t k = 0; k < j; k++)
            a[j * size + j] -= a[j * size + k] * a[j * size + k];
        if (!(a[j * size + j] > 0))
            return false;
        a[j * size + j] = sqrt(a[j * size + j]);
        for (int64_t i = j + 1; i < size; i++) {
            for (int64_t k = 0; k < j; k++)
                a[i * size + j] -= a[i * size + k] * a[j * size + k];
            a[i * size + j] /= a[j * size + j];
        }
    }
    for (int64_t i = 0; i < size; i++) {
        for (int64_t k = 0; k < i; k++)
            b[i] -= a[i * size + k] * b[k];
        b[i] /= a[i * size + i];
    }
    for (int64_t i = size; i-- > 0;) {
        for (int64_t k = i + 1; k < size; k++)
            b[i] -= a[k * size + i] * b[k];
        b[i] /= a[i * size + i];
    }
    return true;
}

static double quadratic(int64_t size, const double *a, const double *v)
{
    double sum = 0;
    for (int64_t i = 0; i < size; i++)
        for (int64_t j = 0; j < size; j++)
            sum += v[i] * a[i * size + j] * v[j];
    return sum;
}

/* v = (M_II)^-1 alpha_I of sample i, for each of the c columns: the residual that its prediction without it has. */
static void residual_of(const inverse_parts *p, int64_t i, double *v)
{
    int64_t size = p->outputs;
    double *block = ist_alloc((size_t)(size * size), sizeof *block);
    double *right = ist_alloc((size_t)size, sizeof *right);
    for (int64_t f = 0; f < p->c; f++) {
        memcpy(block, p->m + i * size * size, (size_t)(size * size) * sizeof *block);
        for (int64_t o = 0; o < size; o++)
            right[o] = p->alpha[(i * size + o) * p->c + f];
        bool good = solve_small(size, block, right);
        for (int64_t o = 0; o < size; o++)
            v[f * size + o] = good ? right[o] : (double)NAN;
    }
    ist_free(block);
    ist_free(right);
}

/* What is not negative but for rounding. */
static double clipped(double x)
{
    return x < 0 ? 0 : x;
}

static void describe_sample(const inverse_parts *p, int64_t i, double ridge, const double *v,
                            double *weights, double *tests, double *residual, double *terms)
{
    int64_t size = p->outputs, block = i * size * size;
    for (int64_t f = 0; f < p->c; f++) {
        const double *one = v + f * size;
        double square = 0;
        for (int64_t o = 0; o < size; o++)
            square += one[o] * one[o];
        residual[i] += square;
        double all = quadratic(size, p->m + block, one);
        weights[i] += clipped(all - ridge * quadratic(size, p->square + block, one));
        *terms += all;
        if (tests)
            tests[i] += quadratic(size, p->test + block, one) / (double)p->tests;
    }
}

/* Labels: is the prediction without the sample, its target less the residual, of another class? */
static bool is_wrong(const ist_dense_work *w, int64_t i, int64_t c, const double *v)
{
    int32_t class = w->classes.class_of[i];
    if (w->needs.dense.signs)
        return ((class == 0 ? -1 : 1) - v[0] > 0) != (class == 1);
    int64_t best = 0;
    for (int64_t f = 1; f < c; f++)
        if ((f == class) - v[f] > (best == class) - v[best])
            best = f;
    return best != class;
}

/* ---- tests ------------------------------------------------------------------------------------- */

/* k(x, x_i) of all tests, whose rows every rank has, with this rank's rows. */
static double kernel_at(const ist_dense_work *w, const double *x, const double *y, int64_t d)
{
    double sum = 0;
    if (w->needs.dense.form == IST_KERNEL_LINEAR) {
        for (int64_t f = 0; f < d; f++)
            sum += x[f] * y[f];
        return sum;
    }
    for (int64_t f = 0; f < d; f++)
        sum += (x[f] - y[f]) * (x[f] - y[f]);
    return ist_exp(-sum * ist_gaussian_weight(w->found.width[0]));
}

/* Rows of the samples, columns of the tests. */
static void put_kernel_of_tests(ist_dense_work *w, ist_dense *cross)
{
    const ist_session *s = w->s;
    const ist_rows *tests = &s->other.all, *rows = ist_dense_rows(w, 0);
    int64_t m = tests->n, d = rows->d, count = rows->home.count;
    double *mine = ist_alloc((size_t)ist_max(1, tests->home.count * d), sizeof *mine);
    double *all = ist_alloc((size_t)(m * d), sizeof *all);
    double *row = ist_alloc((size_t)d, sizeof *row);
    double *values = ist_alloc((size_t)ist_max(1, count * m), sizeof *values);
    MPI_Datatype type = ist_bytes_type((size_t)d * sizeof *row);
    for (int64_t t = 0; t < tests->home.count; t++)
        row_of(tests, t, mine + t * d);
    ist_gather_rows(s->comm, tests, type, mine, all, true);
    MPI_Type_free(&type);
    for (int64_t i = 0; i < count; i++) {
        row_of(rows, i, row);
        for (int64_t t = 0; t < m; t++)
            values[i * m + t] = kernel_at(w, row, all + t * d, d);
    }
    ist_dense_put_rows(cross, rows->home.first, count, values);
    ist_free(mine);
    ist_free(all);
    ist_free(row);
    ist_free(values);
}

/* The Gram matrices, by sample, of the columns of K(tests, samples) M. */
static ist_code find_tests(ist_dense_work *w, inverse_parts *p, ist_error *error)
{
    ist_session *s = w->s;
    size_t layer = w->task->extra[0];
    bool dumped = w->needs.dense.form == IST_KERNEL_DUMPED;
    ist_load_plain(s, w->task->source, layer, error);
    if (error->code == IST_OK && s->facts[layer].failure)
        ist_fail(error, IST_FAILED, "%s", s->facts[layer].failure);
    if (error->code != IST_OK)
        return error->code;
    int64_t order = w->n * p->outputs, rows = s->other.all.n * p->outputs;
    ist_dense cross, change;
    if (ist_dense_new(w->grid, dumped ? rows : order, dumped ? order : rows, &cross, error) !=
        IST_OK)
        return error->code;
    if (dumped)
        put_layer(w, &cross, &s->other.all, p->outputs);
    else
        put_kernel_of_tests(w, &cross);
    if (ist_dense_new(w->grid, rows, order, &change, error) == IST_OK) {
        ist_dense_multiply(&cross, !dumped, &w->held->matrix, false, &change);
        ist_dense_column_grams(&change, p->outputs, p->test);
        ist_dense_release(&change);
    }
    ist_dense_release(&cross);
    p->tests = s->other.all.n;
    return error->code;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static void describe_all(ist_dense_work *w, const inverse_parts *p)
{
    double *weights = ist_dense_room_for(w, w->n), *residual = ist_dense_room_for(w, w->n);
    double *tests = p->test ? ist_dense_room_for(w, w->n) : NULL;
    int64_t each = p->c * p->outputs;
    double *v = ist_alloc((size_t)each, sizeof *v), terms = 0;
    for (int64_t i = 0; i < w->n; i++) {
        residual_of(p, i, v);
        describe_sample(p, i, w->needs.dense.ridge, v, weights, tests, residual, &terms);
        if (w->task->labels_target)
            w->found.wrong += is_wrong(w, i, each, v);
    }
    ist_free(v);
    double left = ist_sum_in_order(weights, w->n);
    w->found.cancelled = left > 0 ? terms / left : 1;
    w->found.weights = weights;
    w->found.residual = residual;
    w->found.tests = tests;
}

static ist_code leave_out(ist_dense_work *w, const ist_dense *right, int64_t outputs,
                          ist_error *error)
{
    ist_held_matrix *held = w->held;
    if (held->state == IST_HELD_FACTOR && ist_dense_invert(&held->matrix, error) != IST_OK) {
        ist_release_held(held);
        return error->code;
    }
    held->state = IST_HELD_INVERSE;
    int64_t blocks = w->n * outputs * outputs, order = right->rows;
    inverse_parts p = {.outputs = outputs, .c = right->columns};
    p.m = ist_dense_room_for(w, blocks);
    p.square = ist_dense_room_for(w, blocks);
    p.alpha = ist_dense_room_for(w, order * p.c);
    ist_dense_diagonal_blocks(&held->matrix, outputs, p.m);
    ist_dense_column_grams(&held->matrix, outputs, p.square);
    ist_dense alpha;
    if (ist_dense_new(w->grid, order, p.c, &alpha, error) != IST_OK)
        return error->code;
    ist_dense_multiply(&held->matrix, false, right, false, &alpha);
    ist_dense_gather(&alpha, p.alpha);
    w->found.complexity = ist_dense_dot(right, &alpha);
    ist_dense_release(&alpha);
    if (w->task->extra[0] != SIZE_MAX) {
        p.test = ist_dense_room_for(w, blocks);
        find_tests(w, &p, error);
    }
    if (error->code == IST_OK && w->s->comm->rank == 0)
        describe_all(w, &p);
    return error->code;
}

static ist_code find_complexity(ist_dense_work *w, ist_dense *right, ist_error *error)
{
    if (ist_dense_solve_lower(&w->held->matrix, right, error) == IST_OK)
        w->found.complexity = ist_dense_dot(right, right);
    return error->code;
}

ist_code ist_find_solutions(ist_dense_work *w, ist_error *error)
{
    int64_t outputs = ist_dense_outputs(w->s->known.plan, w->task, &w->needs.dense);
    target_rows y = {0};
    ist_dense right;
    if (hold_factor(w, outputs, error) != IST_OK || ist_stop_soon(w->s, error) != IST_OK)
        return error->code;
    if (read_target(w, &y, error) == IST_OK &&
        put_target(w, &y, outputs, &right, error) == IST_OK) {
        if (w->needs.dense.left_out)
            leave_out(w, &right, outputs, error);
        else
            find_complexity(w, &right, error);
        ist_dense_release(&right);
    }
    ist_free(y.value);
    w->found.outputs = y.c;
    w->found.whole = outputs > 1;
    w->found.kernel_trace = w->held->trace;
    w->found.condition = w->held->condition;
    w->found.ridge_wanted = w->held->ridge_wanted;
    w->found.asymmetry = w->held->asymmetry;
    return error->code;
}
