/* Passes that are left and taken up: whenever that happens, and however many ranks go on, the same integers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "infostrata/anchors.h"
#include "rows.h"

/* ---- a keeper in memory: every rank has everything ------------------------------------------- */

typedef struct {
    ist_kept kept;
    char *bytes, *progress;
} image;

enum { MOST_IMAGES = 400, ENOUGH = 4 };
typedef struct {
    const ist_comm *comm; /* of the pass at work */
    image images[MOST_IMAGES];
    int count;
    int served; /* images [0, served) are offered, the last one first */
    int taken, rejected;
    double share;
    int64_t damaged; /* in the newest image: this superblock; -1: none */
    bool whole;      /* only complete images are offered */
    double *seconds; /* where not NULL: those of the keeper, which has enough after some images */
} memory;

static bool has_any(void *data)
{
    return ((memory *)data)->served > 0;
}

static const ist_kept *find(void *data, ist_hash identity, int64_t width, bool wider)
{
    const memory *m = data;
    for (int i = m->served - 1; i >= 0; i--) {
        const ist_kept *kept = &m->images[i].kept;
        if (ist_hash_compare(kept->identity, identity) == 0 && (kept->complete || !m->whole) &&
            (wider ? kept->width >= width : kept->width == width))
            return kept;
    }
    return NULL;
}

static const image *image_of(const memory *m, const ist_kept *kept)
{
    int i = 0;
    while (&m->images[i].kept != kept)
        i++;
    return &m->images[i];
}

static bool read_block(void *data, const ist_kept *kept, const ist_blocks *blocks, int64_t block,
                       void *bytes)
{
    const memory *m = data;
    const image *from = image_of(m, kept);
    int64_t rows = blocks->start[block + 1] - blocks->start[block];
    memcpy(bytes, from->bytes + blocks->start[block] * kept->row_bytes,
           (size_t)(rows * kept->row_bytes));
    return block != m->damaged || from != &m->images[m->served - 1];
}

static void reject(void *data, const ist_kept *kept, const char *why)
{
    memory *m = data;
    (void)kept, (void)why;
    m->rejected++;
    m->served--;
    m->damaged = -1;
}

static void take_up(void *data, const ist_kept *kept, double share)
{
    memory *m = data;
    (void)kept;
    m->taken++;
    m->share = share;
}

static bool save(void *data, const ist_kept *kept, const ist_blocks *blocks, ist_pack_block *pack,
                 const void *source)
{
    memory *m = data;
    int ranks = m->comm->size;
    if (m->count == MOST_IMAGES)
        return false;
    if (m->seconds && m->count >= ENOUGH)
        *m->seconds = 1e9;
    image *to = &m->images[m->count++];
    *to = (image){.kept = *kept};
    to->bytes = ist_alloc((size_t)kept->rows, (size_t)kept->row_bytes);
    to->progress = ist_alloc(kept->progress_bytes + 1, 1);
    if (kept->progress_bytes > 0)
        memcpy(to->progress, kept->progress, kept->progress_bytes);
    to->kept.progress = to->progress;
    int *count = ist_alloc((size_t)ranks, sizeof *count),
        *start = ist_alloc((size_t)ranks, sizeof *start);
    for (int r = 0; r < ranks; r++) {
        int64_t first, last;
        ist_blocks_range(blocks, ranks, r, &first, &last);
        start[r] = (int)first;
        count[r] = (int)(last - first);
    }
    for (int64_t b = ist_share(blocks->count, ranks, m->comm->rank);
         b < ist_share(blocks->count, ranks, m->comm->rank + 1); b++)
        pack(source, b, to->bytes + blocks->start[b] * kept->row_bytes);
    MPI_Datatype row = ist_bytes_type((size_t)kept->row_bytes);
    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, to->bytes, count, start, row,
                   m->comm->handle);
    MPI_Type_free(&row);
    ist_free(count);
    ist_free(start);
    return true;
}

static void memory_release(memory *m)
{
    for (int i = 0; i < m->count; i++) {
        ist_free(m->images[i].bytes);
        ist_free(m->images[i].progress);
    }
    ist_free(m);
}

