/* The note `calibration`, what it is made of, and `bench --calibrate`, which makes its table. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the note ---------------------------------------------------------------------------------- */

enum { N = 1200, WIDE = 20 };

/* Layers wide and wide2 of 20 columns, one and one2 of one column, same of constants, and labels. */
static void write_layers(void)
{
    hid_t file = input_new(scratch_path("g.h5"));
    double *constant = draw_normals(7, N), *one = draw_normals(3, N);
    for (int i = 0; i < N; i++)
        constant[i] = 2;
    input_layer(file, "/layers/wide", H5T_IEEE_F32LE, N, WIDE, draw_normals(1, N * WIDE));
    input_layer(file, "/layers/wide2", H5T_IEEE_F32LE, N, WIDE, draw_normals(2, N * WIDE));
    input_layer(file, "/layers/one", H5T_IEEE_F32LE, N, 1, one);
    input_layer(file, "/layers/one2", H5T_IEEE_F32LE, N, 1, draw_correlated(one, 0.9, 4, N));
    input_layer(file, "/layers/same", H5T_IEEE_F32LE, N, 1, constant);
    input_integers(file, "/labels/y", N, draw_labels(5, N, 3));
    input_close(file);
}

static const char *new_job(const char *name, const char *measures)
{
    return job_new(name, scratch_text("input: {file: g.h5, layers: [wide, wide2, one, one2, same], "
                                      "labels: [y]}\nmeasures:\n%s",
                                      measures));
}

static bool is_noted(const table *t, size_t row)
{
    const char *note = scratch_text(";%s;", table_text(t, row, "note"));
    return strstr(note, ";calibration;") != NULL;
}

Test(calibration, wide_layers_get_the_note_and_single_columns_do_not, .timeout = 120)
{
    write_layers();
    const char *output = scratch_path("out");
    RUN(0, 2,
        new_job("job",
                "  - mi-ksg: {pairs: [[wide, wide2], [one, one2], [one, wide]], type: [1, 2]}\n"
                "  - mi-mixed: {pairs: [[wide, wide2], [one, one2]], k: 3, form: [code, paper]}\n"),
        output);
    table t = results_of(output);
    cr_assert(t.rows == 10);
    for (size_t row = 0; row < t.rows; row++) {
        bool single = strcmp(table_text(&t, row, "target"), "one2") == 0;
        double found = table_real(&t, row, "calibration");
        cr_expect(is_noted(&t, row) == !single, "row %zu", row);
        cr_expect(is_noted(&t, row) == (fabs(found - 1) > 0.3));
        cr_expect(single ? fabs(found - 1) < 0.1 : found < 0.5, "row %zu: %g", row, found);
        cr_expect((table_real(&t, row, "dimension_target") > 10) == !single);
    }
    size_t first = table_find(&t, WHERE("measure=mi-ksg", "source=wide", "type=1"));
    size_t code = table_find(&t, WHERE("measure=mi-mixed", "source=wide", "form=code"));
    size_t paper = table_find(&t, WHERE("measure=mi-mixed", "source=wide", "form=paper"));
    EXPECT_CELL(&t, code, "calibration", table_text(&t, first, "calibration"));
    cr_expect(table_real(&t, paper, "calibration") < table_real(&t, first, "calibration") - 0.05);
}

/* Neighbours at equal distances make the two-NN dimension of a column of whole numbers large. */
/* The table is of layers that are brought to one scale: of others it would say what is not true. */
Test(calibration, of_one_scale_only, .timeout = 60)
{
    write_layers();
    const char *output = scratch_path("scale");
    RUN(0, 1,
        new_job("scales", "  - mi-ksg: {pairs: [[wide, wide2]], scale: [rms, none, zscore]}\n"
                          "  - mi-mixed: {pairs: [[wide, wide2]], scale: [rms, none]}\n"),
        output);
    table t = results_of(output);
    cr_assert(t.rows == 5);
    for (size_t row = 0; row < t.rows; row++) {
        bool rms = strcmp(table_text(&t, row, "scale"), "rms") == 0;
        cr_expect(is_noted(&t, row) == rms, "row %zu", row);
        cr_expect((table_text(&t, row, "calibration") != NULL) == rms, "row %zu", row);
        cr_expect(table_real(&t, row, "dimension_target") > 10, "row %zu", row);
    }
}

