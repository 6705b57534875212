/* pairs: the all-pairs engine. Every unordered pair of a layer's samples is visited once, tile by
 * tile; consumers (k nearest, counts below thresholds) keep integers per row; nothing N x N is
 * stored.
 *
 * This header is the local half: plain arrays, no MPI; ring.h moves the chunks between ranks.
 *
 * The distance of two rows is *defined* in float64 on the stored values, features in order, from s = 0,
 * with t = x - y and each operation rounded (no fused multiply-add):
 *   euclidean  s = s + t * t   (the square, no root is taken)
 *   manhattan  s = s + |t|
 *   chebyshev  s = the larger of s and |t|
 *   joint      the larger of x_factor d(x) and y_factor d(y), rounded products, of two such distances
 * float32 tiles are a filter in front of it (docs/numerics.md): what they leave open is decided in float64, so
 * that all integers equal those of the float64 reference, for every kernel.
 */
#ifndef INFOSTRATA_PAIRS_H
#define INFOSTRATA_PAIRS_H

#include <stdatomic.h>

#include "infostrata/base.h"
#include "infostrata/kernels.h"
#include "infostrata/plan.h"

/* ---- directions ---------------------------------------------------------------------------- */

/* Local. Rows over their lengths, for the metric cosine: of narrow[count x d] or wide[count x d] (the other is NULL)
 * unit[count x d], bit for bit as docs/numerics.md section 15 defines it. A zero row stays zero; returns how many there are. */
int64_t ist_normalise(int64_t count, int64_t d, const float *narrow, const double *wide,
                      double *unit);
/* Local. marked[count x (d + 1)]: the same rows with one more column, by which a zero row has the squared distance 2
 * to every other row, exactly, and 0 to its like; distances of other rows stay what they are but for a rounding. */
void ist_mark_zero_rows(int64_t count, int64_t d, const double *unit, double *marked);

/* ---- superblocks --------------------------------------------------------------------------- */

/* Runs of rows whose bounds depend on the segments alone: 96 rows where there are fewer than
 * 60,000 in all, else 960. Segments are the parts of the samples (one segment: all of them); only
 * pairs within a segment are visited. Ascending. */
typedef struct {
    int64_t count;
    int64_t *start;   /* count + 1 row positions */
    int32_t *segment; /* count */
} ist_blocks;

ist_blocks ist_blocks_new(const int64_t *segment_start, int segments);
ist_blocks ist_blocks_copy(const ist_blocks *blocks);
void ist_blocks_release(ist_blocks *blocks);
/* Rows [first, last) of `rank` of `ranks`: whole superblocks, shares as equal as they allow. */
void ist_blocks_range(const ist_blocks *blocks, int ranks, int rank, int64_t *first, int64_t *last);
/* The rank that holds a row position. */
int ist_blocks_owner(const ist_blocks *blocks, int ranks, int64_t position);
/* The superblock that holds a row position. */
int64_t ist_blocks_find(const ist_blocks *blocks, int64_t position);
/* Rows of a superblock in a set of n, but for the last of a segment. */
int64_t ist_blocks_size(int64_t n);

/* ---- rows ---------------------------------------------------------------------------------- */

/* Rows of a layer in one memory, row-major, as they were stored: either narrow or wide. */
typedef struct ist_slab {
    int64_t first, count; /* positions [first, first + count) of the set */
    float *narrow;        /* count x d */
    double *wide;         /* count x d: float64 and wide integer layers */
    struct ist_slab
        *component; /* of a joint set: those of both components, and no values of its own */
} ist_slab;

/* The float32 filter of a layer (docs/numerics.md sections 3 to 5): what its copies are made of
 * and how far a filter value may lie from the distance. A copy is
 * float32((x - shift) 2^scale), or the integer next to (x - shift) 2^scale; filter values are distances in the
 * copies' units: the defined ones times 2^unit. */
typedef enum {
    IST_FILTER_NONE,   /* values that float32 cannot filter: all in float64 */
    IST_FILTER_DIRECT, /* euclidean, sum of (x - y)^2: a relative error, whatever the values */
    IST_FILTER_PRODUCT, /* euclidean, |x|^2 + |y|^2 - 2 x y: faster, an error relative to the norms */
    IST_FILTER_SIZES,   /* manhattan, sum of |x - y|: a relative error */
    IST_FILTER_LARGEST, /* chebyshev, the largest |x - y|: a relative error */
    IST_FILTER_INTEGER, /* euclidean, as products, of copies that are integers of 16 bits: twice as fast, an error relative
                         * to the largest norm */
    IST_FILTER_JOINT /* the larger of two filter values, each times a factor */
} ist_filter_form;