static ist_keeper keeper_of(memory *m, double seconds)
{
    return (ist_keeper){.data = m,
                        .seconds = seconds,
                        .has_any = has_any,
                        .find = find,
                        .read = read_block,
                        .reject = reject,
                        .take_up = take_up,
                        .save = save};
}

/* ---- cases ------------------------------------------------------------------------------------ */

typedef enum { LISTS, RANKS, BELOW, LISTS_OF_ANCHORS, RANKS_OF_ANCHORS } what_kind;

typedef struct {
    const char *name;
    what_kind what;
    int64_t n, d, k; /* k thresholds of RANKS and BELOW */
    bool wide, parts, joint;
    ist_skipping skipping;
    ist_tie_rule ties;
} keep_case;

static const keep_case cases[] = {
    {"lists", LISTS, 700, 5, 6, false, false, false, IST_SKIP_NEVER, {false, 3}},
    {"lists of parts", LISTS, 3000, 3, 4, true, true, false, IST_SKIP_NEVER, {true, 0}},
    {"lists in a twin", LISTS, 1500, 2, 5, false, false, false, IST_SKIP_ALWAYS, {false, 1}},
    {"joint lists", LISTS, 600, 3, 3, false, false, true, IST_SKIP_NEVER, {false, 0}},
    {"few ranks", RANKS, 600, 4, 3, false, false, false, IST_SKIP_NEVER, {false, 0}},
    {"many ranks by index", RANKS, 500, 4, 12, true, false, false, IST_SKIP_NEVER, {true, 0}},
    {"ranks in a twin of parts",
     RANKS,
     3000,
     2,
     10,
     false,
     true,
     false,
     IST_SKIP_ALWAYS,
     {false, 0}},
    {"given thresholds", BELOW, 500, 3, 2, false, false, false, IST_SKIP_NEVER, {false, 0}},
    {"lists of anchors",
     LISTS_OF_ANCHORS,
     900,
     3,
     4,
     false,
     false,
     false,
     IST_SKIP_ALWAYS,
     {true, 0}},
    {"ranks of anchors",
     RANKS_OF_ANCHORS,
     900,
     2,
     9,
     true,
     false,
     false,
     IST_SKIP_NEVER,
     {false, 0}},
};

static double value_of(const keep_case *c, int layer, int64_t row, int64_t column)
{
    uint64_t item = ((uint64_t)layer << 40) + (uint64_t)(row * c->d + column);
    double fine = (double)(ist_random_word(5, IST_RANDOM_PARTS, item) >> 11) * 0x1p-53;
    /* Clusters, and some rows that are there twice. */
    double coarse =
        (double)(ist_random_word((uint64_t)(row % 7), IST_RANDOM_NULL, (uint64_t)column) % 50);
    return (double)(float)(row % 41 == 0 ? coarse : coarse + fine);
}

/* The rows of a case on some ranks. */
typedef struct {
    ist_rows rows, parts, other, joint;
    int64_t *order, *start;
    ist_rows *asked; /* the set that passes are about */
} sets;

static void make_rows(const ist_comm *comm, const ist_engine *engine, const keep_case *c, sets *s)
{
    double *values = ist_alloc((size_t)(c->n * c->d), sizeof *values);
    *s = (sets){0};
    for (int layer = 0; layer <= c->joint; layer++) {
        for (int64_t e = 0; e < c->n * c->d; e++)
            values[e] = value_of(c, layer, e / c->d, e % c->d);
        rows_distributed(comm, IST_METRIC_EUCLIDEAN, values, c->n, c->d, c->wide,
                         layer ? &s->other : &s->rows);
    }
    ist_free(values);
    s->asked = &s->rows;
    if (c->parts) {
        s->order = ist_alloc((size_t)c->n, sizeof *s->order);
        s->start = ist_alloc(IST_PARTS + 1, sizeof *s->start);
        ist_random_parts(c->n, IST_PARTS, s->order, s->start);
        ist_rows_by_part(comm, &s->rows, IST_PARTS, s->order, s->start, &s->parts);
        s->asked = &s->parts;
    }
    if (c->joint) {
        ist_rows_joint(comm, &s->rows, 1, &s->other, 0.75, &s->joint);
        s->asked = &s->joint;
    } else {
        ist_rows_cluster(comm, engine, s->asked);
    }
}