Test(calibration, a_column_is_never_wide, .timeout = 120)
{
    enum { FEW = 900 };
    double *steps = draw_normals(8, FEW);
    for (int i = 0; i < FEW; i++)
        steps[i] = i * 7 % FEW;
    hid_t file = input_new(scratch_path("g.h5"));
    input_layer(file, "/layers/one", H5T_IEEE_F32LE, FEW, 1, draw_normals(3, FEW));
    input_layer(file, "/layers/steps", H5T_IEEE_F32LE, FEW, 1, steps);
    input_close(file);
    const char *job = job_new("job", "input: {file: g.h5, layers: [one, steps]}\n"
                                     "measures: [{mi-ksg: {se: none}}]\n");
    RUN(0, 1, job, scratch_path("out"));
    table t = results_of(scratch_path("out"));
    cr_expect(table_real(&t, 0, "dimension_target") > 10);
    cr_expect(!is_noted(&t, 0) && fabs(table_real(&t, 0, "calibration") - 1) < 0.05);
}

/* Both dimensions count, and it is the same whichever layer is named first. */
Test(calibration, either_layer_may_be_the_wide_one, .timeout = 120)
{
    write_layers();
    RUN(0, 1, new_job("a", "  - mi-ksg: {pairs: [[one, wide]], se: none}\n"), scratch_path("a"));
    RUN(0, 1, new_job("b", "  - mi-ksg: {pairs: [[wide, one]], se: none}\n"), scratch_path("b"));
    table a = results_of(scratch_path("a")), b = results_of(scratch_path("b"));
    cr_expect(is_noted(&a, 0) && is_noted(&b, 0));
    EXPECT_CELL(&a, 0, "calibration", table_text(&b, 0, "calibration"));
    EXPECT_CELL(&a, 0, "dimension_source", table_text(&b, 0, "dimension_target"));
    EXPECT_CELL(&a, 0, "dimension_target", table_text(&b, 0, "dimension_source"));
}

Test(calibration, not_where_there_is_no_such_pair, .timeout = 120)
{
    write_layers();
    const char *output = scratch_path("out");
    RUN(0, 1,
        new_job("job", "  - mi-ksg: {pairs: [[wide, same]], se: none}\n"
                       "  - mi-mixed: {layers: [wide], target: y, se: none}\n"
                       "  - mi-ross: {layers: [wide], target: y, se: none}\n"),
        output);
    table t = results_of(output);
    cr_assert(t.rows == 3);
    for (size_t row = 0; row < t.rows; row++) {
        cr_expect(!is_noted(&t, row) && !table_text(&t, row, "calibration"), "row %zu", row);
        cr_expect(!table_text(&t, row, "dimension_target"));
    }
}

/* What is expected of a Gaussian of 1 nat is what such a Gaussian gives. */
Test(calibration, a_gaussian_of_one_nat_is_found_as_told, .timeout = 120)
{
    enum { SAMPLES = 3000, D = 6 };
    double *x = draw_normals(11, SAMPLES * D);
    hid_t file = input_new(scratch_path("g.h5"));
    input_layer(file, "/layers/x", H5T_IEEE_F32LE, SAMPLES, D, x);
    input_layer(file, "/layers/y", H5T_IEEE_F32LE, SAMPLES, D,
                draw_correlated(x, sqrt(1 - exp(-2.0 / D)), 12, SAMPLES * D));
    input_close(file);
    const char *job = job_new("job", "input: {file: g.h5, layers: [x, y]}\nmeasures:\n"
                                     "  - mi-ksg: {k: [1, 5, 20], type: [1, 2], se: none}\n"
                                     "  - mi-mixed: {k: [2, 5], form: [code, paper], se: none}\n");
    RUN(0, 2, job, scratch_path("out"));
    table t = results_of(scratch_path("out"));
    cr_assert(t.rows == 10);
    for (size_t row = 0; row < t.rows; row++)
        cr_expect(close_to(table_real(&t, row, "value"), table_real(&t, row, "calibration"), 0.07),
                  "row %zu: %s, but %s told", row, table_text(&t, row, "value"),
                  table_text(&t, row, "calibration"));
}

