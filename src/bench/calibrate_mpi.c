/* The table of calibration.def: draws of pairs that share 1 nat, through the engine and the program's estimators. */
#include <inttypes.h>
#include <math.h>

#include "estimator.h"
#include "infostrata/rounds.h"
#include "infostrata/run.h"
#include "lines.h"

enum {
    KS = IST_CALIBRATED_NEIGHBOURS,
    ESTIMATORS = IST_CALIBRATED_ESTIMATORS,
    /* thresholds a row: of each k, for each kind of count */
    THRESHOLDS = IST_ESTIMATOR_COLUMNS * KS
};

typedef struct {
    const ist_comm *comm;
    const ist_calibrate_options *options;
    ist_text text; /* the file so far */
    int done, lines;
    double started, last_told; /* seconds */
} session;

/* ---- one draw -------------------------------------------------------------------------------- */

/* Two layers, and what is found among them, by this rank's rows. */
typedef struct {
    ist_rows layer[2];
    double factor[2];
    int64_t k; /* of the longest list */
    ist_nearest *nearest;
    int64_t *closer[2], *equal[2]; /* THRESHOLDS a row */
} draw;

static void make_layer(const ist_comm *comm, const ist_engine *engine,
                       const ist_calibration_pair *pair, int side, ist_rows *rows, double *factor)
{
    const int64_t start[2] = {0, pair->n};
    ist_blocks blocks = ist_blocks_new(start, 1);
    int64_t first, last, d = side == 0 ? pair->d_x : pair->d_y;
    ist_blocks_range(&blocks, comm->size, comm->rank, &first, &last);
    ist_blocks_release(&blocks);
    ist_matrix matrix = {.narrow = ist_calibration_rows(pair, side, first, last - first),
                         .count = last - first,
                         .d = d};
    if (factor)
        *factor = 1 / ist_mean_square(comm, &matrix, last - first, pair->n, d);
    ist_rows_natural(comm, IST_METRIC_EUCLIDEAN, pair->n, d, matrix.narrow, NULL, rows);
    ist_rows_cluster(comm, engine, rows);
}

/* Joint neighbours, and one more, as a run has them. */
static void find_neighbours(const ist_comm *comm, const ist_engine *engine, draw *d)
{
    ist_rows joint;
    ist_pass_stats stats = {0};
    ist_rows_joint(comm, &d->layer[0], d->factor[0], &d->layer[1], d->factor[1], &joint);
    d->nearest = ist_pass_nearest(comm, engine, &joint, ist_min(d->k + 1, joint.n - 1),
                                  (ist_tie_rule){0}, &stats);
    ist_rows_release(&joint);
}

/* The largest distance in a layer of the first so many neighbours, for all lengths up to k: k a row. */
static double *boxes(const ist_comm *comm, const ist_engine *engine, const draw *d, int side)
{
    int64_t count = d->nearest->count, k = d->k;
    int32_t *target = ist_alloc((size_t)(count * k), sizeof *target);
    double *box = ist_alloc((size_t)(count * k), sizeof *box);
    ist_pass_stats stats = {0};
    for (int64_t e = 0; e < count * k; e++)
        target[e] = d->nearest->neighbour[e / k * d->nearest->k + e % k];
    ist_turn_distances(comm, engine, &d->layer[side], k, target, box, &stats);
    for (int64_t e = 0; e < count * k; e++)
        if (e % k > 0)
            box[e] = fmax(box[e], box[e - 1]);
    ist_free(target);
    return box;
}

static void count_in(const ist_comm *comm, const ist_engine *engine, draw *d, int side)
{
    int64_t count = d->nearest->count;
    size_t entries = (size_t)(count * THRESHOLDS);
    double *threshold = ist_alloc(entries, sizeof *threshold);
    double *box = boxes(comm, engine, d, side);
    for (int64_t i = 0; i < count; i++)
        for (int at = 0; at < KS; at++) {
            int64_t k = ist_calibrated_neighbours[at];
            double eps = d->nearest->distance[i * d->nearest->k + k - 1];
            double *row = threshold + i * THRESHOLDS + at, factor = d->factor[side];
            row[IST_ESTIMATOR_NEARER * KS] = ist_scaled_threshold(eps, factor);
            row[IST_ESTIMATOR_BOX * KS] = box[i * d->k + k - 1];
            row[IST_ESTIMATOR_REACH * KS] = ist_scaled_threshold(nextafter(eps, INFINITY), factor);
        }
    ist_pass_stats stats = {0};
    d->closer[side] = ist_alloc(entries, sizeof *d->closer[side]);
    d->equal[side] = ist_alloc(entries, sizeof *d->equal[side]);
    ist_pass_counts_below(comm, engine, &d->layer[side], THRESHOLDS, threshold, d->closer[side],
                          d->equal[side], &stats);
    ist_free(box);
    ist_free(threshold);
}

