/* CSV files as the program writes them: quotes where needed, one header. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One cell without its quotes, in place; *at moves behind it, *ended is what stood there: ',' or '\n'. */
static const char *next_cell(char **at, char *ended)
{
    char *from = *at, *cell = from, *end = from;
    bool quoted = *from == '"';
    for (from += quoted; *from && (quoted || (*from != ',' && *from != '\n')); from++) {
        if (quoted && *from == '"' && from[1] != '"') {
            quoted = false;
            continue;
        }
        from += quoted && *from == '"';
        *end++ = *from;
    }
    *ended = *from;
    *end = '\0';
    *at = from + 1;
    return cell;
}

/* The cells of one line. */
static const char **next_line(char **at, size_t *count)
{
    enum { MOST = 100 };
    const char **cells = scratch_alloc(MOST * sizeof *cells);
    char ended = ',';
    for (*count = 0; ended == ','; ++*count) {
        cr_assert(*count < MOST, "a table of more than %d columns", MOST);
        cells[*count] = next_cell(at, &ended);
    }
    cr_assert(ended == '\n', "a line of the table has no end");
    return cells;
}

table table_read(const char *path)
{
    size_t size;
    char *at = file_read(path, &size), *end = at + size;
    cr_assert(at && size > 0, "cannot read %s", path);
    table t = {0};
    int lines = count_text(at, "\n");
    t.header = next_line(&at, &t.columns);
    t.cell = scratch_alloc((size_t)lines * t.columns * sizeof *t.cell);
    for (; at < end; t.rows++) {
        size_t columns;
        const char **cells = next_line(&at, &columns);
        cr_assert(columns == t.columns, "%s: row %zu has %zu cells, not %zu", path, t.rows, columns,
                  t.columns);
        memcpy(t.cell + t.rows * t.columns, cells, columns * sizeof *cells);
    }
    return t;
}

table results_of(const char *output)
{
    return table_read(scratch_text("%s/results.csv", output));
}

static const char *column_text(const table *t, size_t row, const char *name)
{
    for (size_t c = 0; c < t->columns; c++)
        if (strcmp(t->header[c], name) == 0)
            return t->cell[row * t->columns + c];
    return NULL;
}

/* The value of `name` in "name=value;name=value". */
static const char *part_text(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at && *at; at += strcspn(at, ";"), at += *at == ';')
        if (strncmp(at, name, length) == 0 && at[length] == '=')
            return scratch_text("%.*s", (int)strcspn(at + length + 1, ";"), at + length + 1);
    return NULL;
}

const char *table_text(const table *t, size_t row, const char *name)
{
    cr_assert(row < t->rows, "the table has no row %zu", row);
    const char *text = column_text(t, row, name);
    if (!text)
        text = part_text(column_text(t, row, "params"), name);
    return text ? text : part_text(column_text(t, row, "detail"), name);
}

double table_real(const table *t, size_t row, const char *name)
{
    const char *text = table_text(t, row, name);
    return text && *text ? strtod(text, NULL) : (double)NAN;
}

static bool fits(const table *t, size_t row, const char *const where[])
{
    for (; *where; where++) {
        const char *equals = strchr(*where, '=');
        cr_assert(equals, "'%s' is not name=value", *where);
        const char *name = scratch_text("%.*s", (int)(equals - *where), *where);
        const char *text = table_text(t, row, name);
        if (!text || strcmp(text, equals + 1) != 0)
            return false;
    }
    return true;
}

size_t table_count(const table *t, const char *const where[])
{
    size_t count = 0;
    for (size_t row = 0; row < t->rows; row++)
        count += fits(t, row, where);
    return count;
}

size_t table_find(const table *t, const char *const where[])
{
    size_t found = 0, count = 0;
    for (size_t row = 0; row < t->rows; row++)
        if (fits(t, row, where) && count++ == 0)
            found = row;
    const char *all = "";
    for (size_t i = 0; where[i]; i++)
        all = scratch_text("%s %s", all, where[i]);
    cr_assert(count == 1, "%zu rows of %zu with%s", count, t->rows, all);
    return found;
}

/* Columns in which a row that BLAS touches may differ. */
static bool may_differ(const char *column)
{
    return strcmp(column, "value") == 0 || strcmp(column, "std_error") == 0 ||
           strcmp(column, "detail") == 0;
}

size_t expect_near_results(const char *output, const char *expected, const char *what)
{
    table got = results_of(output), right = results_of(expected);
    size_t touched = 0;
    cr_assert(got.rows == right.rows && got.columns == right.columns, "%s: %zu rows, not %zu", what,
              got.rows, right.rows);
    for (size_t row = 0; row < got.rows; row++) {
        const char *told = table_text(&right, row, "reproducible");
        const double close = told ? strtod(told, NULL) : 0;
        touched += told != NULL;
        for (size_t c = 0; c < got.columns; c++) {
            const char *x = got.cell[row * got.columns + c], *y = right.cell[row * got.columns + c];
            cr_expect((told && may_differ(got.header[c])) || strcmp(x, y) == 0,
                      "%s: row %zu has %s '%s', not '%s'", what, row, got.header[c], x, y);
        }
        if (!told)
            continue;
        const double value = table_real(&got, row, "value"),
                     truth = table_real(&right, row, "value");
        cr_expect(table_text(&got, row, "reproducible") &&
                      fabs(value - truth) <= close * fabs(truth),
                  "%s: row %zu is %.17g, not %.17g, to %s", what, row, value, truth, told);
    }
    return touched;
}
