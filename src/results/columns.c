/* Fills the numbers of an array: what a row puts where. */
#include <math.h>
#include <string.h>

#include "columns.h"

static ist_columns new_columns(size_t count, size_t width)
{
    ist_columns c = {.count = count, .width = width};
    c.value = ist_alloc_unset(count, sizeof *c.value);
    c.std_error = ist_alloc_unset(count, sizeof *c.std_error);
    c.slices = ist_alloc_unset(count * width, sizeof *c.slices);
    c.status = ist_alloc_unset(count, sizeof *c.status);
    c.row = ist_alloc_unset(count, sizeof *c.row);
    for (size_t i = 0; i < count; i++) {
        c.value[i] = c.std_error[i] = (double)NAN;
        c.status[i] = IST_STATUS_ABSENT;
        c.row[i] = -1;
    }
    for (size_t i = 0; i < count * width; i++)
        c.slices[i] = (double)NAN;
    return c;
}

void ist_columns_release(ist_columns *c)
{
    ist_free(c->value);
    ist_free(c->std_error);
    ist_free(c->slices);
    ist_free(c->status);
    ist_free(c->row);
}

typedef struct {
    const ist_columns *into;
    const ist_array_row *row;
} filling;

static void fill(void *context, size_t offset)
{
    const filling *f = context;
    const ist_columns *c = f->into;
    const ist_record *record = f->row->record;
    c->row[offset] = f->row->row;
    c->status[offset] = record ? IST_STATUS_OK : IST_STATUS_FAILED;
    if (!record)
        return;
    c->value[offset] = record->value;
    c->std_error[offset] = record->std_error;
    if (record->series_count > 0)
        memcpy(&c->slices[offset * c->width], record->series,
               (size_t)record->series_count * sizeof *record->series);
}

ist_columns ist_columns_of(const ist_array *array)
{
    ist_columns c =
        new_columns(array->list ? array->row_count : array->size, (size_t)array->slices);
    for (size_t r = 0; r < array->row_count; r++) {
        filling f = {&c, &array->rows[r]};
        if (array->list)
            fill(&f, r);
        else
            ist_array_places(array, &array->rows[r], fill, &f);
    }
    return c;
}