/* Of few samples the dimension was that of the random parts where these were there for something else. */
Test(calibration, dimension_is_the_same_with_and_without_parts, .timeout = 120)
{
    enum { FEW = 500 };
    input_example("acts.h5", FEW, 1);
    static const char *const errors[] = {"parts", "none"};
    table t[2];
    for (int e = 0; e < 2; e++) {
        const char *job = job_new(errors[e], scratch_text("input: {file: acts.h5, layers: [a, b]}\n"
                                                          "measures: [{mi-ksg: {se: %s}}]\n",
                                                          errors[e]));
        RUN(0, 1, job, scratch_path("%s", errors[e]));
        t[e] = results_of(scratch_path("%s", errors[e]));
    }
    cr_expect(table_real(&t[0], 0, "std_error") > 0);
    EXPECT_CELL(&t[0], 0, "dimension_source", table_text(&t[1], 0, "dimension_source"));
    EXPECT_CELL(&t[0], 0, "calibration", table_text(&t[1], 0, "calibration"));
}

Test(calibration, plan_tells_of_the_dimensions, .timeout = 60)
{
    write_layers();
    spawn_result with = PROGRAM(0, "plan", new_job("a", "  - mi-ksg: {pairs: [[wide, one]]}\n"));
    EXPECT_SAYS(with, "and two-NN dimensions of 2 layers");
    spawn_result without =
        PROGRAM(0, "plan", new_job("b", "  - overlap: {pairs: [[wide, one]]}\n"));
    cr_expect(!strstr(without.out, "two-NN"), "%s", spawn_story(&without));
}

/* ---- the table ----------------------------------------------------------------------------------- */

static char *text_of(const char *path)
{
    char *text = calloc(1, 1 << 17);
    FILE *file = fopen(path, "rb");
    cr_assert(file && text && fread(text, 1, (1 << 17) - 1, file) > 0, "%s", path);
    fclose(file);
    return text;
}

static bool is_entry(const char *line)
{
    return strncmp(line, "INFORMATION", 11) == 0 || strncmp(line, "DIMENSION", 9) == 0;
}

/* Every line of a table that was made now stands in the shipped one. */
static void expect_shipped(char *made, int lines)
{
    char *shipped = text_of(IST_SOURCE_DIR "/src/measures/calibration.def"), *rest = NULL;
    int count = 0, same = 0, entries = 0;
    for (char *line = strtok_r(made, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        same += strstr(shipped, scratch_text("%s\n", line)) != NULL;
        count++;
        entries += is_entry(line);
    }
    cr_expect(entries == lines && same == count, "%d lines, %d of %d shipped", entries, same,
              count);
    free(shipped);
}

Test(calibrate, makes_the_shipped_lines_again, .timeout = 240)
{
    spawn_result alone = PROGRAM(0, "bench", "--calibrate", "-n", "4096", "-d", "1");
    EXPECT_CODE(alone, 0);
    cr_expect(strstr(alone.err, "2 of 2 lines"), "%s", spawn_story(&alone));
    const char *file = scratch_path("made.def");
    spawn_result three = PROGRAM(3, "bench", scratch_text("--calibrate=%s", file), "--samples",
                                 "4096", "--dimensions", "1", "--skipping", "auto");
    EXPECT_CODE(three, 0);
    char *made = text_of(file);
    cr_expect(strcmp(made, alone.out) == 0, "%s", spawn_story(&three));
    expect_shipped(made, 2);
    free(made);
}

Test(calibrate, refusals, .timeout = 120)
{
    static const struct {
        const char *arguments[6], *says;
        int code;
    } bad[] = {
        {{"--calibrate", "-n", "300"}, "64, 256, 1024, 4096, 16384, 32768 samples", 2},
        {{"--calibrate", "-d", "4"}, "1, 2, 3, 5, 8, 12, 20, 32, 64 dimensions", 2},
        {{"--calibrate", "-k", "3"}, "--samples and --dimensions alone", 2},
        {{"--calibrate", "--csv", "x.csv"}, "--samples and --dimensions alone", 2},
        {{"--calibrate", "table.def"}, "--calibrate=table.def", 2},
        {{"--calibrate=/nowhere/t.def", "-n", "64", "-d", "1"}, "cannot write '/nowhere", 3},
    };
    for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
        const char *argv[10] = {"bench"};
        memcpy(argv + 1, bad[b].arguments, sizeof bad[b].arguments);
        spawn_result r = program(0, argv);
        EXPECT_CODE(r, bad[b].code);
        EXPECT_SAYS(r, bad[b].says);
    }
}