typedef struct {
    ist_filter_form form;
    double *shift; /* d, or NULL: nothing is taken off */
    int scale;     /* exponent of 2 */
    int unit;      /* the same of distances */
    bool exact;    /* filter values are the distances (small integers, say) */
    double most;   /* two values in all: a copy is 1 for this one and 0 for the other */
    double *level; /* of these: the distance of filter value m, m <= features */
    int64_t features;
    bool zero_exact; /* a filter value is 0 just where the distance is */
    double share;    /* what l may be off by: relative to the distance (direct), to the norms */
    double delta;    /* how the copies' roundings are shared out (ist_filter_tune) */
    double relative; /* of the bounds (L) and (U) */
    double absolute; /* of (L) */
    double largest;  /* no filter value is larger, but for its error */
    float factor[2]; /* joint: of the components' filter values */
    double margin;   /* joint: what every width has on top */
} ist_filter;

/* Rows made ready for the filter, tile by tile: IST_TILE rows from each superblock's first row on. */
typedef struct ist_packed {
    int64_t tiles;
    int64_t *row;   /* tiles + 1: first row of each, counted from the slab's first row */
    int64_t *block; /* tiles: its superblock */
    float
        *panels;  /* tiles x IST_TILE x ist_filter_words: panels of IST_PANEL rows, feature-major */
    float *term;  /* tiles x IST_TILE: what the kernels add for the row; NaN beyond the rows */
    float *width; /* tiles x IST_TILE: the row's share of the gap between the bounds */
    int32_t
        *kind;    /* rows of the slab + IST_TILE: the first one with the same values, or IST_NO_KIND
                       if a row has no equal. Rows of one kind have the same distances */
    bool repeats; /* some rows are equal */
    struct ist_packed *component; /* of a joint set: those of both; panels and terms are theirs */
} ist_packed;
enum { IST_NO_KIND = -1, IST_ANY_KIND = -2 };

/* What integer copies leave open, by a trial: deciding that at a typical threshold takes `open` of their tiles' time. near: the
 * distance that they tell best, that of near rows; below `few` lie about a hundredth of the pairs. */
typedef struct {
    double open, near, few;
} ist_integer_gain;
/* A layer's rows, distributed: this rank's slab and what all ranks know of the set. A "position" is
 * a row's place in the set; its "number" is its row in the file (they differ in the parts' set). A set
 * may have a clustered twin: the same rows and segments, near rows at near positions. Passes visit the
 * twin, if there is one; what they take and give are positions of the set itself. A joint set has two
 * components, sets of the same rows in the same order: a distance in it is the larger of the two, each
 * times its factor (rounded). */
typedef struct ist_rows {
    int64_t n, d;
    ist_metric metric;
    ist_blocks blocks;
    const int64_t *order; /* number by position, n entries; NULL: the same; borrowed */
    bool wide;
    ist_filter filter;
    ist_slab home;
    bool may_repeat;       /* equal rows are looked for where rows are packed */
    ist_packed packed;     /* home */
    struct ist_rows *twin; /* NULL: none */
    /* The same rows, home's values borrowed, with integer copies, packed when a pass first wants them; NULL: none. */
    struct ist_rows *integer;
    ist_integer_gain gain; /* of these */
    int64_t *place;        /* of a twin: the position in the set, by position; n entries */
    /* Joint: d is that of both together; home and packed have those of the components. */
    const struct ist_rows *component[2]; /* NULL: not a joint set */
    struct ist_rows *made[2];            /* the components that are the set's own; NULL: borrowed */
    double factor[2];
} ist_rows;

static inline bool ist_rows_are_joint(const ist_rows *rows)
{
    return rows->component[0] != NULL;
}

/* Are the bounds of ist_look_low and ist_look_high those of the set's distances? */
static inline bool ist_rows_can_look(const ist_rows *rows)
{
    return rows->metric == IST_METRIC_EUCLIDEAN && !ist_rows_are_joint(rows);
}

static inline int64_t ist_row_number(const ist_rows *rows, int64_t position)
{
    return rows->order ? rows->order[position] : position;
}

void ist_slab_release(ist_slab *slab);
/* Frees the set, its twin and its integer copies, all but `order` and a joint set's borrowed components. */
void ist_rows_release(ist_rows *rows);
/* Local. The joint set of two sets of the same rows in the same order (superblocks, order), which must have
 * their values, and outlive it. */
void ist_rows_join(const ist_rows *const component[2], const double factor[2], ist_rows *joint);
/* Packs a slab of whole superblocks. */
ist_packed ist_pack(const ist_rows *rows, const ist_slab *slab);
/* A slab of a joint set that has a filter; of its components, which are packed, the array of two is taken over. */
ist_packed ist_pack_joint(const ist_rows *rows, const ist_slab *slab, ist_packed *component);
void ist_packed_release(ist_packed *packed);

/* ---- the filter's bounds ------------------------------------------------------------------- */

