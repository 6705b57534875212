/* timings.csv: one row a pass, in the order in which they ran. */
#include <math.h>

#include "journal.h"
#include "tables.h"

static void add_row(const ist_timing *pass, ist_csv *out)
{
    ist_csv_text(out, pass->layer);
    ist_csv_text(out, pass->kind);
    ist_csv_integer(out, pass->n);
    ist_csv_integer(out, pass->d);
    ist_csv_integer(out, pass->k);
    ist_csv_integer(out, pass->thresholds);
    ist_csv_integer(out, pass->ranks);
    ist_csv_text(out, pass->kernel);
    ist_csv_real(out, pass->seconds);
    ist_csv_real(out, pass->seconds_waiting);
    ist_csv_real(out, pass->pairs);
    ist_csv_real(out, pass->seconds > 0 ? pass->pairs / pass->seconds : (double)NAN);
    ist_csv_integer(out, pass->decided_again);
    ist_csv_integer(out, pass->exact_tiles);
    ist_csv_integer(out, pass->tiles);
    ist_csv_integer(out, pass->bytes_sent);
    ist_csv_integer(out, pass->most_in_flight);
    ist_csv_integer(out, pass->peak_memory);
    ist_csv_integer(out, pass->tiles_skipped);
    ist_csv_integer(out, pass->tiles_thinned);
    ist_csv_integer(out, pass->compared);
    ist_csv_end(out);
}

void ist_timings_table(const ist_journal *journal, ist_csv *out)
{
    static const char *const names[] = {
        "layer",
        "kind",
        "n",
        "d",
        "k",
        "thresholds",
        "ranks",
        "kernel",
        "seconds",
        "waiting",
        "pairs",
        "pairs_per_second",
        "decided_again",
        "exact_tiles",
        "tiles",
        "bytes_sent",
        "most_in_flight",
        "peak_memory",
        "tiles_skipped",
        "tiles_thinned",
        "compared",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        ist_csv_text(out, names[i]);
    ist_csv_end(out);
    for (size_t i = 0; i < journal->pass_count; i++)
        add_row(&journal->passes[i].timing, out);
}
