/* NumPy's index text over the dimensions of a dataset. */
#include "view.h"
#include "message.h"

#include <string.h>

enum { ENTRY_TEXT = 64 };

/* The next entry of "0, :, -1" without its blanks; one that is too long to be anything is cut. */
static void next_entry(const char **cursor, char entry[ENTRY_TEXT])
{
    const char *start = *cursor + strspn(*cursor, " \t");
    size_t length = strcspn(start, ",");
    *cursor = start + length + (start[length] == ',');
    while (length && strchr(" \t", start[length - 1]))
        length--;
    const bool cut = length >= ENTRY_TEXT;
    const size_t kept = cut ? ENTRY_TEXT - 4 : length;
    memcpy(entry, start, kept);
    memcpy(entry + kept, "...", 4);
    entry[cut ? kept + 3 : kept] = '\0';
}

static ist_code refuse_entry(const ist_location *at, const char *entry, ist_error *error)
{
    const char *reason = "an entry of an index is an integer or ':'";
    if (strchr(entry, ':'))
        reason = "only a whole ':' is read, not a part of a dimension; for the first n samples "
                 "write 'samples: {first: n}', or save the part you mean as a dataset of its own";
    else if (strcmp(entry, "...") == 0 || strcmp(entry, "None") == 0)
        reason = "write one ':' for each dimension that is kept";
    else if (*entry == '\0')
        reason = "an entry is missing between two commas";
    return data_fail(at, error, IST_REFUSED, "'%s' in the index: %s", entry, reason);
}

/* NumPy's negative entries count from the end. */
static ist_code fix_dimension(const ist_location *at, data_view *view, int k, int64_t entry,
                              ist_error *error)
{
    const int64_t size = view->size[k];
    if (entry >= size || entry < -size)
        return data_fail(at, error, IST_REFUSED,
                         "index %lld is out of range: dimension %d has %lld entries (0 to %lld)",
                         (long long)entry, k, (long long)size, (long long)size - 1);
    view->fixed[k] = entry < 0 ? entry + size : entry;
    return IST_OK;
}

static ist_code read_entry(const ist_location *at, data_view *view, int k, const char *entry,
                           ist_error *error)
{
    int64_t number = 0;
    if (k == view->rank) {
        ist_text sizes = {0};
        data_add_sizes(&sizes, view->rank, view->size);
        data_fail(at, error, IST_REFUSED,
                  "the index has more entries than the data have "
                  "dimensions (%s)",
                  sizes.data);
        ist_text_release(&sizes);
        return IST_REFUSED;
    }
    if (strcmp(entry, ":") == 0)
        return IST_OK;
    if (!ist_parse_integer(entry, &number))
        return refuse_entry(at, entry, error);
    return fix_dimension(at, view, k, number, error);
}

static ist_code parse_index(const ist_location *at, data_view *view, ist_error *error)
{
    const char *cursor = at->index ? at->index : "";
    cursor += strspn(cursor, " \t");
    for (int k = 0; *cursor; k++) {
        char entry[ENTRY_TEXT];
        next_entry(&cursor, entry);
        const ist_code code = read_entry(at, view, k, entry, error);
        if (code != IST_OK)
            return code;
        cursor += strspn(cursor, " \t");
    }
    return IST_OK;
}

/* Zero-length dimensions do not hide an overflow of the others: a later product would meet it. */
static bool count_values(data_view *view)
{
    int64_t all = 1;
    bool fits = true;
    for (int k = 0; k < view->rank; k++)
        fits = fits && !__builtin_mul_overflow(all, ist_max(view->size[k], 1), &all);
    view->row_values = 1;
    for (int k = 1; fits && k < view->kept; k++)
        view->row_values *= view->size[view->axis[k]];
    return fits && all <= INT64_MAX / 16; /* bytes and ends of ranges fit as well */
}

ist_code data_view_index(const ist_location *at, data_view *view, ist_error *error)
{
    for (int k = 0; k < view->rank; k++)
        view->fixed[k] = -1;
    const ist_code code = parse_index(at, view, error);
    if (code != IST_OK)
        return code;
    view->kept = 0;
    for (int k = 0; k < view->rank; k++)
        if (view->fixed[k] < 0)
            view->axis[view->kept++] = k;
    view->rows = view->kept ? view->size[view->axis[0]] : 1;
    if (!count_values(view))
        return data_fail(at, error, IST_REFUSED, "has more values than can be counted");
    return IST_OK;
}

int64_t data_view_features(const ist_location *at, const data_view *view)
{
    return at->pool ? view->size[view->axis[1]] : view->row_values;
}