/* With l the filter value of a pair, w its rows' widths and D its defined distance in the copies'
 * units (times 2^unit):
 *   (L)  l <= (1 + relative) D + absolute,
 *   (U)  D <= (1 + relative) (l + w_i + w_j).
 * ist_filter_high: l above it proves that the distance is larger than the threshold (a distance).
 * ist_filter_low: fl(l + w_j) below it proves that it is smaller, for a row of width w_i.
 * ist_filter_sure: l equal to it proves that the distance is the threshold; -infinity if none would. */
float ist_filter_high(const ist_filter *filter, double threshold);
float ist_filter_low(const ist_filter *filter, double threshold, float width);
float ist_filter_sure(const ist_filter *filter, double threshold);
/* Euclidean: a float64 sum of the d squared differences in any order (not in the copies' units) below
 * ist_look_low proves that the distance is smaller than the threshold, one above ist_look_high that it is
 * larger. */
static inline double ist_look_low(double threshold, int64_t d)
{
    return threshold * (1 - (double)(d + 8) * 0x1p-51) - (double)d * 0x1p-1072;
}
static inline double ist_look_high(double threshold, int64_t d)
{
    return threshold * (1 + (double)(d + 8) * 0x1p-51) + (double)d * 0x1p-1072;
}
/* Of an exact filter: the distance of a filter value. */
double ist_filter_distance(const ist_filter *filter, float l);
/* For search trees of ist_filter_high: fl(shrink high - tree_width(width)) is at most
 * ist_filter_low(threshold, width). */
float ist_filter_tree_shrink(const ist_filter *filter);
float ist_filter_tree_width(const ist_filter *filter, float width);
/* An upper bound of the distance (a float32 number, in the copies' units) from l and w_i + w_j. */
static inline float ist_filter_upper(const ist_filter *filter, float low, double widths)
{
    if (filter->exact || (filter->zero_exact && low == 0))
        return low;
    double upper = (double)low + widths;
    return upper > 0 ? (float)(upper * (1 + 0x1p-22) + 0x1p-148) : 0;
}
/* `high` of a distance at most `upper` (copies' units). */
float ist_filter_high_of_upper(const ist_filter *filter, float upper);

/* What is known of all values of a layer. */
typedef struct {
    bool finite;
    double largest, smallest; /* |value|; the smallest that is not 0 */
    int lowest_bit;           /* all values are multiples of 2^lowest_bit; INT_MAX: all are 0 */
    double least, most;       /* of the values, with their sign */
    bool two_valued;          /* there is none between these */
} ist_value_census;
/* Adds the slab's columns to sum[d] and all its squares to *squares. */
ist_value_census ist_filter_census(const ist_slab *slab, int64_t d, double *sum, double *squares);
/* Rounds a centre to multiples of 2^lowest_bit. */
void ist_filter_round_centre(const ist_value_census *census, int64_t d, double *centre);
/* An upper bound of the slab's largest |x - centre|^2 (euclidean norm, for all forms). */
double ist_filter_largest_norm(const ist_slab *slab, const double *centre, int64_t d);
/* The filter of a form. centred: copies are taken about `centre` (d values), as float64 layers must be;
 * exact filters and integer copies always are. Forms that cannot serve become IST_FILTER_NONE: the bounds are proven up
 * to IST_FILTER_MOST_FEATURES features. */
enum { IST_FILTER_MOST_FEATURES = 48000000 };

/* How the filters sum: up to IST_SINGLE_BLOCK features one after the other, more in blocks of IST_BLOCK, whose
 * sums are added up to those of chunks of IST_CHUNK features, and these to the whole. */
enum { IST_SINGLE_BLOCK = 64, IST_BLOCK = 32, IST_CHUNK = 512 };
/* e of the theorem in docs/numerics.md section 4: what such a sum may be off by, relative to it. */
double ist_filter_error(int64_t d);
ist_filter ist_filter_new(ist_filter_form form, const ist_value_census *census,
                          const double *centre, bool centred, double largest_norm, int64_t d);
/* Of the larger of two distances, each times its factor (positive). NONE if either has none, or if float32
 * cannot hold both. */
ist_filter ist_filter_joint(const ist_filter *const filter[2], const double factor[2]);
ist_filter ist_filter_copy(const ist_filter *filter, int64_t d);
/* float32 places of a copy in the panels: of integers two features share one. */
static inline int64_t ist_filter_words(const ist_filter *filter, int64_t d)
{
    return filter->form == IST_FILTER_INTEGER ? (d + 1) / 2 : d;
}
void ist_filter_release(ist_filter *filter);
/* Integer copies: how their roundings are shared out, so that least is left open of distances (defined ones) like `near`; 0, and
 * other forms: stays as it is. */
void ist_filter_tune(ist_filter *filter, double near, int64_t d);
/* How much of the distances in a sample the filter of `rows` leaves open: the mean over pairs of rows, and over each row's nearest
 * one, of min(1, (w_i + w_j + 2 relative D) / D). distance: the median of the nearest ones'. */
