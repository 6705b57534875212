/* What lists among all say of a row's class. */
#include "infostrata/class_lists.h"

ist_class_lists ist_class_lists_new(const ist_class_question *question)
{
    size_t count = (size_t)question->rows->home.count, entries = count * (size_t)question->k;
    return (ist_class_lists){.k = question->k,
                             .held = ist_alloc(count, sizeof(int32_t)),
                             .distance = ist_alloc(entries, sizeof(double)),
                             .reach = ist_alloc(entries, sizeof(int32_t)),
                             .closer = ist_alloc(entries, sizeof(int32_t)),
                             .equal = ist_alloc(entries, sizeof(int32_t))};
}

void ist_class_lists_release(ist_class_lists *lists)
{
    ist_free(lists->held);
    ist_free(lists->distance);
    ist_free(lists->reach);
    ist_free(lists->closer);
    ist_free(lists->equal);
    *lists = (ist_class_lists){0};
}

/* One row's list. */
typedef struct {
    const ist_class_question *question;
    const int64_t *class_size; /* of its segment */
    int64_t length, others;    /* entries; rows of the segment beside it */
    const int32_t *neighbour;
    const double *distance;
} row_list;

/* Entries of one distance. */
typedef struct {
    int64_t end;
    int32_t same, counted; /* of the row's class; of those that are counted */
} run;

static run run_from(const row_list *list, int64_t first, int32_t own)
{
    const ist_class_question *q = list->question;
    run found = {.end = first};
    for (; found.end < list->length && list->distance[found.end] == list->distance[first];
         found.end++) {
        int32_t class = q->class_of[ist_row_number(q->rows, list->neighbour[found.end])];
        found.same += class == own;
        found.counted += !q->leave_out || list->class_size[class] > 1;
    }
    return found;
}

/* `want` entries from `at` on; false if the list is too short. */
static bool take_row(const row_list *list, int32_t own, int64_t want, int64_t at,
                     ist_class_lists *out)
{
    int64_t held = 0;
    int32_t same = 0, counted = 0;
    for (int64_t first = 0; held < want && first < list->length;) {
        run now = run_from(list, first, own);
        if (now.end == list->length && list->length < list->others)
            return false; /* more may be at this distance */
        for (int32_t e = 0; e < now.same && held < want; e++, held++) {
            out->distance[at + held] = list->distance[first];
            out->reach[at + held] = same + now.same;
            out->closer[at + held] = counted;
            out->equal[at + held] = now.counted;
        }
        same += now.same;
        counted += now.counted;
        first = now.end;
    }
    return held == want;
}

/* Rows of the segment that a superblock belongs to. */
static int64_t segment_rows(const ist_blocks *blocks, int64_t block)
{
    int64_t first = block, end = block + 1;
    while (first > 0 && blocks->segment[first - 1] == blocks->segment[block])
        first--;
    while (end < blocks->count && blocks->segment[end] == blocks->segment[block])
        end++;
    return blocks->start[end] - blocks->start[first];
}

int64_t ist_class_lists_take(const ist_class_question *q, const ist_lists_among_all *among,
                             ist_class_lists *lists, bool *is_short)
{
    const ist_rows *rows = q->rows;
    const ist_blocks *blocks = &rows->blocks;
    int64_t length = ist_min(among->neighbour_k, among->distance_k), count = 0, others = 0;
    int64_t block = rows->home.count > 0 ? ist_blocks_find(blocks, rows->home.first) : 0;
    for (int64_t i = 0; i < rows->home.count; i++) {
        int64_t position = rows->home.first + i;
        while (position >= blocks->start[block + 1])
            block++;
        if (i == 0 || position == blocks->start[block])
            others = segment_rows(blocks, block) - 1;
        const int64_t *size = q->class_size + blocks->segment[block] * q->classes;
        row_list list = {.question = q,
                         .class_size = size,
                         .length = ist_min(length, others),
                         .others = others,
                         .neighbour = among->neighbour + i * among->neighbour_k,
                         .distance = among->distance + i * among->distance_k};
        int32_t own = q->class_of[ist_row_number(rows, position)];
        int64_t want = ist_min(q->k, size[own] - 1);
        lists->held[i] = (int32_t)want;
        is_short[i] = !take_row(&list, own, want, i * q->k, lists);
        count += is_short[i];
    }
    return count;
}