static void sets_release(const keep_case *c, sets *s)
{
    if (c->joint) {
        ist_rows_release(&s->joint);
        ist_rows_release(&s->other);
    }
    if (c->parts)
        ist_rows_release(&s->parts);
    ist_rows_release(&s->rows);
    ist_free(s->order);
    ist_free(s->start);
}

/* Of anchors: those of the list, in their order; zeros behind them. */
static void ask_anchors(const ist_comm *comm, const ist_engine *engine, const keep_case *c,
                        const ist_rows *rows, int64_t *found, ist_pass_stats *stats)
{
    enum { ANCHORS = 650 };
    int64_t k = c->k;
    ist_anchors anchors = ist_anchors_new(comm, rows->n, ANCHORS, 6);
    int64_t *mine = found + anchors.first * k;
    if (c->what == LISTS_OF_ANCHORS) {
        ist_nearest *nearest = ist_anchors_nearest(comm, engine, rows, &anchors, k, c->ties, stats);
        for (int64_t e = 0; e < anchors.own * k; e++)
            mine[e] = nearest->neighbour[e];
        ist_nearest_free(&nearest);
    } else {
        int32_t *target = ist_alloc((size_t)(anchors.own * k), sizeof *target);
        for (int64_t e = 0; e < anchors.own * k; e++) {
            int64_t item = anchors.first * k + e;
            target[e] = (int32_t)((anchors.row[item / k] + 1 + item * 29 % 500) % rows->n);
        }
        ist_anchors_ranks(comm, engine, rows, &anchors, c->ties.by_index, k, target, 5, mine,
                          stats);
        ist_free(target);
    }
    const ist_rows list = {.n = ANCHORS, .blocks = anchors.blocks};
    MPI_Datatype type = ist_bytes_type((size_t)k * sizeof *found);
    ist_gather_rows(comm, &list, type, NULL, found, true);
    MPI_Type_free(&type);
    ist_anchors_release(&anchors);
}

/* What the case asks, as k numbers of each row on every rank. */
static int64_t *ask(const ist_comm *comm, const ist_engine *engine, const keep_case *c,
                    const ist_rows *rows, ist_pass_stats *stats)
{
    int64_t k = c->k, count = rows->home.count, first = rows->home.first;
    int64_t *found = ist_alloc((size_t)(rows->n * k), sizeof *found);
    int64_t *mine = found + first * k;
    if (c->what == LISTS_OF_ANCHORS || c->what == RANKS_OF_ANCHORS) {
        ask_anchors(comm, engine, c, rows, found, stats);
        return found;
    }
    if (c->what == LISTS) {
        ist_nearest *nearest = ist_pass_nearest(comm, engine, rows, k, c->ties, stats);
        for (int64_t e = 0; e < count * k; e++)
            mine[e] = e % k < nearest->held[e / k] ? nearest->neighbour[e] : -1;
        ist_nearest_free(&nearest);
    } else if (c->what == RANKS) {
        int32_t *target = ist_alloc((size_t)(count * k), sizeof *target);
        int64_t segment = c->parts ? rows->n / IST_PARTS : rows->n;
        for (int64_t e = 0; e < count * k; e++) {
            int64_t block = ist_blocks_find(&rows->blocks, first + e / k);
            int64_t start = rows->blocks.start[block], end = rows->blocks.start[block + 1];
            int64_t at = start + ((first * k + e) * 29) % ist_min(segment, end - start);
            target[e] = (int32_t)(at == first + e / k ? (at == start ? at + 1 : start) : at);
        }
        ist_thresholds thresholds = {.stride = k, .target = target};
        ist_pass_counts(comm, engine, rows, c->ties.by_index, &thresholds, k, mine, NULL, stats);
        ist_free(target);
    } else {
        double *threshold = ist_alloc((size_t)(count * k), sizeof *threshold);
        for (int64_t e = 0; e < count * k; e++) {
            int64_t slot = 1 + e % k, row = first + e / k;
            threshold[e] = 0.1 * (double)slot + 0.001 * (double)row;
        }
        ist_pass_counts_below(comm, engine, rows, k, threshold, mine, NULL, stats);
        ist_free(threshold);
    }
    MPI_Datatype type = ist_bytes_type((size_t)k * sizeof *found);
    ist_gather_rows(comm, rows, type, NULL, found, true);
    MPI_Type_free(&type);
    return found;
}