typedef struct {
    double all, near, distance;
} ist_doubt;
ist_doubt ist_filter_doubt(const ist_kernel *kernel, const ist_rows *rows, const ist_slab *sample);
/* Local. Gives a set that has its values integer copies, by a filter that is copied, or is to; takes them away, if there are any. */
void ist_rows_add_integers(ist_rows *rows, const ist_filter *filter);
void ist_rows_drop_integers(ist_rows *rows);
/* Local. Frees the copies themselves: they are packed again when a pass wants them. */
void ist_rows_unpack_integers(ist_rows *rows);
/* Local. The set that a pass for the k nearest visits; that counts below so many thresholds a row, at these distances (home's rows x
 * thresholds): `rows` or its integer copies, packed. These serve up to IST_FEW_THRESHOLDS, if few of them are far. */
const ist_rows *ist_rows_for_nearest(const ist_kernel *kernel, const ist_rows *rows);
const ist_rows *ist_rows_for_counts(const ist_kernel *kernel, const ist_rows *rows,
                                    int64_t thresholds, const double *distance);
/* Local. The joint set of what a pass for the k nearest visits of a joint set's components: integer copies where a component has
 * some. The caller releases and frees it; the components, and what is packed of them, outlive it. NULL: there are none, or they
 * cannot go together. */
ist_rows *ist_rows_join_integers(const ist_kernel *kernel, const ist_rows *joint);

/* ---- kernels ------------------------------------------------------------------------------- */

/* By name ("reference", "avx2", "avx512"); NULL name: the best that this processor runs. NULL if
 * there is none of that name or the processor lacks it. */
const ist_kernel *ist_kernel_choose(const char *name);
/* The names that this processor runs, best first, separated by blanks. */
void ist_kernel_names(ist_text *out);
/* Operations (2 d a pair) a second of this process, at the best moment of a trial of `seconds`: other
 * processes do no harm. */
double ist_kernel_rate(const ist_kernel *kernel, ist_filter_form form, int64_t d, double seconds);

/* ---- exact distances ----------------------------------------------------------------------- */

/* The defined distance of row a of `x` and row b of `y`, both slabs of the set `rows`. */
double ist_exact_distance(const ist_rows *rows, const ist_slab *x, int64_t a, const ist_slab *y,
                          int64_t b);
/* The same of `count` pairs of rows, by a kernel. */
void ist_exact_distances(const ist_kernel *kernel, const ist_rows *rows, const ist_slab *x,
                         const int64_t *a, const ist_slab *y, const int64_t *b, int64_t count,
                         double *distance);

/* The smallest number t >= 0 for which the rounded product t factor is at least eps (>= 0; factor > 0):
 * d < t where fl(d factor) < eps, and nowhere else; where fl(d factor) <= eps, for nextafter(eps, INFINITY)
 * in its place. infinity if no number is large enough. */
double ist_scaled_threshold(double eps, double factor);

/* Whether rows are ordered by clusters and tiles left out that are settled by where they lie: where a
 * trial says that it pays, always, never. */
typedef enum { IST_SKIP_AUTO, IST_SKIP_ALWAYS, IST_SKIP_NEVER } ist_skipping;

/* Whether sets of few features (3 of a layer) are answered by a k-d tree instead of tiles: never, where a trial says
 * that it is faster, always. */
typedef enum { IST_TREE_NEVER, IST_TREE_AUTO, IST_TREE_ALWAYS } ist_tree_use;

/* Pairs that this rank has visited since it began, for whoever looks on from another thread. */
typedef struct {
    atomic_int_fast64_t pairs;
} ist_pulse;

/* How a pass is run; never part of a result. */
typedef struct {
    const ist_kernel *kernel;
    int64_t chunk_bytes; /* rows and state that travel at once */
    int64_t chunk_rows;  /* at most so many rows travel at once; 0: no limit of its own */
    ist_skipping skipping;
    ist_tree_use tree;
    struct ist_stop *stop;           /* stop.h: a pass may be left before its end; NULL: never */
    const struct ist_keeper *keeper; /* passes are kept on disk meanwhile; NULL: they are not */
    ist_pulse *pulse;                /* NULL: nobody looks on */
    /* Called between tiles, every few milliseconds, for what must not wait for the end of a pass; NULL: nothing. */
    void (*attend)(void *data);
    void *attend_data;
} ist_engine;

/* ---- passes on disk ------------------------------------------------------------------------- */

/* A pass that is kept, whole or as far as it got: of each row what it found, and which pairs it found it in. No rank, chunk or
 * kernel comes into it. */
