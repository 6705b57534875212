#include "lines.h"

#include <inttypes.h>

#include "infostrata/measures.h"

static bool is_asked(const ist_calibrate_options *options, int64_t n, int64_t largest_d)
{
    return (options->n == 0 || options->n == n) && (options->d == 0 || options->d == largest_d);
}

int ist_calibrate_lines(const ist_calibrate_options *options, ist_calibrate_line *lines)
{
    enum { D = IST_CALIBRATED_DIMENSIONS };
    const int64_t *d = ist_calibrated_dimensions;
    int count = 0;
    for (int a = 0; a < IST_CALIBRATED_SAMPLES; a++)
        for (int x = 0; x < D; x++)
            for (int y = x; y < D; y++) {
                int64_t n = ist_calibrated_samples[a];
                if (is_asked(options, n, d[y])) {
                    if (lines)
                        lines[count] = (ist_calibrate_line){n, d[x], d[y]};
                    count++;
                }
            }
    for (int a = 0; a < IST_CALIBRATED_SETS; a++)
        for (int x = 0; x < D; x++) {
            int64_t n = ist_calibrated_sets[a];
            if (is_asked(options, n, d[x])) {
                if (lines)
                    lines[count] = (ist_calibrate_line){n, d[x], 0};
                count++;
            }
        }
    return count;
}

/* What measures, beside --samples and --dimensions, has nothing to say. */
static bool wants_to_measure(const ist_bench_options *bench)
{
    bool picked = false;
    for (int w = 0; w < IST_BENCH_WORKS; w++)
        picked |= bench->picked[w];
    return picked || bench->own.neighbours || bench->own.thresholds || bench->layer || bench->csv;
}

ist_code ist_calibrate_check(const ist_calibrate_options *options, const ist_bench_options *bench,
                             ist_error *error)
{
    if (wants_to_measure(bench))
        return ist_fail(
            error, IST_REFUSED,
            "--calibrate makes a table and measures no passes: of what is to be measured "
            "it takes --samples and --dimensions alone");
    if (ist_calibrate_lines(options, NULL) > 0)
        return IST_OK;
    ist_text known = {0};
    for (int a = 0; a < IST_CALIBRATED_SETS; a++)
        ist_text_add(&known, "%s%" PRId64, a ? ", " : "", ist_calibrated_sets[a]);
    ist_text_add(&known, " samples and ");
    for (int x = 0; x < IST_CALIBRATED_DIMENSIONS; x++)
        ist_text_add(&known, "%s%" PRId64, x ? ", " : "", ist_calibrated_dimensions[x]);
    ist_fail(error, IST_REFUSED, "--calibrate has lines of %s dimensions alone", known.data);
    ist_text_release(&known);
    return error->code;
}

ist_code ist_verify_check(const ist_verify_options *options, const ist_bench_options *bench,
                          ist_error *error)
{
    enum { FEWEST = 100 };
    if (wants_to_measure(bench) || bench->own.d > 0)
        return ist_fail(error, IST_REFUSED,
                        "--verify looks at models and measures no passes: of what is to be "
                        "measured it takes --samples alone");
    if (options->n > 0 && options->n < FEWEST)
        return ist_fail(error, IST_REFUSED, "--verify needs at least %d samples, not %lld", FEWEST,
                        (long long)options->n);
    return IST_OK;
}