static ist_engine engine_of(const ist_keeper *keeper, const keep_case *c, int which)
{
    return (ist_engine){.kernel = ist_kernel_choose(which % 2 ? "avx2" : NULL),
                        .chunk_bytes = 1 << 20,
                        .chunk_rows = which % 3 ? 96 : 300,
                        .skipping = c->skipping,
                        .keeper = keeper};
}

/* The first `ranks` ranks ask, with one of the images on offer: is it right, and is what was kept not done again? */
static bool goes_on(const ist_comm *all, int ranks, const keep_case *c, memory *m, int which,
                    const int64_t *expected, double pairs)
{
    MPI_Comm some;
    MPI_Comm_split(all->handle, all->rank < ranks ? 0 : MPI_UNDEFINED, all->rank, &some);
    if (some == MPI_COMM_NULL)
        return true;
    ist_comm comm = ist_comm_new(some);
    ist_keeper keeper = keeper_of(m, 1e9);
    ist_engine engine = engine_of(&keeper, c, which);
    ist_pass_stats stats = {0};
    sets s;
    m->comm = &comm;
    m->taken = 0;
    make_rows(&comm, &engine, c, &s);
    int64_t *found = ask(&comm, &engine, c, s.asked, &stats);
    bool right = memcmp(found, expected, (size_t)(c->n * c->k) * sizeof *found) == 0;
    double computed = (double)ist_sum_one(&comm, (int64_t)stats.pairs);
    right = right && m->taken == 1 && (m->share == 1 ? computed == 0 : computed < pairs);
    ist_free(found);
    sets_release(c, &s);
    ist_comm_release(&comm);
    MPI_Comm_free(&some);
    return right;
}

/* The pass in as many rounds as there are places to leave it. */
static int64_t *in_rounds(const ist_comm *comm, const keep_case *c, memory *m,
                          ist_pass_stats *stats)
{
    ist_keeper keeper = keeper_of(m, 0);
    ist_engine engine = engine_of(&keeper, c, 0);
    sets s;
    m->comm = comm;
    m->damaged = -1;
    make_rows(comm, &engine, c, &s);
    int64_t *found = ask(comm, &engine, c, s.asked, stats);
    sets_release(c, &s);
    return found;
}

static int64_t *in_one_go(const ist_comm *comm, const keep_case *c, ist_pass_stats *stats)
{
    ist_engine engine = engine_of(NULL, c, 0);
    sets s;
    make_rows(comm, &engine, c, &s);
    int64_t *found = ask(comm, &engine, c, s.asked, stats);
    sets_release(c, &s);
    return found;
}

RANK_CHECK(passes_left_and_taken_up)
{
    ist_comm mine = ist_comm_new(comm);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const keep_case *c = &cases[i];
        memory *m = ist_alloc(1, sizeof *m);
        ist_pass_stats stats = {0}, again = {0};
        int64_t *expected = in_one_go(&mine, c, &stats);
        int64_t *found = in_rounds(&mine, c, m, &again);
        double pairs = (double)ist_sum_one(&mine, (int64_t)stats.pairs);
        double sum = (double)ist_sum_one(&mine, (int64_t)again.pairs);
        bool right = memcmp(found, expected, (size_t)(c->n * c->k) * sizeof *found) == 0;
        CHECK_ALL_TELL(comm, right, "%s: other integers in %d rounds", c->name, m->count);
        CHECK_ALL_TELL(comm, fabs(pairs - sum) <= m->count + 2, "%s: %g pairs, not %g", c->name,
                       sum, pairs);
        int least =
            c->skipping == IST_SKIP_ALWAYS ? 2 : 3; /* a twin of this size is judged in one block */
        CHECK_ALL_TELL(comm, m->count >= least && m->images[m->count - 1].kept.complete,
                       "%s: only %d rounds", c->name, m->count);
        int rounds = m->count; /* who goes on keeps the whole pass, too */
        for (int ranks = 1; ranks <= mine.size; ranks++)
            for (int part = 0; part <= 3; part++) {
                m->served = 1 + (rounds - 1) * part / 3;
                bool well = goes_on(&mine, ranks, c, m, ranks + part, expected, pairs);
                CHECK_ALL_TELL(comm, well, "%s: from image %d of %d on %d ranks", c->name,
                               m->served, rounds, ranks);
            }
        ist_free(expected);
        ist_free(found);
        memory_release(m);
    }
    ist_comm_release(&mine);
}