enum { IST_KEPT_WHAT = 64 };
typedef struct {
    ist_hash
        identity; /* of all that decides what a whole pass finds (docs/reliability.md) but for `width` */
    char what[IST_KEPT_WHAT]; /* for people: "nearest", "counts below 7 thresholds" */
    int64_t width;            /* of lists: their k; else 0 */
    int64_t rows, blocks, row_bytes;
    bool complete;
    const char *progress; /* complete: none */
    size_t progress_bytes;
} ist_kept;

/* What was found for the rows of a superblock: rows x row_bytes bytes. */
typedef void ist_pack_block(const void *source, int64_t block, void *bytes);

/* Who keeps passes: files and folders are no business of this room. A pass that is asked for again finds itself by its
 * identity. */
typedef struct ist_keeper {
    void *data;
    double seconds; /* so long after a pass began or was last kept it is kept (again) */
    /* Part of each pass's identity: groups of ranks at work on layers of equal values must not meet on disk. */
    ist_hash place;
    /* Local, the same on all ranks: is anything kept? */
    bool (*has_any)(void *data);
    /* Local, the same on all ranks: the best that is kept of it, of just this width or (wider) of at least this
     * width; NULL: nothing. Valid until the next call of reject or save. */
    const ist_kept *(*find)(void *data, ist_hash identity, int64_t width, bool wider);
    /* Local: false if the bytes are not those that were written. */
    bool (*read)(void *data, const ist_kept *kept, const ist_blocks *blocks, int64_t block,
                 void *bytes);
    /* Collective: it is not to be believed (why), and gone; it was taken up, so much of its pairs done. */
    void (*reject)(void *data, const ist_kept *kept, const char *why);
    void (*take_up)(void *data, const ist_kept *kept, double share);
    /* Collective: whether it is on disk now, beside or (complete) in place of what was kept of this identity
     * before. */
    bool (*save)(void *data, const ist_kept *kept, const ist_blocks *blocks, ist_pack_block *pack,
                 const void *source);
} ist_keeper;

/* ---- tiles and consumers ------------------------------------------------------------------- */

/* What a pass did, on this rank. */
typedef struct {
    double pairs; /* unordered */
    int64_t tiles, exact_tiles, decided_again;
    int64_t bytes_sent;
    int64_t in_flight, most_in_flight;   /* bytes of messages under way, in and out: now, at most */
    int64_t tiles_skipped;               /* nothing of them was computed */
    int64_t tiles_thinned, rows_thinned; /* some rows and columns alone were computed: how many */
    int64_t compared;                    /* by a k-d tree: distances that it computed */
    double seconds_waiting;
} ist_pass_stats;

/* A visiting slab made ready. */
typedef struct {
    ist_slab slab;
    ist_packed packed;
    uint64_t *word; /* tie word of each row */
    bool borrowed;  /* packed is part of home's */
    bool lent;      /* its second component is another chunk's */
} ist_chunk;

/* Packs a slab (whole superblocks). The slab is borrowed; so is, of a joint set, its packed second component, if it is there
 * (NULL: it is not). */
ist_chunk ist_chunk_new(const ist_rows *rows, const ist_slab *slab, const ist_packed *second,
                        const ist_tie_rule *ties);
void ist_chunk_release(ist_chunk *chunk);

/* One tile: home rows against visiting columns. */
typedef struct {
    const ist_kernel *kernel;
    const float *l;         /* filter values; NaN on the diagonal and beyond the rows and columns */
    const double *distance; /* or the defined distances, of the rows and columns that there are */
    const double
        *other_distance; /* joint sets, consumers of components: those of the second; else NULL */
    int rows, cols;
    int64_t row, col; /* first row / column: index within its state */
    int64_t row_position, col_position;
    const float *row_width, *col_width;
    const uint64_t *row_word, *col_word;
    const int32_t *row_kind, *col_kind; /* each side's slab has its own; NULL: no row repeats */
    const ist_slab *row_slab, *col_slab;
    int64_t row_at, col_at; /* first row / column: index within its slab */
    bool diagonal;          /* rows are the columns: the row side alone serves all pairs */
    bool one_sided; /* the row side alone is served: so, or nothing is asked of the columns */
} ist_tile;

/* A pair that the filter left open, for which side(s), and at which threshold. */
enum { IST_ROW_SIDE = 1, IST_COL_SIDE = 2 };
typedef struct {
    uint8_t row, col;
    uint16_t sides, threshold;
} ist_open_pair;
typedef struct {
    int64_t count, room;
    ist_open_pair *pair;
} ist_open_list;
void ist_open_add(ist_open_list *open, ist_open_pair pair);

/* Where the rows of two states lie while they meet. */
typedef struct {
    const ist_kernel *kernel;
    const ist_slab *home, *guests;
    const int32_t *home_kind, *guest_kind; /* NULL: no row repeats */
    bool same;      /* guests are part of home: one state serves both sides */
    bool one_sided; /* nothing is asked of the guests, which have no state */
    ist_pass_stats *stats;
} ist_meeting;