static void make_draw(const session *s, const ist_calibration_pair *pair, draw *d)
{
    const ist_engine *engine = &s->options->engine;
    *d = (draw){.k = ist_calibrated_neighbours[KS - 1]};
    for (int side = 0; side < 2; side++)
        make_layer(s->comm, engine, pair, side, &d->layer[side], &d->factor[side]);
    find_neighbours(s->comm, engine, d);
    for (int side = 0; side < 2; side++)
        count_in(s->comm, engine, d, side);
}

static void draw_release(draw *d)
{
    for (int side = 0; side < 2; side++) {
        ist_rows_release(&d->layer[side]);
        ist_free(d->closer[side]);
        ist_free(d->equal[side]);
    }
    ist_nearest_free(&d->nearest);
}

/* ---- its estimates --------------------------------------------------------------------------- */

/* What an estimator is shown: arrays of one k out of those of all. */
typedef struct {
    ist_evidence evidence;
    double *distance;
    int32_t *reach;
    int64_t *counts[4];
} shown;

static int64_t *column(const int64_t *from, int at, int64_t count)
{
    int64_t *to = ist_alloc((size_t)count, sizeof *to);
    for (int64_t i = 0; i < count; i++)
        to[i] = from[i * THRESHOLDS + at];
    return to;
}

static shown show(const draw *d, int column_at, int64_t k)
{
    const ist_nearest *nearest = d->nearest;
    int64_t count = nearest->count, n = d->layer[0].n;
    shown s = {.distance = ist_alloc((size_t)(count * k), sizeof *s.distance),
               .reach = ist_alloc((size_t)(count * k), sizeof *s.reach)};
    for (int64_t i = 0; i < count; i++) {
        const double *list = nearest->distance + i * nearest->k;
        for (int64_t p = 0; p < k; p++) {
            int64_t end = p + 1;
            while (end < nearest->held[i] && list[end] == list[p])
                end++;
            s.distance[i * k + p] = list[p];
            s.reach[i * k + p] = (int32_t)end;
        }
    }
    s.evidence = (ist_evidence){
        .n = n, .count = count, .k = k, .distance = s.distance, .list_reach = s.reach};
    for (int side = 0; side < 2; side++) {
        s.evidence.closer[side] = s.counts[2 * side] = column(d->closer[side], column_at, count);
        s.evidence.equal[side] = s.counts[2 * side + 1] = column(d->equal[side], column_at, count);
    }
    return s;
}

static void shown_release(shown *s)
{
    ist_free(s->distance);
    ist_free(s->reach);
    for (int c = 0; c < 4; c++)
        ist_free(s->counts[c]);
}

