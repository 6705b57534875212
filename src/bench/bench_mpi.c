#include "measure.h"

typedef struct {
    const ist_comm *comm;
    const ist_bench_options *options;
    ist_bench_place place;
    ist_peak peak;
    ist_text csv;
} session;

/* The file is replaced whole after each work: who stops early keeps what was measured. */
static ist_code write_csv(session *s, ist_error *error)
{
    if (s->options->csv && s->comm->rank == 0)
        ist_write_file(s->options->csv, s->csv.data, s->csv.length, error);
    return ist_agree(s->comm, error);
}

static ist_code one_work(session *s, const ist_bench_work *work, const char *layer,
                         ist_error *error)
{
    ist_bench_figures figures = {.work = *work, .layer = layer, .rounds = s->options->rounds};
    ist_rows rows;
    if (ist_bench_rows(s->comm, &figures.work, layer, &rows, error) != IST_OK)
        return error->code;
    ist_bench_order(s->comm, &s->options->engine, &rows, &figures);
    ist_bench_measure(s->comm, &s->options->engine, &rows, &s->peak, &figures, error);
    ist_rows_release(&rows);
    if (error->code != IST_OK)
        return error->code;
    if (s->comm->rank == 0) {
        ist_bench_print_figures(&s->place, &figures);
        ist_bench_csv_row(&s->place, &figures, &s->csv);
    }
    return write_csv(s, error);
}

static void all_works(session *s, ist_error *error)
{
    const ist_bench_options *options = s->options;
    bool own = options->own.neighbours || options->own.thresholds, any = own;
    for (int w = 0; w < IST_BENCH_WORKS; w++)
        any = any || options->picked[w];
    for (int w = 0; w < IST_BENCH_WORKS && error->code == IST_OK; w++)
        if (options->picked[w] || !any)
            one_work(s, &ist_bench_works[w], NULL, error);
    if (own && error->code == IST_OK)
        one_work(s, &options->own, options->layer, error);
}

ist_code ist_bench(const ist_comm *comm, const ist_bench_options *options)
{
    session s = {.comm = comm, .options = options};
    ist_error error = {0};
    s.place = ist_bench_place_new(options, comm->size, ist_blas_core());
    ist_blas_version(&s.place.blas);
    ist_bench_csv_header(&s.csv);
    if (write_csv(&s, &error) == IST_OK) {
        s.place.fma = ist_fma_rate(comm);
        s.peak = ist_peak_new();
        if (comm->rank == 0)
            ist_bench_print_place(&s.place);
        all_works(&s, &error);
        ist_peak_release(&s.peak);
    }
    if (error.code != IST_OK && comm->rank == 0)
        fprintf(stderr, "infostrata: error: %s\n", error.text);
    ist_bench_place_release(&s.place);
    ist_text_release(&s.csv);
    return error.code;
}
