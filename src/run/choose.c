/* Which rows of each file the job is about, where these are not simply the first (`input.samples`). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"

static int compare_rows(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* All integers of a vector; the caller frees them. NULL with an error. */
static int64_t *read_all(const ist_location *at, int64_t *count, ist_error *error)
{
    if (ist_probe_integers(at, count, error) != IST_OK)
        return NULL;
    int64_t *values = ist_alloc((size_t)*count, sizeof *values);
    if (ist_read_integers(at, *count, values, error) == IST_OK)
        return values;
    ist_free(values);
    return NULL;
}

static void draw(const ist_samples *samples, int64_t rows, const int32_t *class_of, int64_t classes,
                 ist_chosen *chosen)
{
    chosen->count = classes * samples->count;
    chosen->row = ist_alloc((size_t)chosen->count, sizeof *chosen->row);
    ist_draw_rows(rows, class_of, classes, samples->count, (uint64_t)samples->seed, chosen->row);
}

static void choose_random(const ist_samples *samples, int64_t rows, const char *what,
                          ist_chosen *chosen, ist_error *error)
{
    if (samples->count > rows)
        ist_fail(error, IST_REFUSED,
                 "'samples: {random: %" PRId64 "}' asks for more than the %" PRId64 " rows of %s",
                 samples->count, rows, what);
    else
        draw(samples, rows, NULL, 1, chosen);
}

/* The first class that has too few samples: its label; true if there is one. */
static bool find_short_class(const ist_samples *samples, const int64_t *values, int64_t rows,
                             const int32_t *class_of, int64_t classes, int64_t *label,
                             int64_t *size)
{
    const int64_t start[2] = {0, rows};
    int64_t *sizes = ist_count_classes(class_of, classes, NULL, start, 1), first = 0;
    while (first < rows && sizes[class_of[first]] >= samples->count)
        first++;
    bool found = first < rows;
    if (found) {
        *label = values[first];
        *size = sizes[class_of[first]];
    }
    ist_free(sizes);
    return found;
}

static void choose_per_class(const ist_samples *samples, const ist_location *by, int64_t rows,
                             const char *what, ist_chosen *chosen, ist_error *error)
{
    ist_text where = {0};
    int64_t count = 0, label = 0, size = 0;
    int64_t *values = read_all(by, &count, error);
    ist_location_text(by, &where);
    if (values && count != rows)
        ist_fail(error, IST_REFUSED,
                 "%s has %" PRId64 " samples, but %s, whose classes they are taken from, %" PRId64
                 ": the rows must be the same samples in both",
                 what, rows, where.data, count);
    if (values && error->code == IST_OK) {
        int32_t *class_of = ist_alloc((size_t)rows, sizeof *class_of);
        int64_t classes = ist_number_classes(values, rows, class_of);
        if (find_short_class(samples, values, rows, class_of, classes, &label, &size))
            ist_fail(error, IST_REFUSED,
                     "'samples: {per_class: %" PRId64 "}' asks for more than the %" PRId64
                     " samples of class %" PRId64 " in %s",
                     samples->count, size, label, where.data);
        else
            draw(samples, rows, class_of, classes, chosen);
        ist_free(class_of);
    }
    ist_free(values);
    ist_text_release(&where);
}

static void choose_listed(const ist_location *by, int64_t rows, const char *what,
                          ist_chosen *chosen, ist_error *error)
{
    chosen->row = read_all(by, &chosen->count, error);
    if (!chosen->row)
        return;
    ist_text where = {0};
    ist_location_text(by, &where);
    qsort(chosen->row, (size_t)chosen->count, sizeof *chosen->row, compare_rows);
    const int64_t *row = chosen->row, last = row[chosen->count - 1];
    if (row[0] < 0 || last >= rows)
        ist_fail(error, IST_REFUSED,
                 "%s has the row number %" PRId64 ", but %s has rows 0 to %" PRId64, where.data,
                 row[0] < 0 ? row[0] : last, what, rows - 1);
    for (int64_t i = 1; i < chosen->count && error->code == IST_OK; i++)
        if (row[i] == row[i - 1])
            ist_fail(error, IST_REFUSED,
                     "%s has the row number %" PRId64
                     " twice: rows are listed by their numbers, once each",
                     where.data, row[i]);
    ist_text_release(&where);
}

static void choose(const ist_samples *samples, const ist_location *by, int64_t rows,
                   const char *what, ist_chosen *chosen, ist_error *error)
{
    if (samples->kind == IST_SAMPLES_RANDOM)
        choose_random(samples, rows, what, chosen, error);
    else if (samples->kind == IST_SAMPLES_PER_CLASS)
        choose_per_class(samples, by, rows, what, chosen, error);
    else
        choose_listed(by, rows, what, chosen, error);
    if (error->code == IST_OK)
        chosen->hash = ist_hash_bytes(chosen->row, (size_t)chosen->count * sizeof *chosen->row, 0);
}

/* A choice depends on the rows of the file and on where classes or row numbers stand. */
static ist_hash key_of(int64_t rows, const ist_location *by)
{
    ist_text key = {0};
    ist_text_add(&key, "%" PRId64 " ", rows);
    if (by->file)
        ist_location_text(by, &key);
    ist_hash hash = ist_hash_bytes(key.data, key.length, 0);
    ist_text_release(&key);
    return hash;
}

