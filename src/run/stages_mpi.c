/* From stage to stage of the division: lists change hands between all ranks and the groups, and all come to know what groups have
 * found out about their layers. */
#include "stages.h"

#include <string.h>

/* ---- rows change hands ---------------------------------------------------------------------------- */

/* Rows [first[r], last[r]) of a set are with rank r of all. */
typedef struct {
    int64_t *first, *last;
} holding;

static holding holding_new(int ranks)
{
    return (holding){.first = ist_alloc((size_t)ranks, sizeof(int64_t)),
                     .last = ist_alloc((size_t)ranks, sizeof(int64_t))};
}

static void holding_release(holding *h)
{
    ist_free(h->first);
    ist_free(h->last);
}

static int color_of(int rank, int groups, int ranks)
{
    return (int)((int64_t)rank * groups / ranks);
}

/* Each group has all rows (only: the one with this color; -1: all of them). One group is all ranks. */
static holding hold_by_groups(const ist_blocks *blocks, int ranks, int groups, int only)
{
    holding h = holding_new(ranks);
    for (int first = 0; first < ranks;) {
        int color = color_of(first, groups, ranks), end = first + 1;
        while (end < ranks && color_of(end, groups, ranks) == color)
            end++;
        for (int r = first; r < end; r++)
            if (only < 0 || only == color)
                ist_blocks_range(blocks, end - first, r - first, &h.first[r], &h.last[r]);
        first = end;
    }
    return h;
}

/* What two ranks have in common: so many rows, `at` rows behind the beginning of the first one's. */
static int common(int64_t first, int64_t last, int64_t other_first, int64_t other_last, int *at)
{
    int64_t low = ist_max(first, other_first), high = ist_min(last, other_last);
    *at = low < high ? ist_narrow(low - first) : 0;
    return low < high ? ist_narrow(high - low) : 0;
}

/* Collective. Records of so many bytes a row, from those who hold them to those who shall; the caller frees them. */
static void *move_rows(const ist_comm *all, const holding *from, const holding *to, size_t bytes,
                       const void *rows)
{
    int me = all->rank;
    int *counts = ist_alloc(4 * (size_t)all->size, sizeof *counts);
    int *out = counts, *out_at = out + all->size, *in = out_at + all->size, *in_at = in + all->size;
    for (int r = 0; r < all->size; r++) {
        out[r] = common(from->first[me], from->last[me], to->first[r], to->last[r], &out_at[r]);
        in[r] = common(to->first[me], to->last[me], from->first[r], from->last[r], &in_at[r]);
    }
    void *arrived = ist_alloc((size_t)(to->last[me] - to->first[me]), bytes);
    MPI_Datatype type = ist_bytes_type(bytes);
    MPI_Alltoallv(rows, out, out_at, type, arrived, in, in_at, type, all->handle);
    MPI_Type_free(&type);
    ist_free(counts);
    return arrived;
}

/* ---- lists ---------------------------------------------------------------------------------------- */

/* What lists are like, for ranks that do not have them. */
enum { K, DISTANCE_K, HAS_HELD, HAS_REACH, HAS_COUNTS, LIST_WORDS };
enum { LISTS = 4, HAS_DISTINCT = LISTS * LIST_WORDS, HAS_TIES, HAS_FAILURE, COLOR, WORDS };

static ist_list *list_of(ist_lists *lists, int which)
{
    ist_list *const list[LISTS] = {&lists->all, &lists->parts, &lists->distinct,
                                   &lists->distinct_parts};
    return list[which];
}

/* COLOR: 1 + the group that found them; 0: they are as empty as those that nobody looked for. */
static void describe(ist_lists *lists, int color, int64_t word[WORDS])
{
    bool any = lists->failure || lists->tie_fraction;
    for (int l = 0; l < LISTS; l++) {
        const ist_list *list = list_of(lists, l);
        int64_t *like = word + l * LIST_WORDS;
        like[K] = list->k;
        like[DISTANCE_K] = list->distance_k;
        like[HAS_HELD] = list->held != NULL;
        like[HAS_REACH] = list->list_reach != NULL;
        like[HAS_COUNTS] = list->closer != NULL;
        any |= list->k > 0;
    }
    word[HAS_DISTINCT] = lists->has_distinct;
    word[HAS_TIES] = lists->tie_fraction != NULL;
    word[HAS_FAILURE] = lists->failure != NULL;
    word[COLOR] = any ? 1 + color : 0;
}