/* A consumer keeps a state of the same type at home and for each visiting slab. Integer consumers
 * take filter values and open pairs; those without `scan` (sums of real numbers, Gram matrices) get
 * every tile as defined distances. */
typedef struct {
    /* Bytes a row: what a visiting copy must know / what it brings back. */
    size_t (*out_bytes)(const void *state);
    size_t (*back_bytes)(const void *state);
    /* Bytes of a row's state that tile after tile comes back to: how many rows stay in the cache at once
     * depends on it. */
    size_t (*touched_bytes)(const void *state);
    void (*pack_out)(const void *home, int64_t first, int64_t count, void *message);
    /* A visiting state for the rows of a chunk (borrowed), from the message. */
    void *(*init)(const void *home, const ist_chunk *chunk, const void *message);
    /* What rows [first, first + count) of a state found; of home's too, for a disk, between two chunks. */
    void (*pack_back)(const void *state, int64_t first, int64_t count, void *message);
    /* Commutative, associative, exact: any order of merges gives the same state. */
    void (*merge)(void *home, int64_t first, int64_t count, const void *message);
    void (*release)(void *visiting);
    /* Before and after the tiles of one chunk. NULL: nothing to do. */
    void (*meet)(void *rows, void *columns, const ist_meeting *meeting);
    void (*part)(void *rows, void *columns, const ist_meeting *meeting);
    /* Settles by the filter what it can; appends the rest to `open`. NULL: exact tiles only. */
    void (*scan)(void *rows, void *columns, const ist_tile *tile, ist_open_list *open);
    /* Settles one open pair by its defined distance. NULL if scan leaves none. */
    void (*settle)(void *rows, void *columns, const ist_tile *tile, ist_open_pair pair,
                   double distance);
    /* Settles all pairs of a tile by their defined distances. */
    void (*take)(void *rows, void *columns, const ist_tile *tile);
    /* Skipping. How many limits a row has that decide on whole tiles (NULL: no tile is skipped): a
     * defined distance in the copies' units that is larger than farther[row] has nothing to do with
     * limit m; one smaller than closer[row] is counted by count_closer. */
    int64_t (*limits)(const void *state);
    const float *(*farther)(const void *state, int64_t m); /* of all rows; whole tiles are read */
    const float *(*closer)(const void *state, int64_t m);  /* NULL: nothing is counted */
    void (*count_closer)(void *state, int64_t row, int64_t m, int32_t columns);
    bool home_alone; /* all is found at home rows: what visits brings nothing back */
    /* Without scan: kernel distances (moments.h) about this centre take the place of the defined ones, of a set (component 0) or of each
     * component; where it is NULL they do not. NULL: nowhere. */
    const double *(*centre)(const void *state, int component);
    bool components; /* without scan: of a joint set both components' distances, not the larger */
    bool learns;     /* limits fall while pairs are visited: near ones first */
    /* What a whole pass finds, beside the rows and what pack_out asks (of a consumer that learns: nothing); returns
     * ist_kept.width. NULL: its passes are not kept. */
    int64_t (*describe)(const void *state, ist_text *what);
} ist_consumer;

typedef enum {
    IST_PAIRS_OWN, /* the visiting slab is part of home: each unordered superblock pair once */
    IST_PAIRS_ALL,
    IST_PAIRS_EVEN, /* only superblock pairs with an even sum of indices */
    IST_PAIRS_ODD,
    IST_PAIRS_ROWS /* home's rows alone ask, the chunk is of another set of the same filter: each pair once, each row with
                      itself, too */
} ist_pairing;

typedef struct {
    const ist_rows *rows;
    const ist_kernel *kernel;
    const ist_consumer *consumer;
    void *state;                         /* at home */
    uint64_t *word;                      /* tie words of home rows */
    const struct ist_geometry *geometry; /* of home: tiles are skipped; NULL: all are visited */
    ist_skipping skipping;
    ist_pass_stats stats;
    struct ist_progress *progress; /* done tiles are left out, tiles are marked; NULL: neither */
    /* Called between tiles, to keep messages moving; true: leave the rest of the tiles out. May be NULL. */
    bool (*poke)(void *);
    void *poke_data;
    void (*attend)(void *); /* the engine's */
    void *attend_data;
    double attended; /* when it was called last */
} ist_sweep;

/* Local. Visits all wanted pairs of home rows and the chunk's; `columns` is the state of the chunk's rows (IST_PAIRS_ROWS: give
 * home's). `count` sweeps that go together over one chunk each: joint sets of the same rows and one second component, whose tiles
 * are then computed once for all of them (none of them skips tiles, and their consumers have no centre). One sweep may be of any
 * set. */
void ist_sweep_chunk(ist_sweep *sweep, int count, const ist_chunk *chunk, void *const *columns,
                     ist_pairing pairing);

