/* Which part of a dataset an index means. */
#include <criterion/criterion.h>
#include <string.h>

#include "../../src/data/view.h"
#include "test_data_files.h"

static ist_code parse(const char *index, data_view *view, ist_error *error)
{
    const ist_location where = at("a.h5", "/x", index);
    *view = (data_view){.rank = 4, .size = {5, 100, 3, 8}};
    return data_view_index(&where, view, error);
}

/* "kept 1,2 rows 100 values 3 fixed 0,-1,-1,2" */
static void expect_view(const char *index, const char *expected)
{
    data_view view;
    ist_error error = {0};
    cr_assert(parse(index, &view, &error) == IST_OK, "'%s': %s", index, error.text);
    ist_text text = {0};
    ist_text_add(&text, "kept");
    for (int i = 0; i < view.kept; i++)
        ist_text_add(&text, " %d", view.axis[i]);
    ist_text_add(&text, "; rows %lld values %lld; at", (long long)view.rows,
                 (long long)view.row_values);
    for (int k = 0; k < view.rank; k++)
        if (view.fixed[k] >= 0)
            ist_text_add(&text, " %d:%lld", k, (long long)view.fixed[k]);
    cr_expect(strcmp(text.data, expected) == 0, "'%s': %s", index, text.data);
    ist_text_release(&text);
}

Test(data_view, forms)
{
    expect_view("", "kept 0 1 2 3; rows 5 values 2400; at");
    expect_view(NULL, "kept 0 1 2 3; rows 5 values 2400; at");
    expect_view("  ", "kept 0 1 2 3; rows 5 values 2400; at");
    expect_view(":", "kept 0 1 2 3; rows 5 values 2400; at");
    expect_view("0", "kept 1 2 3; rows 100 values 24; at 0:0");
    expect_view("0, :, :", "kept 1 2 3; rows 100 values 24; at 0:0");
    expect_view("0,:,:,:", "kept 1 2 3; rows 100 values 24; at 0:0");
    expect_view(" -1 ,\t: ", "kept 1 2 3; rows 100 values 24; at 0:4");
    expect_view("4,", "kept 1 2 3; rows 100 values 24; at 0:4");
    expect_view("-5, :, 2", "kept 1 3; rows 100 values 8; at 0:0 2:2");
    expect_view(":, :, -1, 7", "kept 0 1; rows 5 values 100; at 2:2 3:7");
    expect_view("1, :, 1, 1", "kept 1; rows 100 values 1; at 0:1 2:1 3:1");
    expect_view("1, 2, 1, 1", "kept; rows 1 values 1; at 0:1 1:2 2:1 3:1");
}

Test(data_view, refused)
{
    static const struct {
        const char *index, *text;
    } rows[] = {
        {"5", "index 5 is out of range: dimension 0 has 5 entries (0 to 4)"},
        {":, :, -4", "index -4 is out of range: dimension 2 has 3 entries (0 to 2)"},
        {"0:3", "'0:3' in the index: only a whole ':' is read"},
        {"::2", "samples: {first: n}"},
        {"...", "write one ':' for each dimension that is kept"},
        {"None", "write one ':' for each dimension"},
        {"0,,1", "an entry is missing between two commas"},
        {",0", "an entry is missing"},
        {"a", "'a' in the index: an entry of an index is an integer or ':'"},
        {"1.0", "an integer or ':'"},
        {"99999999999999999999", "an integer or ':'"},
        {"0000000000000000000000000000000000000000000000000000000000000000000001", "0...'"},
        {":,:,:,:,0", "more entries than the data have dimensions (5 x 100 x 3 x 8)"},
        {"\033[2J", "'\\x1b[2J' in the index"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        data_view view;
        ist_error error = {0};
        cr_expect(parse(rows[k].index, &view, &error) == IST_REFUSED, "'%s'", rows[k].index);
        expect_message(&error, TEXTS("a.h5:/x[", rows[k].text));
    }
}

Test(data_view, sizes_that_overflow)
{
    const ist_location where = at("a.h5", "/x", "");
    data_view view = {.rank = 3, .size = {INT64_C(1) << 31, INT64_C(1) << 31, 4}};
    ist_error error = {0};
    cr_expect(data_view_index(&where, &view, &error) == IST_REFUSED);
    expect_message(&error, TEXTS("more values than can be counted"));
    /* a zero does not hide it */
    view = (data_view){.rank = 3, .size = {0, INT64_MAX, INT64_MAX}};
    error = (ist_error){0};
    cr_expect(data_view_index(&where, &view, &error) == IST_REFUSED);
}
