#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "report.h"

static const double giga = 1e9;

static const char *const skippings[] = {
    [IST_SKIP_AUTO] = "auto", [IST_SKIP_ALWAYS] = "always", [IST_SKIP_NEVER] = "never"};

static const char *const trees[] = {
    [IST_TREE_AUTO] = "auto", [IST_TREE_ALWAYS] = "always", [IST_TREE_NEVER] = "never"};

/* ---- spread -------------------------------------------------------------------------------- */

static int compare_reals(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, int count, double fraction)
{
    double at = fraction * (count - 1);
    int low = (int)at, high = low + 1 < count ? low + 1 : low;
    return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

ist_spread ist_spread_of(const double *values, int count)
{
    double *sorted = ist_alloc((size_t)count, sizeof *sorted);
    memcpy(sorted, values, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, compare_reals);
    ist_spread spread = {sorted[0], quantile(sorted, count, 0.25), quantile(sorted, count, 0.5),
                         quantile(sorted, count, 0.75), sorted[count - 1]};
    ist_free(sorted);
    return spread;
}

/* ---- place --------------------------------------------------------------------------------- */

ist_bench_place ist_bench_place_new(const ist_bench_options *options, int ranks, const char *core)
{
    const ist_kernel *kernel = options->engine.kernel;
    ist_bench_place place = {.ranks = ranks,
                             .core = core,
                             .core_set = ist_set_of_core(core),
                             .kernel = kernel->name,
                             .kernel_set = ist_set_of_kernel(kernel),
                             .widest = ist_set_widest(),
                             .skipping = options->engine.skipping,
                             .tree = options->engine.tree,
                             .commit = options->commit};
    ist_processor(&place.processor);
    return place;
}

void ist_bench_place_release(ist_bench_place *place)
{
    ist_text_release(&place->processor);
    ist_text_release(&place->blas);
}

bool ist_bench_comparable(const ist_bench_place *place)
{
    return place->core_set == place->kernel_set;
}

/* ---- for people ---------------------------------------------------------------------------- */

void ist_bench_print_place(const ist_bench_place *place)
{
    printf("infostrata %s (%s), %d rank(s) on %s\n", IST_VERSION, place->commit, place->ranks,
           place->processor.data);
    printf("peak    cblas_sgemm %d^3 on every rank, %s, core %s: %s\n", IST_PEAK_SIZE,
           place->blas.data, place->core, place->core_set);
    printf("engine  kernel %s: %s\n", place->kernel, place->kernel_set);
    printf("tiles   skipped: %s; k-d trees: %s\n", skippings[place->skipping], trees[place->tree]);
    printf("FMA     in registers alone, %s: %.1f GFLOP/s\n", place->widest, place->fma / giga);
    if (!ist_bench_comparable(place))
        printf("The instruction sets differ: ratios are invalid.\n");
    printf("\n%-26s %7s  %15s %12s %9s %9s %9s\n", "work", "ratio", "quartiles", "10^9 pairs/s",
           "GFLOP/s", "peak", "seconds");
    fflush(stdout);
}

void ist_bench_print_figures(const ist_bench_place *place, const ist_bench_figures *f)
{
    char name[IST_BENCH_NAME];
    printf("%-26s ", ist_bench_name(&f->work, name));
    if (ist_bench_comparable(place))
        printf("%7.3f  %6.3f - %6.3f", f->ratio.median, f->ratio.lower, f->ratio.upper);
    else
        printf("%7s  %-15s", "invalid", "");
    printf(" %12.3f %9.1f %9.1f %9.4f\n", ist_bench_pairs(&f->work) / f->seconds.median / giga,
           ist_bench_operations(&f->work) / f->seconds.median / giga, f->peak.median / giga,
           f->seconds.median);
    if (f->ordered)
        printf("%-26s skipped %.1f %%, thinned %.1f %% of the tiles; ordered in %.4f s\n", "",
               100 * f->skipped, 100 * f->thinned, f->ordering);
    else if (f->compared > 0)
        printf("%-26s a k-d tree computed %.1f distances a row\n", "",
               (double)f->compared / (double)f->work.n);
    else if (f->ordering > 0)
        printf("%-26s not ordered, found out in %.4f s\n", "", f->ordering);
    fflush(stdout);
}

/* ---- for programs -------------------------------------------------------------------------- */

static void add_text(ist_text *csv, const char *field)
{
    ist_text_add(csv, "%s\"", csv->length && csv->data[csv->length - 1] != '\n' ? "," : "");
    for (const char *c = field; *c; c++)
        ist_text_add(csv, "%s%c", *c == '"' ? "\"" : "", *c);
    ist_text_add(csv, "\"");
}

static void add_integer(ist_text *csv, int64_t field)
{
    ist_text_add(csv, ",%lld", (long long)field);
}

static void add_real(ist_text *csv, double field)
{
    char buffer[IST_REAL_TEXT];
    ist_text_add(csv, ",%s", ist_format_short(field, buffer));
}

void ist_bench_csv_header(ist_text *csv)
{
    ist_text_add(csv,
                 "work,data,n,d,neighbours,thresholds,rounds,verified,"
                 "ratio,ratio_lower,ratio_upper,ratio_least,ratio_most,valid,"
                 "pairs_per_second,gflops,peak_gflops,seconds,seconds_least,seconds_most,"
                 "bytes_sent,seconds_waiting,decided_again,"
                 "skipping,ordered,ordering_seconds,skipped,thinned,thinned_rows,tree,compared,"
                 "kernel,kernel_set,blas,blas_core,blas_set,fma_gflops,ranks,processor,"
                 "version,commit\n");
}

static void add_speed(const ist_bench_figures *f, ist_text *csv)
{
    add_real(csv, ist_bench_pairs(&f->work) / f->seconds.median);
    add_real(csv, ist_bench_operations(&f->work) / f->seconds.median / giga);
    add_real(csv, f->peak.median / giga);
    add_real(csv, f->seconds.median);
    add_real(csv, f->seconds.least);
    add_real(csv, f->seconds.most);
    add_integer(csv, f->bytes_sent);
    add_real(csv, f->seconds_waiting);
    add_integer(csv, f->decided_again);
}

void ist_bench_csv_row(const ist_bench_place *place, const ist_bench_figures *f, ist_text *csv)
{
    char name[IST_BENCH_NAME];
    add_text(csv, ist_bench_name(&f->work, name));
    add_text(csv, f->layer ? f->layer : "normal");
    add_integer(csv, f->work.n);
    add_integer(csv, f->work.d);
    add_integer(csv, f->work.neighbours);
    add_integer(csv, f->work.thresholds);
    add_integer(csv, f->rounds);
    add_integer(csv, f->verified);
    add_real(csv, f->ratio.median);
    add_real(csv, f->ratio.lower);
    add_real(csv, f->ratio.upper);
    add_real(csv, f->ratio.least);
    add_real(csv, f->ratio.most);
    add_text(csv, ist_bench_comparable(place) ? "yes" : "no");
    add_speed(f, csv);
    add_text(csv, skippings[place->skipping]);
    add_text(csv, f->ordered ? "yes" : "no");
    add_real(csv, f->ordering);
    add_real(csv, f->skipped);
    add_real(csv, f->thinned);
    add_real(csv, f->thinned_rows);
    add_text(csv, trees[place->tree]);
    add_integer(csv, f->compared);
    add_text(csv, place->kernel);
    add_text(csv, place->kernel_set);
    add_text(csv, place->blas.data);
    add_text(csv, place->core);
    add_text(csv, place->core_set);
    add_real(csv, place->fma / giga);
    add_integer(csv, place->ranks);
    add_text(csv, place->processor.data);
    add_text(csv, IST_VERSION);
    add_text(csv, place->commit);
    ist_text_add(csv, "\n");
}