/* ---- the k nearest ------------------------------------------------------------------------- */

/* What decides between equal distances (architecture section 5): the row number, or
 * (word_j - word_i) mod 2^64, then the row number. ist_tie_word is what row `number` shows to
 * others, ist_tie_base what it takes off theirs. */
uint64_t ist_tie_word(const ist_tie_rule *ties, int64_t number);
uint64_t ist_tie_base(const ist_tie_rule *ties, int64_t number);

/* Of each row: the k smallest by (distance, tie, number). Pairs that the filter does not rule out wait
 * in a buffer of `capacity` filter values, which is thinned by their bounds when it is full; what is left
 * of it gets its defined distance when the chunk goes. */
typedef struct {
    int64_t position, count, k, capacity;
    ist_tie_rule ties;
    const ist_rows *rows;
    double *distance;   /* count x k: a heap with the worst on top; sorted by ist_nearest_sort */
    int32_t *neighbour; /* count x k: positions */
    int32_t *held;      /* count */
    double *bound;      /* count: none worse than (bound, bound_tie) is wanted */
    uint64_t *bound_tie;
    uint64_t *base;    /* count */
    float *limit;      /* count: filter values above it are worse than the bound */
    float *strict;     /* count: filter values from it on can only tie with the bound */
    int32_t *tie_kind; /* count: rows of the other slab of this kind are at the bound */
    float
        *waiting_room; /* count x 2 capacity: filter value, position (int32_t) of those that wait */
    int32_t *waiting;  /* count: how many wait */
    float *widest; /* count: the largest width of those that have waited since the last decision */
    bool any_strict;     /* some row's `strict` is finite */
    int found;           /* candidates of a tile, both sides, in the mean of late */
    ist_meeting meeting; /* while a chunk is here */
} ist_nearest;

ist_nearest *ist_nearest_new(const ist_rows *rows, int64_t k, ist_tie_rule ties);
/* The lists alone, empty: for who finds the neighbours otherwise, and in order. */
ist_nearest *ist_nearest_lists(const ist_rows *rows, int64_t k, ist_tie_rule ties);
void ist_nearest_free(ist_nearest **nearest);
/* Turns each row's heap into ascending order. */
void ist_nearest_sort(ist_nearest *nearest);
/* Of sorted lists the first k; those that are not longer stay as they are. */
void ist_nearest_trim(ist_nearest *nearest, int64_t k);
/* Bytes a row of its state. */
int64_t ist_nearest_bytes(int64_t k);
extern const ist_consumer ist_nearest_consumer;

/* ---- counts below thresholds --------------------------------------------------------------- */

/* Of each row: for T thresholds (distances), how many rows are strictly closer and how many are at
 * the same distance. With targets (the thresholds are the distances to T other rows) and by_index:
 * how many come before the target in the order (distance, number).
 * Up to IST_FEW_THRESHOLDS whole tiles are compared with each; beyond, each value is placed among the
 * row's sorted thresholds, so that a pair costs O(log T). */
enum { IST_FEW_THRESHOLDS = 8 };
typedef struct {
    int64_t position, count, thresholds;
    bool by_index, few;
    const ist_rows *rows;
    double *threshold; /* count x T; ascending unless few */
    int32_t *target;   /* count x T: position of the target of each threshold, -1: none; or NULL */
    int32_t *slot;     /* count x T: where it stood before sorting; NULL: not sorted */
    /* few: threshold m of row i at [m * stride + i] */
    int64_t stride;
    float *low, *high, *sure;
    int32_t *below, *same, *tie_kind; /* tie_kind: of the other slab's rows, at the threshold */
    bool any_sure;
    int64_t futile; /* tiles at which a second look is not worth while */
    /* else: ist_threshold_trees */
    int levels;
    float shrink;
    float *tree, *tree_width;
    float *first, *last; /* stride: filter bounds of the first and the last threshold */
    int8_t *tree_sure;
    int32_t *between; /* and `same`, T a row */
} ist_counts;

/* distance[count x T]; target[count x T] are positions within home's segment (-1: none), or NULL. Both become
 * the state's own, which sorts them where they are. */
ist_counts *ist_counts_new(const ist_rows *rows, int64_t thresholds, bool by_index, int32_t *target,
                           double *distance);
void ist_counts_free(ist_counts **counts);
/* After the last scan: frees all but what the results are made of. */
void ist_counts_scanned(ist_counts *counts);
/* closer[count x T] and equal[count x T] (NULL: not wanted), in the order in which the thresholds
 * were given. A target is counted in its own threshold's `equal`. By index: closer = before. */
void ist_counts_get(const ist_counts *counts, int64_t *closer, int64_t *equal);
/* twice_rank[i x stride + m], m < T: 2 (1 + closer) + (equal - 1) (mid-ranks, measures.md P3), or
 * 2 (1 + before) by index (P2). equal[i x equal_stride + e]: of the last `told` thresholds (NULL if told is 0). */