/* Superblocks of ten tiles, some of them begun, in a twin whose near tiles come first. */
RANK_CHECK(large_superblocks_left_and_taken_up)
{
    const keep_case c = {"large", LISTS, 60100,           1,         3, false,
                         false,   false, IST_SKIP_ALWAYS, {false, 0}};
    ist_comm mine = ist_comm_new(comm);
    memory *m = ist_alloc(1, sizeof *m);
    ist_pass_stats stats = {0}, again = {0};
    int64_t *expected = in_one_go(&mine, &c, &stats);
    m->comm = &mine;
    m->damaged = -1;
    ist_keeper keeper = keeper_of(m, 0.02);
    m->seconds = &keeper.seconds;
    ist_engine engine = engine_of(&keeper, &c, 0);
    sets s;
    make_rows(&mine, &engine, &c, &s);
    int64_t *found = ask(&mine, &engine, &c, s.asked, &again);
    sets_release(&c, &s);
    bool right = memcmp(found, expected, (size_t)(c.n * c.k) * sizeof *found) == 0;
    CHECK_ALL_TELL(comm, right, "other integers in %d rounds", m->count);
    CHECK_ALL_TELL(comm, m->count > 1, "only %d rounds", m->count);
    /* More than the bits of finished pairs of 63 superblocks: near tiles are done before their pairs. */
    CHECK_ALL(comm, m->images[0].kept.progress_bytes > 63 * 64 / 2 / 8 + 8);
    double pairs = (double)ist_sum_one(&mine, (int64_t)stats.pairs);
    m->served = m->count / 2 > 0 ? m->count / 2 : 1;
    CHECK_ALL(comm, goes_on(&mine, (mine.size + 1) / 2, &c, m, 0, expected, pairs));
    ist_free(expected);
    ist_free(found);
    memory_release(m);
    ist_comm_release(&mine);
}

/* Nothing is taken for what it is not. */
RANK_CHECK(foreign_passes_are_not_taken_up)
{
    ist_comm mine = ist_comm_new(comm);
    const keep_case lists = cases[0], below = cases[7], anchors = cases[8], ranked = cases[9];
    const keep_case own[] = {lists, lists, lists, below, below, anchors, anchors, ranked, ranked};
    enum { CASES = sizeof own / sizeof *own };
    keep_case others[CASES];
    memcpy(others, own, sizeof own);
    others[5].ties.by_index = false;
    others[6].k++;
    others[7].ties.by_index = true;
    others[8].what = LISTS_OF_ANCHORS;
    others[0].ties.seed++;
    others[1].ties.by_index = true;
    others[2].n--;
    others[3].k++;
    others[4].wide = true;
    for (int i = 0; i < CASES; i++) {
        memory *m = ist_alloc(1, sizeof *m);
        ist_pass_stats stats = {0};
        int64_t *found = in_rounds(&mine, &own[i], m, &stats),
                *expected = in_one_go(&mine, &others[i], &stats);
        ist_free(found);
        m->served = m->count;
        found = in_rounds(&mine, &others[i], m, &stats);
        CHECK_ALL_TELL(comm, m->taken == 0 && m->rejected == 0, "case %d was taken up", i);
        CHECK_ALL_TELL(
            comm, memcmp(found, expected, (size_t)(others[i].n * others[i].k) * sizeof *found) == 0,
            "case %d: other integers", i);
        ist_free(found);
        ist_free(expected);
        memory_release(m);
    }
    ist_comm_release(&mine);
}