size_t ist_choose(ist_known_job *known, size_t cell, const ist_location *at, int64_t rows,
                  ist_faults *faults)
{
    const ist_samples *samples = &known->job->samples;
    if (samples->kind == IST_SAMPLES_ALL || samples->kind == IST_SAMPLES_FIRST)
        return SIZE_MAX;
    ist_location by;
    bool written = ist_locate_samples(known->plan, cell, &by);
    size_t choice = *ist_index_add(&known->choices, key_of(rows, &by), known->chosen_count);
    if (choice == known->chosen_count) {
        known->chosen = ist_grow(known->chosen, known->chosen_count, known->chosen_count + 1,
                                 sizeof *known->chosen);
        ist_chosen *chosen = &known->chosen[known->chosen_count++];
        *chosen = (ist_chosen){.among = choice};
        ist_error error = {0};
        ist_text what = {0};
        ist_location_text(at, &what);
        choose(samples, &by, rows, what.data, chosen, &error);
        if (error.code != IST_OK)
            ist_faults_add(faults, samples->place, "%s", error.text);
        ist_text_release(&what);
    }
    if (written)
        ist_release_location(&by);
    return choice;
}

/* ---- subsets --------------------------------------------------------------------------------- */

static ist_hash subset_key(size_t choice, int64_t population, const ist_subsets *of, int64_t index)
{
    const uint64_t words[] = {(uint64_t)choice,   (uint64_t)population, (uint64_t)of->size,
                              (uint64_t)of->seed, (uint64_t)index,      SIZE_MAX};
    return ist_hash_bytes(words, sizeof words, 0);
}

/* All of them at once: one drawing serves all. */
static void add_subsets(ist_known_job *known, size_t choice, int64_t population,
                        const ist_subsets *of)
{
    const int64_t there = ist_min(of->count, population / of->size);
    int64_t *rows = ist_alloc((size_t)(there * of->size), sizeof *rows);
    ist_draw_subsets(population, of->size, there, (uint64_t)of->seed, rows);
    known->chosen = ist_grow(known->chosen, known->chosen_count,
                             known->chosen_count + (size_t)of->count, sizeof *known->chosen);
    for (int64_t s = 0; s < of->count; s++) {
        size_t next = known->chosen_count;
        if (*ist_index_add(&known->choices, subset_key(choice, population, of, s), next) != next)
            continue; /* another entry's, with the same size and seed */
        const int64_t count = s < there ? of->size : 0;
        ist_chosen *subset = &known->chosen[known->chosen_count++];
        *subset = (ist_chosen){
            .count = count, .row = ist_alloc((size_t)count, sizeof *subset->row), .among = choice};
        for (int64_t i = 0; i < count; i++) {
            const int64_t row = rows[s * of->size + i];
            subset->row[i] = choice == SIZE_MAX ? row : known->chosen[choice].row[row];
        }
        subset->hash = ist_hash_bytes(subset->row, (size_t)count * sizeof *subset->row, 0);
    }
    ist_free(rows);
}

size_t ist_choose_subset(ist_known_job *known, size_t choice, int64_t population, ist_draw draw)
{
    if (!draw.of)
        return choice;
    const ist_hash key = subset_key(choice, population, draw.of, draw.index);
    if (ist_index_find(&known->choices, key) == SIZE_MAX)
        add_subsets(known, choice, population, draw.of);
    return ist_index_find(&known->choices, key);
}

size_t ist_choice_of_all(const ist_known_job *known, size_t choice)
{
    return choice == SIZE_MAX ? choice : known->chosen[choice].among;
}

/* ---- what a choice is ------------------------------------------------------------------------ */

int64_t ist_rows_chosen(const ist_known_job *known, size_t choice, int64_t rows)
{
    const ist_samples *samples = &known->job->samples;
    if (choice != SIZE_MAX)
        return known->chosen[choice].count;
    return samples->kind == IST_SAMPLES_FIRST ? ist_min(samples->count, rows) : rows;
}

ist_code ist_read_chosen(const ist_known_job *known, const ist_location *at, size_t choice,
                         int64_t n, int64_t *values, ist_error *error)
{
    if (choice == SIZE_MAX)
        return ist_read_integers(at, n, values, error);
    const ist_chosen *chosen = &known->chosen[choice];
    int64_t all = n > 0 ? chosen->row[n - 1] + 1 : 0;
    int64_t *read = ist_alloc((size_t)all, sizeof *read);
    if (ist_read_integers(at, all, read, error) == IST_OK)
        for (int64_t i = 0; i < n; i++)
            values[i] = read[chosen->row[i]];
    ist_free(read);
    return error->code;
}

void ist_stamp_chosen(const ist_known_job *known, size_t layer, ist_stamp *stamp)
{
    size_t choice = known->layer_choice[layer];
    if (choice != SIZE_MAX)
        stamp->inode = (int64_t)((uint64_t)stamp->inode ^ known->chosen[choice].hash.low);
}

void ist_release_choices(ist_known_job *known)
{
    for (size_t c = 0; c < known->chosen_count; c++)
        ist_free(known->chosen[c].row);
    ist_free(known->chosen);
    ist_free(known->layer_choice);
    ist_free(known->label_choice);
    ist_index_release(&known->choices);
}
