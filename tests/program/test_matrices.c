/* A job in which rows made of matrices stand among others, on any number of ranks. */
#include "support.h"

/* Whatever stands on either side of a row that BLAS has touched: its neighbours are the same bytes. */
Test(matrices, among_others_on_any_ranks, .timeout = 120)
{
    enum { TOUCHED = 1 + 2 + 2 + 2 + 2, OTHERS = 2 + 1 + 2 + 1 + 1 };
    input_example("x.h5", 200, 5);
    const char *job = job_new("x", "input: {file: x.h5, layers: [a, b], labels: [y]}\n"
                                   "measures:\n"
                                   "  - imbalance: {}\n"
                                   "  - renyi: {layers: [b], alpha: [1.01, 2]}\n"
                                   "  - renyi: {pairs: [[a, b]], alpha: [2]}\n"
                                   "  - cka: {kernel: [linear, gaussian]}\n"
                                   "  - overlap: {k: 5}\n"
                                   "  - logdet: {}\n"
                                   "  - logdet: {target: y}\n"
                                   "  - mi-ross: {target: y, layers: [a]}\n"
                                   "  - supervision-complexity: {layers: [a], target: y, kernel: "
                                   "gaussian, ridge: 0.1}\n");
    const char *right = scratch_path("ranks1");
    RUN(0, 0, job, right);
    table t = results_of(right);
    cr_expect(table_count(&t, WHERE("status=ok")) == t.rows);
    for (int ranks = 2; ranks <= 4; ranks++) {
        const char *output = scratch_path("ranks%d", ranks);
        RUN(0, ranks, job, output);
        size_t touched = expect_near_results(output, right, scratch_text("%d ranks", ranks));
        cr_expect(touched == TOUCHED && t.rows == TOUCHED + OTHERS, "%zu of %zu rows", touched,
                  t.rows);
    }
    cr_expect(table_count(&t, WHERE("reproducible=1e-10")) == TOUCHED);
    cr_expect(table_count(&t, WHERE("measure=imbalance", "reproducible=1e-10")) == 0);
}