/* Collective. */
static ist_list move_list(const ist_comm *all, const holding *from, const holding *to,
                          const int64_t *like, const ist_list *list)
{
    ist_list moved = {.k = like[K], .distance_k = like[DISTANCE_K]};
    size_t k = (size_t)like[K], distances = (size_t)like[DISTANCE_K];
    moved.neighbour = move_rows(all, from, to, k * sizeof *moved.neighbour, list->neighbour);
    if (like[HAS_HELD])
        moved.held = move_rows(all, from, to, sizeof *moved.held, list->held);
    if (distances > 0)
        moved.distance =
            move_rows(all, from, to, distances * sizeof *moved.distance, list->distance);
    if (like[HAS_REACH])
        moved.list_reach = move_rows(all, from, to, k * sizeof *moved.list_reach, list->list_reach);
    if (like[HAS_COUNTS]) {
        moved.closer = move_rows(all, from, to, k * sizeof *moved.closer, list->closer);
        moved.equal = move_rows(all, from, to, k * sizeof *moved.equal, list->equal);
    }
    return moved;
}

/* Collective. A text of rank root for all; the caller frees it. */
static char *share_text(const ist_comm *all, int root, const char *text)
{
    if (!text)
        text = ""; /* of another rank */
    int64_t bytes = all->rank == root ? (int64_t)strlen(text) + 1 : 0;
    MPI_Bcast(&bytes, 1, MPI_INT64_T, root, all->handle);
    char *shared = all->rank == root ? ist_copy_text(text) : ist_alloc((size_t)bytes, 1);
    MPI_Bcast(shared, ist_narrow(bytes), MPI_CHAR, root, all->handle);
    return shared;
}

/* Collective. Lists of n rows that the groups with from_color (of from_groups; -1: each of them) have, as each of to_groups
 * needs them. `lists` is what this rank has, if anything. */
static ist_lists move_lists(ist_session *s, const ist_comm *all, int64_t n, int from_groups,
                            int from_color, int to_groups, const int64_t word[WORDS],
                            ist_lists *lists)
{
    ist_lists moved = {.has_distinct = word[HAS_DISTINCT]};
    const int64_t whole[2] = {0, n};
    for (int l = 0; l < LISTS; l++) {
        const int64_t *like = word + l * LIST_WORDS;
        if (like[K] == 0)
            continue;
        bool parts = l % 2 == 1;
        if (parts)
            ist_part_order_for(s, n);
        ist_blocks blocks =
            parts ? ist_blocks_new(s->part_order.start, IST_PARTS) : ist_blocks_new(whole, 1);
        holding from = hold_by_groups(&blocks, all->size, from_groups, from_color);
        holding to = hold_by_groups(&blocks, all->size, to_groups, -1);
        *list_of(&moved, l) = move_list(all, &from, &to, like, list_of(lists, l));
        holding_release(&from);
        holding_release(&to);
        ist_blocks_release(&blocks);
    }
    int root = 0;
    while (from_color > 0 && color_of(root, from_groups, all->size) != from_color)
        root++;
    if (word[HAS_TIES]) {
        size_t k = (size_t)word[K];
        moved.tie_fraction = ist_alloc(k, sizeof *moved.tie_fraction);
        if (all->rank == root)
            memcpy(moved.tie_fraction, lists->tie_fraction, k * sizeof *moved.tie_fraction);
        MPI_Bcast(moved.tie_fraction, ist_narrow((int64_t)k), MPI_DOUBLE, root, all->handle);
    }
    if (word[HAS_FAILURE])
        moved.failure = share_text(all, root, lists->failure);
    return moved;
}

/* Rows that a pass 1 has lists for. */
static int64_t rows_of(const ist_session *s, size_t source_pass)
{
    const ist_source_pass *pass = &s->schedule->sources[source_pass];
    return pass->anchors.count > 0 ? pass->anchors.count : s->known.plan->layers[pass->layer].n;
}

/* ---- to the groups and back ------------------------------------------------------------------------ */

/* Steps of the first stage stand first, and all of them are passes 1. */
static size_t first_steps(const ist_schedule *schedule)
{
    size_t count = 0;
    while (ist_schedule_is_staged(schedule) && schedule->steps[count].stage == 0)
        count++;
    return count;
}

ist_lists *ist_lend_lists(ist_session *s, const ist_comm *all, int groups)
{
    size_t count = first_steps(s->schedule);
    ist_lists *whole = ist_alloc(count, sizeof *whole);
    for (size_t i = 0; i < count; i++) {
        size_t pass = s->schedule->steps[i].index;
        int64_t word[WORDS];
        whole[i] = s->lists[pass];
        describe(&whole[i], 0, word);
        s->lists[pass] = move_lists(s, all, rows_of(s, pass), 1, 0, groups, word, &whole[i]);
    }
    return whole;
}