/* On rank 0; elsewhere 0. */
static double estimate(const ist_comm *comm, const draw *d, ist_calibrated which, int at)
{
    ist_estimator estimator;
    ist_estimator_init(&estimator, which, ist_calibrated_neighbours[at]);
    shown evidence = show(d, ist_estimator_column(which) * KS + at, ist_calibrated_neighbours[at]);
    const ist_rows *rows = &d->layer[0];
    double *mine = ist_alloc((size_t)d->nearest->count, sizeof *mine);
    double *all = comm->rank == 0 ? ist_alloc((size_t)rows->n, sizeof *all) : NULL;
    ist_estimator_values(&estimator, &evidence.evidence, mine);
    ist_gather_rows(comm, rows, MPI_DOUBLE, mine, all, false);
    double value = comm->rank == 0 ? ist_estimator_result(&estimator, all, rows->n) : 0;
    shown_release(&evidence);
    ist_free(mine);
    ist_free(all);
    return value;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* One draw scatters by 0.05 nat at N = 512, less by the root of N: so many that their mean does by 0.006. */
static int64_t draws_of(int64_t n)
{
    enum { ROWS = 1 << 15 };
    return ist_max(1, ROWS / n);
}

static long long thousandths(double sum, int64_t draws)
{
    return llround(1000 * sum / (double)draws);
}

static void information_line(session *s, const ist_calibrate_line *line)
{
    double sum[ESTIMATORS][KS] = {{0}};
    int64_t draws = draws_of(line->n);
    for (int64_t i = 0; i < draws; i++) {
        draw d;
        make_draw(s, &(ist_calibration_pair){line->n, line->d_x, line->d_y, i}, &d);
        for (int e = 0; e < ESTIMATORS; e++)
            for (int at = 0; at < KS; at++)
                sum[e][at] += estimate(s->comm, &d, (ist_calibrated)e, at);
        draw_release(&d);
    }
    ist_text_add(&s->text, "INFORMATION(%" PRId64 ", %" PRId64 ", %" PRId64, line->n, line->d_x,
                 line->d_y);
    for (int e = 0; e < ESTIMATORS; e++)
        for (int at = 0; at < KS; at++)
            ist_text_add(&s->text, ",%s %lld", at ? "" : " ", thousandths(sum[e][at], draws));
    ist_text_add(&s->text, ")\n");
}

static void dimension_line(session *s, const ist_calibrate_line *line)
{
    double sum = 0;
    int64_t draws = draws_of(line->n);
    for (int64_t i = 0; i < draws; i++) {
        ist_rows rows;
        make_layer(s->comm, &s->options->engine, &(ist_calibration_pair){line->n, line->d_x, 0, i},
                   0, &rows, NULL);
        sum += ist_two_nn_dimension(s->comm, &s->options->engine, &rows);
        ist_rows_release(&rows);
    }
    ist_text_add(&s->text, "DIMENSION(%" PRId64 ", %" PRId64 ", %lld)\n", line->n, line->d_x,
                 thousandths(sum, draws));
}

/* ---- the table ------------------------------------------------------------------------------- */

static const char head[] =
    "/* What the estimators find of 1 nat between two normal layers, and the two-NN dimensions "
    "found of normal\n"
    " * layers: docs/design.md, Calibration. In thousandths; means of draws.\n"
    " * Made by `infostrata bench --calibrate`.\n"
    " *\n"
    " *   INFORMATION(N, d_x, d_y, mi-ksg type 1 with k = 1, 3, 10, 30, 100, type 2, mi-mixed form "
    "paper)\n"
    " *   DIMENSION(rows, d, found)\n"
    " */\n";

/* What came since the last call: to the terminal as it comes, to a file as a whole. */
static ist_code put(session *s, size_t from, ist_error *error)
{
    const char *file = s->options->file;
    if (s->comm->rank == 0 && file)
        ist_write_file(file, s->text.data, s->text.length, error);
    else if (s->comm->rank == 0 &&
             (fputs(s->text.data + from, stdout) == EOF || fflush(stdout) == EOF))
        ist_fail(error, IST_BROKEN, "cannot write to standard output");
    return ist_agree(s->comm, error);
}

static void progress(session *s, const ist_calibrate_line *line)
{
    enum { SECONDS = 5 };
    double now = ist_seconds();
    s->done++;
    if (s->comm->rank > 0 || (s->done < s->lines && now - s->last_told < SECONDS))
        return;
    s->last_told = now;
    fprintf(stderr, "calibrate: %d of %d lines, %.0f s (%s of N = %" PRId64 ")\n", s->done,
            s->lines, now - s->started, line->d_y ? "information" : "dimension", line->n);
}

ist_code ist_calibrate(const ist_comm *comm, const ist_calibrate_options *options)
{
    ist_error error = {0};
    session s = {.comm = comm, .options = options, .started = ist_seconds()};
    s.last_told = s.started;
    s.lines = ist_calibrate_lines(options, NULL);
    ist_calibrate_line *lines = ist_alloc((size_t)s.lines, sizeof *lines);
    ist_calibrate_lines(options, lines);
    ist_text_add(&s.text, "%s", head);
    put(&s, 0, &error);
    for (int l = 0; l < s.lines && error.code == IST_OK; l++) {
        size_t from = s.text.length;
        if (lines[l].d_y)
            information_line(&s, &lines[l]);
        else
            dimension_line(&s, &lines[l]);
        if (put(&s, from, &error) == IST_OK)
            progress(&s, &lines[l]);
    }
    if (error.code != IST_OK && comm->rank == 0)
        fprintf(stderr, "infostrata: error: %s\n", error.text);
    ist_free(lines);
    ist_text_release(&s.text);
    return error.code;
}