/* One value more or less: other rows; the same rows of another layer: another pass. */
RANK_CHECK(changed_rows_are_other_rows)
{
    ist_comm mine = ist_comm_new(comm);
    const keep_case *c = &cases[0];
    memory *m = ist_alloc(1, sizeof *m);
    ist_pass_stats stats = {0};
    int64_t *found = in_rounds(&mine, c, m, &stats);
    m->served = m->count;
    ist_keeper keeper = keeper_of(m, 1e9);
    ist_engine engine = engine_of(&keeper, c, 0);
    enum { SAME, OTHER_VALUE, OTHER_LAYER, CASES };
    for (int changed = 0; changed < CASES; changed++) {
        sets s;
        keeper.place.low = changed == OTHER_LAYER;
        make_rows(&mine, &engine, c, &s);
        int64_t at = 333 - s.rows.home.first;
        if (changed == OTHER_VALUE && at >= 0 && at < s.rows.home.count)
            s.rows.home.narrow[at * c->d] += 1;
        int64_t *again = ask(&mine, &engine, c, s.asked, &stats);
        CHECK_ALL(comm, m->taken == 1);
        ist_free(again);
        sets_release(c, &s);
    }
    ist_free(found);
    memory_release(m);
    ist_comm_release(&mine);
}

/* A damaged superblock on one rank: all go back to the checkpoint before. */
static void check_damaged(MPI_Comm comm, const keep_case *c)
{
    ist_comm mine = ist_comm_new(comm);
    memory *m = ist_alloc(1, sizeof *m);
    ist_pass_stats stats = {0};
    int64_t *expected = in_rounds(&mine, c, m, &stats);
    int partial = m->count - 1;
    m->served = partial;
    m->damaged = 3;
    CHECK_ALL(comm, goes_on(&mine, mine.size, c, m, 0, expected, 1e18));
    CHECK_ALL(comm, m->rejected == 1 && m->served == partial - 1 && m->share < 1);
    /* What it says of finished pairs makes no sense. */
    m->served = partial;
    m->images[partial - 1].kept.progress_bytes--;
    CHECK_ALL(comm, goes_on(&mine, mine.size, c, m, 0, expected, 1e18));
    CHECK_ALL(comm, m->rejected == 2);
    ist_free(expected);
    memory_release(m);
    ist_comm_release(&mine);
}

RANK_CHECK(damaged_passes_are_rejected)
{
    check_damaged(comm, &cases[0]);
    check_damaged(comm, &cases[8]);
}

/* Lists that are kept are as good as shorter ones, not as longer ones. */
RANK_CHECK(longer_lists_serve_shorter_ones)
{
    ist_comm mine = ist_comm_new(comm);
    for (int i = 0; i < 3; i++) {
        const keep_case *c = &cases[i];
        keep_case less = *c, more = *c;
        memory *m = ist_alloc(1, sizeof *m);
        ist_pass_stats stats = {0};
        less.k--;
        more.k++;
        int64_t *found = in_rounds(&mine, c, m, &stats);
        int64_t *shorter = in_one_go(&mine, &less, &stats),
                *longer = in_one_go(&mine, &more, &stats);
        int rounds = m->count;
        for (int part = 1; part <= 2; part++) {
            m->served = part * rounds / 2;
            CHECK_ALL(comm, goes_on(&mine, mine.size, &less, m, part, shorter, 1e18));
        }
        ist_free(found);
        m->taken = 0;
        found = in_rounds(&mine, &more, m, &stats);
        CHECK_ALL(comm, m->taken == 0);
        CHECK_ALL(comm, memcmp(found, longer, (size_t)(more.n * more.k) * sizeof *found) == 0);
        ist_free(found);
        ist_free(shorter);
        ist_free(longer);
        memory_release(m);
    }
    ist_comm_release(&mine);
}

/* ---- passes that go together ------------------------------------------------------------------ */

enum { TOGETHER = 3 };

/* Joint sets of three layers with a fourth one; each pass has a place of its own. */
typedef struct {
    ist_rows first[TOGETHER], second, joint[TOGETHER];
} company;

static const keep_case of_company = {"together", LISTS,          600,       5, 3, false, false,
                                     true,       IST_SKIP_NEVER, {false, 0}};

static void company_new(const ist_comm *comm, company *all)
{
    const keep_case *c = &of_company;
    double *values = ist_alloc((size_t)(c->n * c->d), sizeof *values);
    for (int layer = 0; layer <= TOGETHER; layer++) {
        for (int64_t e = 0; e < c->n * c->d; e++)
            values[e] = value_of(c, layer, e / c->d, e % c->d);
        rows_distributed(comm, IST_METRIC_EUCLIDEAN, values, c->n, c->d, false,
                         layer < TOGETHER ? &all->first[layer] : &all->second);
    }
    ist_free(values);
    for (int layer = 0; layer < TOGETHER; layer++)
        ist_rows_joint(comm, &all->first[layer], 1, &all->second, 0.5, &all->joint[layer]);
}