void ist_return_lists(ist_session *s, ist_lists *whole)
{
    for (size_t i = first_steps(s->schedule); i-- > 0;) {
        size_t pass = s->schedule->steps[i].index;
        ist_lists_release(&s->lists[pass]);
        s->lists[pass] = whole[i];
    }
    ist_free(whole);
}

/* The passes of some portions whose lists are for a later stage; the caller frees them. */
static size_t *passes_to_bring(const ist_session *s, size_t first, size_t end, size_t *count)
{
    const ist_schedule *schedule = s->schedule;
    size_t *pass = ist_alloc(schedule->source_count, sizeof *pass);
    *count = 0;
    for (size_t p = first; p < end; p++) {
        const ist_steps *steps = &s->division->portions[p].steps;
        for (size_t i = 0; i < steps->count; i++) {
            const ist_step *step = &schedule->steps[steps->step[i]];
            if (step->kind != IST_STEP_PASS || step->counts)
                continue;
            for (size_t m = step->index; m != SIZE_MAX; m = schedule->sources[m].together)
                if (schedule->steps[schedule->sources[m].last_step].stage > step->stage)
                    pass[(*count)++] = m;
        }
    }
    return pass;
}

void ist_bring_lists(ist_session *s, const ist_comm *all, int groups, size_t first, size_t end)
{
    size_t count;
    size_t *pass = passes_to_bring(s, first, end, &count);
    int64_t *words = ist_alloc(count * WORDS, sizeof *words);
    int color = color_of(all->rank, groups, all->size);
    for (size_t i = 0; i < count; i++)
        describe(&s->lists[pass[i]], color, words + i * WORDS);
    if (count > 0)
        MPI_Allreduce(MPI_IN_PLACE, words, ist_narrow((int64_t)(count * WORDS)), MPI_INT64_T,
                      MPI_MAX, all->handle);
    for (size_t i = 0; i < count; i++) {
        const int64_t *word = words + i * WORDS;
        ist_lists *lists = &s->lists[pass[i]];
        if (word[COLOR] == 0)
            continue;
        ist_lists moved =
            move_lists(s, all, rows_of(s, pass[i]), groups, (int)word[COLOR] - 1, 1, word, lists);
        ist_lists_release(lists);
        *lists = moved;
    }
    ist_free(words);
    ist_free(pass);
}

void ist_drop_stage(ist_session *s, int stage)
{
    for (size_t p = 0; p < s->schedule->source_count; p++)
        if (s->schedule->steps[s->schedule->sources[p].last_step].stage <= stage)
            ist_lists_release(&s->lists[p]);
}

/* ---- facts ---------------------------------------------------------------------------------------- */

/* Why layers cannot be used, from the first rank that knows. */
static void share_failures(ist_session *s, const ist_comm *all)
{
    size_t layers = s->known.plan->layer_count;
    int *knows =
        ist_alloc(layers, sizeof *knows); /* how many ranks stand behind the one that does */
    for (size_t l = 0; l < layers; l++)
        knows[l] = s->facts[l].failure ? all->size - all->rank : 0;
    MPI_Allreduce(MPI_IN_PLACE, knows, ist_narrow((int64_t)layers), MPI_INT, MPI_MAX, all->handle);
    for (size_t l = 0; l < layers; l++) {
        if (knows[l] == 0)
            continue;
        char *reason = share_text(all, all->size - knows[l], s->facts[l].failure);
        ist_free(s->facts[l].failure);
        s->facts[l].failure = reason;
    }
    ist_free(knows);
}

void ist_share_facts(ist_session *s, const ist_comm *all, const bool *mine)
{
    size_t layers = s->known.plan->layer_count, bytes = layers * sizeof(ist_layer_facts);
    ist_layer_facts *facts = ist_alloc(layers, sizeof *facts);
    for (size_t l = 0; l < layers; l++)
        if (mine[l]) {
            memcpy(&facts[l], &s->facts[l], sizeof *facts);
            facts[l].failure = NULL;
        }
    MPI_Allreduce(MPI_IN_PLACE, facts, ist_narrow((int64_t)bytes), MPI_BYTE, MPI_BOR, all->handle);
    for (size_t l = 0; l < layers; l++)
        if (facts[l].seen && !s->facts[l].seen)
            s->facts[l] = facts[l];
    ist_free(facts);
    share_failures(s, all);
}
