#include <inttypes.h>
#include <string.h>

#include "infostrata/bench.h"

const ist_bench_work ist_bench_works[IST_BENCH_WORKS] = {
    {50000, 64, 10, 0},   {50000, 128, 10, 0},  {50000, 512, 10, 0}, {20000, 64, 10, 0},
    {20000, 128, 10, 0},  {20000, 512, 10, 0},  {20000, 10, 10, 0},  {200000, 10, 10, 0},
    {20000, 3072, 10, 0}, {50000, 128, 100, 0}, {50000, 64, 0, 1},   {50000, 128, 0, 1},
    {50000, 512, 0, 1},   {50000, 128, 0, 64},
};

const char *ist_bench_name(const ist_bench_work *work, char buffer[IST_BENCH_NAME])
{
    bool nearest = work->neighbours > 0;
    snprintf(buffer, IST_BENCH_NAME, "%s%" PRId64 "-n%" PRId64 "-d%" PRId64,
             nearest ? "nearest-k" : "counts-t", nearest ? work->neighbours : work->thresholds,
             work->n, work->d);
    return buffer;
}

bool ist_bench_pick(ist_bench_options *options, const char *name)
{
    char known[IST_BENCH_NAME];
    for (int w = 0; w < IST_BENCH_WORKS; w++)
        if (strcmp(name, ist_bench_name(&ist_bench_works[w], known)) == 0)
            return options->picked[w] = true;
    return false;
}

const char *ist_bench_guess(const char *name, char buffer[IST_BENCH_NAME])
{
    char text[IST_BENCH_WORKS][IST_BENCH_NAME];
    const char *names[IST_BENCH_WORKS];
    for (int w = 0; w < IST_BENCH_WORKS; w++)
        names[w] = ist_bench_name(&ist_bench_works[w], text[w]);
    const char *near = ist_nearest_word(name, names, IST_BENCH_WORKS);
    if (near)
        snprintf(buffer, IST_BENCH_NAME, "%s", near);
    return near ? buffer : NULL;
}

/* What can be said before a layer's shape is known. */
ist_code ist_bench_check(const ist_bench_options *options, ist_error *error)
{
    const ist_bench_work *own = &options->own;
    bool asked = own->n || own->d || own->neighbours || own->thresholds || options->layer;
    if (!asked)
        return IST_OK;
    if ((own->neighbours > 0) == (own->thresholds > 0))
        return ist_fail(error, IST_REFUSED,
                        "a work of your own needs either --neighbours or --thresholds");
    if (options->layer && own->d)
        return ist_fail(error, IST_REFUSED, "--dimensions are the layer's with --layer");
    if (!options->layer && !(own->n && own->d))
        return ist_fail(error, IST_REFUSED,
                        "a work of your own needs --samples and --dimensions, or --layer");
    if (own->n > INT32_MAX)
        return ist_fail(error, IST_REFUSED, "--samples takes at most %d", INT32_MAX);
    if (own->n == 1 || (own->n && own->neighbours >= own->n))
        return ist_fail(error, IST_REFUSED,
                        "%" PRId64 " samples have %" PRId64 " neighbours at most", own->n,
                        own->n - 1);
    return IST_OK;
}
