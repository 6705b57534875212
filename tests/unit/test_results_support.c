#include "test_results_support.h"

#include <criterion/criterion.h>
#include <math.h>

#include "../../src/results/line.h"
#include "../harness/scratch.h"

ist_outcome outcome_number(uint64_t i)
{
    static const char *const texts[] = {"", "imbalance", "a;b=\"1\",\n\t\\", "\u00e9\u4e2d x",
                                        "{[}]"};
    static const double reals[] = {0.1, -0.0, 5e-324, 1e300 / 3, NAN, INFINITY, -INFINITY, 2};
    ist_outcome out = {
        .id = {i, 7}, .source_content = {i * i, 8}, .target_content = {3, i}, .failed = i % 3 == 2};
    if (out.failed) {
        out.reason = (char *)scratch_text("row %d: NaN; \"quoted\",\nsecond line", (int)i);
        return out;
    }
    out.record_count = 1 + i % 2;
    out.records = scratch_alloc(out.record_count * sizeof *out.records);
    for (size_t r = 0; r < out.record_count; r++) {
        out.records[r] = (ist_record){.quantity = (char *)texts[(i + r) % 5],
                                      .unit = (char *)texts[(i + 1) % 5],
                                      .value = reals[(i + r) % 8],
                                      .std_error = reals[(i + 3) % 8],
                                      .se_method = (char *)texts[(i + 2) % 5],
                                      .k = (int64_t)i,
                                      .n = INT64_MAX - (int64_t)i,
                                      .d_source = 3,
                                      .d_target = INT64_MIN,
                                      .duplicates = (int64_t)(i % 11),
                                      .tie_fraction = 1.0 / (double)(i + 3),
                                      .note = (char *)texts[(i + 3) % 5],
                                      .detail = (char *)texts[(i + 4) % 5]};
    }
    return out;
}

const char *outcome_text(const ist_outcome *outcome)
{
    if (!outcome)
        return "none";
    ist_text line = {0};
    ist_line_outcome(outcome, 1, &line);
    const char *kept = scratch_text("%s", line.data);
    ist_text_release(&line);
    return kept;
}

void expect_ok(const ist_error *error)
{
    cr_assert(error->code == IST_OK, "%s", error->text);
}