static void company_release(company *all)
{
    for (int layer = 0; layer < TOGETHER; layer++) {
        ist_rows_release(&all->joint[layer]);
        ist_rows_release(&all->first[layer]);
    }
    ist_rows_release(&all->second);
}

/* The lists of layers [from, to), together, on every rank: TOGETHER x n x k. */
static int64_t *ask_company(const ist_comm *comm, const ist_keeper *keeper, int from, int to,
                            ist_pass_stats *stats)
{
    const keep_case *c = &of_company;
    ist_engine engine = engine_of(keeper, c, 0);
    ist_nearest_question ask[TOGETHER];
    company all;
    company_new(comm, &all);
    int64_t block = c->n * c->k, *found = ist_alloc((size_t)(TOGETHER * block), sizeof *found);
    for (int layer = from; layer < to; layer++)
        ask[layer] = (ist_nearest_question){
            .rows = &all.joint[layer], .k = c->k, .place = {.low = 100 + (uint64_t)layer}};
    ist_pass_nearest_together(comm, &engine, ask + from, to - from, c->ties, stats);
    MPI_Datatype type = ist_bytes_type((size_t)c->k * sizeof *found);
    for (int layer = from; layer < to; layer++) {
        int64_t *mine = found + layer * block + all.second.home.first * c->k;
        for (int64_t e = 0; e < all.second.home.count * c->k; e++)
            mine[e] = ask[layer].nearest->neighbour[e];
        ist_gather_rows(comm, &all.second, type, NULL, found + layer * block, true);
        ist_nearest_free(&ask[layer].nearest);
    }
    MPI_Type_free(&type);
    company_release(&all);
    return found;
}

/* Each is kept by itself: where some were left farther than others, or one is asked for alone, it goes on from its own; whole ones are
 * not done again. */
RANK_CHECK(passes_that_go_together_left_and_taken_up)
{
    ist_comm mine = ist_comm_new(comm);
    const keep_case *c = &of_company;
    size_t block = (size_t)(c->n * c->k) * sizeof(int64_t);
    memory *m = ist_alloc(1, sizeof *m);
    m->comm = &mine;
    m->damaged = -1;
    ist_keeper often = keeper_of(m, 0), never = keeper_of(m, 1e9);
    ist_pass_stats stats = {0}, again = {0};
    int64_t *expected = ask_company(&mine, NULL, 0, TOGETHER, &stats);
    int64_t *found = ask_company(&mine, &often, 0, TOGETHER, &again);
    CHECK_ALL(comm, memcmp(found, expected, TOGETHER * block) == 0);
    ist_free(found);
    int rounds = m->count;
    CHECK_ALL_TELL(comm, rounds >= 3 * TOGETHER && rounds < MOST_IMAGES, "%d images", rounds);
    double pairs = (double)ist_sum_one(&mine, (int64_t)stats.pairs);
    for (int part = 0; part < 5; part++) {
        /* The last but one: one of them is whole; the last: all are. */
        m->served = part < 3 ? rounds / 2 + part : part == 3 ? rounds - TOGETHER + 1 : rounds;
        for (int alone = 0; alone < 2; alone++) {
            ist_pass_stats more = {0};
            int from = alone ? 1 : 0, to = alone ? 2 : TOGETHER;
            m->taken = 0;
            found = ask_company(&mine, &never, from, to, &more);
            size_t at = (size_t)from * (size_t)(c->n * c->k);
            bool right = memcmp(found + at, expected + at, (size_t)(to - from) * block) == 0;
            double computed = (double)ist_sum_one(&mine, (int64_t)more.pairs);
            double all = pairs * (to - from) / TOGETHER;
            CHECK_ALL_TELL(comm, right && m->taken == to - from, "part %d: %d taken up", part,
                           m->taken);
            CHECK_ALL_TELL(comm, part == 4 ? computed == 0 : computed < 0.9 * all,
                           "part %d: %g of %g pairs", part, computed, all);
            ist_free(found);
        }
    }
    ist_free(expected);
    memory_release(m);
    ist_comm_release(&mine);
}