void ist_counts_ranks(const ist_counts *counts, int64_t stride, int64_t *twice_rank, int64_t told,
                      int64_t equal_stride, int64_t *equal);
/* Bytes a row of its state. */
int64_t ist_counts_bytes(int64_t thresholds);
extern const ist_consumer ist_counts_consumer;

/* ---- sums of kernels (moments.h) ------------------------------------------------------------ */

/* A kernel of which moments are wanted: K(i, j) = exp(-(weight[0] d_0(i, j) + weight[1] d_1(i, j))), weights >= 0, d_0 the defined
 * distance in the layer (euclidean: the square); in a joint set d_0 and d_1 those in its two components (its factors do not
 * matter). A Gaussian of width s has weight 1 / (2 s^2): ist_gaussian_weight. */
typedef struct {
    double weight[2];
} ist_moment_kernel;
double ist_gaussian_weight(double s);

/* Bytes a row of its state. */
int64_t ist_moments_bytes(int kernels, bool labels);
/* Local. The q-quantile (0..1) of ascending values: linear between the two nearest ranks, q (count - 1) (NumPy's default), 0 of none; the mean, summed in
 * order, 0 of none. */
double ist_quantile(const double *ascending, int64_t count, double q);
double ist_mean_in_order(const double *values, int64_t count);

/* ---- memory -------------------------------------------------------------------------------- */

/* A set of rows before it is there. */
typedef struct {
    int64_t n, d;
    bool wide;
    int segments, ranks;
    bool twin;     /* it gets a twin: skipping; joint: its components have some */
    bool tree;     /* passes may be answered by a k-d tree, if features are few enough */
    bool integers; /* it may get integer copies */
    /* Of a joint set: features of the second component, d and wide being the first's; 0: not joint. */
    int64_t joint_d;
    bool joint_wide;
} ist_set_shape;

/* What the rank with most rows has: rows; bytes of its ist_rows (values, copies, superblocks). Those of a joint
 * set come on top of its components'. */
int64_t ist_set_rows(const ist_set_shape *set);
int64_t ist_set_bytes(const ist_set_shape *set);
/* The whole set at most, while its twin is made. */
int64_t ist_ordering_bytes(const ist_set_shape *set);
/* Rows that go from one order to another at a time, on each rank. */
enum { IST_CARRIED_AT_ONCE = 8192 };
/* Bytes that come on top at most: while ist_duplicates looks for equal rows; while ist_rows_by_part, or
 * ist_rows_joint of sets with twins, brings rows from another order; in a pass for the k nearest (thresholds = 0) or the counts below T
 * thresholds with targets (k = 0), chunks of chunk_bytes included: by tiles or a tree, whichever needs more. */
int64_t ist_duplicates_bytes(const ist_set_shape *set);
int64_t ist_reorder_bytes(const ist_set_shape *set);
int64_t ist_pass_bytes(const ist_set_shape *set, int64_t k, int64_t thresholds,
                       int64_t chunk_bytes);

/* Of so many anchors (anchors.h), what is returned aside: while their k nearest are looked for (thresholds = 0), or ranks of so many
 * thresholds of each at once (k = 0). */
int64_t ist_anchors_bytes(const ist_set_shape *set, int64_t count, int64_t k, int64_t thresholds,
                          int64_t chunk_bytes);

/* Local. Labels as a space: distance 0 within a class, 1 between classes. twice_rank[i x stride + p],
 * p < k: twice the mid-rank of neighbour (a row number) seen from row[i], among n samples whose class
 * sizes are class_size: n_c in the same class, else n - 1 + n_c (measures.md 1.1). */
void ist_label_ranks(int64_t n, int64_t count, int64_t k, int64_t stride, const int64_t *row,
                     const int32_t *neighbour, const int32_t *class_of, const int64_t *class_size,
                     int64_t *twice_rank);
/* Local. The other side of these ranks, as ist_inside (ring.h) has it for layers: in how many balls of neighbours a row lies, times 2. Of
 * a class: same[c] and other[c] of all k neighbours of its rows share their class, do not; of row i, in_same[i] rows of its own class and
 * in_other[i] others have it as a neighbour. */
void ist_label_inside(int64_t count, int64_t k, const int64_t *row, const int32_t *neighbour,
                      const int32_t *class_of, int64_t class_count, const int64_t *same,
                      const int64_t *other, const int64_t *in_same, const int64_t *in_other,
                      int64_t *twice_inside);
/* Local. Adds these rows' neighbours to same[class] and other[class]. */
void ist_label_pairs(int64_t count, int64_t k, const int64_t *row, const int32_t *neighbour,
                     const int32_t *class_of, int64_t *same, int64_t *other);

#endif
