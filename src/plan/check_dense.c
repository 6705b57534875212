/* Do the datasets of solutions with a kernel fit together? */
#include <inttypes.h>

#include "schedule.h"

static void say_shape(const ist_layer *layer, ist_text *out)
{
    ist_location_text(&layer->at, out);
    ist_text_add(out, " has %" PRId64 " x %" PRId64 " values", layer->shape.rows, layer->shape.d);
}

static int64_t target_columns(const ist_plan *plan, const ist_task *task,
                              const ist_dense_needs *needs)
{
    if (needs->signs)
        return 1;
    return task->labels_target ? plan->labels[task->target].classes
                               : plan->layers[task->target].shape.d;
}

static bool is_square(const ist_plan *plan, const ist_task *task, const ist_dense_needs *needs,
                      ist_text *out)
{
    const ist_layer *kernel = &plan->layers[task->source];
    if (needs->form != IST_KERNEL_DUMPED || kernel->shape.d == kernel->shape.rows ||
        ist_dense_outputs(plan, task, needs) > 1)
        return true;
    say_shape(kernel, out);
    ist_text_add(out,
                 ": a dumped kernel of n samples is n x n, or n x c x n x c for the c = %" PRId64
                 " outputs of its target; of a layer's own values write 'kernel: linear' or "
                 "'kernel: gaussian'",
                 target_columns(plan, task, needs));
    return false;
}

static bool has_tests(const ist_plan *plan, const ist_task *task, ist_text *out)
{
    if (task->extra[0] == SIZE_MAX)
        return true;
    const ist_layer *tests = &plan->layers[task->extra[0]], *source = &plan->layers[task->source];
    if (tests->shape.d == source->shape.d)
        return true;
    say_shape(tests, out);
    ist_text_add(out, ": the rows of 'test' must be as long as those of ");
    ist_location_text(&source->at, out);
    ist_text_add(out, ", %" PRId64, source->shape.d);
    return false;
}

static bool has_outputs(const ist_plan *plan, const ist_task *task, const ist_dense_needs *needs,
                        ist_text *out)
{
    if (task->extra[1] == SIZE_MAX)
        return true;
    const ist_layer *initial = &plan->layers[task->extra[1]];
    int64_t n = plan->layers[task->source].n, c = target_columns(plan, task, needs);
    if (initial->n == n && initial->shape.d == c)
        return true;
    say_shape(initial, out);
    ist_text_add(out,
                 ": 'initial' must have the samples of the kernel, %" PRId64
                 ", and the columns of the target, %" PRId64,
                 n, c);
    return false;
}

bool ist_check_dense(const ist_plan *plan, const ist_task *task, const ist_dense_needs *needs,
                     ist_text *out)
{
    return needs->kind != IST_DENSE_SOLUTIONS ||
           (is_square(plan, task, needs, out) && has_tests(plan, task, out) &&
            has_outputs(plan, task, needs, out));
}
