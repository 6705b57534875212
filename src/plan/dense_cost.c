/* What matrices take: how large they are, how many there are at once, how many operations (docs/plan.md). */
#include "cost.h"

/* Of an n x n matrix: Householder's reduction to a band of three, all of its eigenvalues; a factor; an inverse of that. */
static const double EIGENVALUES = 4.0 / 3, FACTOR = 1.0 / 3, INVERSE = 2.0 / 3;

static double cube(int64_t n)
{
    return (double)n * (double)n * (double)n;
}

static int64_t features_of(const ist_plan *plan, const ist_task *task, bool target)
{
    if (!target)
        return plan->layers[task->source].shape.d;
    if (task->alone)
        return 0;
    return task->labels_target ? plan->labels[task->target].classes
                               : plan->layers[task->target].shape.d;
}

/* Of source, target and both: a layer's own is made twice, so that there are never more than two. */
static void add_spectra(ist_dense_pass *pass, int64_t n, int64_t features, bool two)
{
    pass->order = ist_max(pass->order, n);
    pass->matrices = ist_max(pass->matrices, two ? 2 : 1);
    pass->operations +=
        (two ? 3 : 2) * (EIGENVALUES * cube(n) + 2.0 * (double)n * (double)n * (double)features);
}

/* Columns, or samples where they are fewer. */
static void add_products(ist_dense_pass *pass, int64_t n, int64_t a, int64_t b)
{
    int64_t order = ist_min(n, a + b);
    pass->order = ist_max(pass->order, order);
    pass->matrices = ist_max(pass->matrices, 3);
    pass->columns = ist_max(pass->columns, b);
    pass->operations += 2.0 * (double)n * (double)(a + b) * (double)order + FACTOR * cube(order);
}

static void add_solutions(ist_dense_pass *pass, const ist_plan *plan, const ist_task *task,
                          const ist_dense_needs *needs, int64_t n)
{
    int64_t outputs = ist_dense_outputs(plan, task, needs), order = n * outputs;
    int64_t tests = task->extra[0] == SIZE_MAX ? 0 : plan->layers[task->extra[0]].n * outputs;
    pass->order = ist_max(pass->order, order);
    pass->matrices = ist_max(pass->matrices, 2 + (int64_t)(2 * tests > order));
    pass->columns = ist_max(pass->columns, features_of(plan, task, true) + 2 * tests);
    pass->outputs = ist_max(pass->outputs, outputs);
    pass->operations += (FACTOR + needs->left_out * INVERSE) * cube(order) +
                        2.0 * (double)order * (double)order * (double)tests;
}

int64_t ist_dense_outputs(const ist_plan *plan, const ist_task *task, const ist_dense_needs *needs)
{
    const ist_layer *layer = &plan->layers[task->source];
    int64_t each = features_of(plan, task, true);
    bool whole = needs->form == IST_KERNEL_DUMPED && !needs->signs && each > 1 &&
                 layer->shape.d == layer->shape.rows * each * each;
    return whole ? each : 1;
}

void ist_add_dense(ist_dense_pass *pass, const ist_plan *plan, const ist_task *task,
                   const ist_dense_needs *needs)
{
    int64_t n = plan->layers[task->source].n;
    int64_t a = features_of(plan, task, false), b = features_of(plan, task, true);
    double pairs = (double)n * (double)n / 2;
    bool two = !task->alone && !task->labels_target;
    pass->features = ist_max(pass->features, ist_max(a, task->labels_target ? 0 : b));
    pass->outputs = ist_max(pass->outputs, 1);
    if (needs->rule == IST_WIDTH_ALIGNED)
        pass->widths = IST_WIDTHS_TRIED;
    switch (needs->kind) {
    case IST_DENSE_NOTHING: return;
    case IST_DENSE_SPECTRA: add_spectra(pass, n, ist_max(a, b), two); return;
    case IST_DENSE_TRACES:
        if (needs->probes > pass->probes)
            pass->probes = needs->probes;
        pass->operations += 32 * pairs * (2.0 * (double)(a + b) + 4.0 * needs->probes);
        return;
    case IST_DENSE_MOMENTS: pass->operations += pairs * (2.0 * (double)(a + b) + 40); return;
    case IST_DENSE_ALIGNMENT:
        if (needs->form == IST_KERNEL_GAUSSIAN)
            add_spectra(pass, n, ist_max(a, b), true);
        else
            add_products(pass, n, a, b);
        return;
    case IST_DENSE_LOGDETS:
        add_products(pass, n, a, b);
        if (needs->within_classes &&
            task->labels_target) /* columns of a class, however few its samples are */
            pass->order = ist_max(pass->order, a);
        return;
    case IST_DENSE_SOLUTIONS: add_solutions(pass, plan, task, needs, n); return;
    }
}

/* Does a step of n samples instead of its own fit? Its matrices are of samples, or never larger than they are. */
static bool fits(const ist_plan *plan, const ist_dense_pass *pass, int64_t n,
                 const ist_machine *machine)
{
    ist_dense_pass less = *pass;
    less.order = ist_min(pass->order, n * pass->outputs);
    ist_pass_shape shape = ist_dense_shape(plan, &less);
    shape.n = n;
    return machine->pass_memory(&shape, machine) <= machine->memory_limit;
}

int64_t ist_dense_samples(const ist_plan *plan, const ist_schedule *schedule,
                          const ist_machine *machine)
{
    int64_t most = INT64_MAX;
    for (size_t p = 0; p < schedule->dense_count; p++) {
        const ist_dense_pass *pass = &schedule->dense[p];
        int64_t low = 0, high = plan->layers[pass->layer].n;
        if (fits(plan, pass, high, machine))
            continue;
        while (low + 1 < high) {
            int64_t middle = low + (high - low) / 2;
            if (fits(plan, pass, middle, machine))
                low = middle;
            else
                high = middle;
        }
        most = ist_min(most, low);
    }
    return most == INT64_MAX ? 0 : most;
}
