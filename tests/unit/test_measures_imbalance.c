/* The imbalance as a pure function: what it needs, its sums over rows, the record made of them. */
#include "infostrata/measures.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const ist_measure *imbalance(void)
{
    for (size_t m = 0; m < ist_measure_count; m++)
        if (strcmp(ist_measures[m]->planner.schema->name, "imbalance") == 0)
            return ist_measures[m];
    cr_assert(false, "there is no imbalance");
    return NULL;
}

/* Parameters as a manifest would give them: "k=3", ..., the rest by default. */
typedef struct {
    ist_value value[IST_MAX_PARAMS];
    const ist_value *list[IST_MAX_PARAMS];
} parameters;

static void set_parameters(parameters *p, const char *const given[])
{
    const ist_measure_schema *schema = imbalance()->planner.schema;
    for (size_t i = 0; i < schema->param_count; i++) {
        const char *text = schema->params[i].standard;
        size_t length = strlen(schema->params[i].name);
        for (size_t g = 0; given[g]; g++)
            if (strncmp(given[g], schema->params[i].name, length) == 0 && given[g][length] == '=')
                text = given[g] + length + 1;
        p->value[i] = (ist_value){.text = (char *)text};
        p->list[i] = &p->value[i];
    }
}
#define SET(p, ...) set_parameters((p), (const char *const[]){__VA_ARGS__, NULL})

/* ---- needs and check --------------------------------------------------------------------------- */

Test(imbalance, needs)
{
    parameters p;
    SET(&p, "k=7", "seed=5");
    ist_needs needs = imbalance()->planner.needs(p.list, NULL);
    cr_expect(needs.neighbours == 7 && needs.counts == IST_COUNTS_RANKS && needs.parts &&
              !needs.edges);
    cr_expect(!needs.ties.by_index && needs.ties.seed == 5);
    SET(&p, "se=rows", "ties=index");
    needs = imbalance()->planner.needs(p.list, &(ist_label_vector){.n = 100});
    cr_expect(needs.neighbours == 1 && !needs.parts && needs.edges && needs.ties.by_index);
    SET(&p, "se=none");
    needs = imbalance()->planner.needs(p.list, NULL);
    cr_expect(!needs.parts && !needs.edges);
}

Test(imbalance, needs_of_anchors)
{
    parameters p;
    SET(&p, "k=2", "anchors=30", "seed=5");
    ist_needs needs = imbalance()->planner.needs(p.list, NULL);
    cr_expect(needs.anchors.count == 30 && needs.anchors.seed == 5);
    cr_expect(!needs.parts && !needs.edges && needs.counts == IST_COUNTS_RANKS);
    SET(&p, "seed=5");
    needs = imbalance()->planner.needs(p.list, NULL);
    cr_expect(needs.anchors.count == 0 && needs.anchors.seed == 0);
}

Test(imbalance, check)
{
    parameters p;
    ist_error error = {0};
    SET(&p, "k=99");
    cr_expect(imbalance()->planner.check(p.list, 100, NULL, &error) == IST_OK);
    SET(&p, "k=100");
    cr_expect(imbalance()->planner.check(p.list, 100, NULL, &error) == IST_REFUSED);
    cr_expect(strstr(error.text, "k = 100") && strstr(error.text, "N = 100") &&
                  strstr(error.text, "99"),
              "%s", error.text);
    error = (ist_error){0};
    SET(&p, "k=1");
    cr_expect(imbalance()->planner.check(p.list, 1, NULL, &error) == IST_REFUSED);
    error = (ist_error){0};
    cr_expect(imbalance()->planner.check(p.list, 2, NULL, &error) == IST_OK);
}

/* Positions are int32 and rank sums int64: what would overflow is refused, not computed wrongly. */
Test(imbalance, check_sizes)
{
    parameters p;
    ist_error error = {0};
    SET(&p, "k=2");
    cr_expect(imbalance()->planner.check(p.list, 1000000000, NULL, &error) == IST_OK);
    cr_expect(imbalance()->planner.check(p.list, INT64_C(1) << 31, NULL, &error) == IST_REFUSED);
    error = (ist_error){0};
    SET(&p, "k=5");
    cr_expect(imbalance()->planner.check(p.list, 1000000000, NULL, &error) == IST_REFUSED);
    cr_expect(strstr(error.text, "N = 1000000000") && strstr(error.text, "k = 5"), "%s",
              error.text);
}

/* ---- sums and record --------------------------------------------------------------------------- */

/* Six rows, each with two neighbours; twice the ranks. The pairs 0-1, 2-3 and 4-5 are mutual at p = 0. */
enum { N = 6, K = 2, SUMS = 256 };
static const int32_t neighbour[N * K] = {1, 2, 0, 3, 3, 0, 2, 1, 5, 0, 4, 1};
static const int64_t twice[N * K] = {2, 5, 4, 10, 3, 2, 6, 2, 8, 9, 2, 10};
/* In how many balls, times 2: as many as the ranks say, 63 in all. */
static const int64_t inside[N] = {14, 4, 9, 17, 12, 7};

static void add_rows_of(const parameters *p, int64_t first, int64_t count,
                        const int64_t *twice_inside, int64_t *sums)
{
    int64_t row[N], reverse[N * K], in_count[N] = {0}, in_sum[N] = {0};
    for (int64_t i = 0; i < N; i++) {
        row[i] = i;
        for (int64_t e = i * K; e < (i + 1) * K; e++) {
            int32_t to = neighbour[e];
            reverse[e] = -1;
            for (int64_t back = to * K; back < (to + 1) * K; back++)
                if (neighbour[back] == i)
                    reverse[e] = twice[back];
            in_count[to]++;
            in_sum[to] += twice[e];
        }
    }
    ist_evidence evidence = {.n = N,
                             .count = count,
                             .k = K,
                             .row = row + first,
                             .neighbour = neighbour + first * K,
                             .twice_rank = twice + first * K,
                             .reverse_twice_rank = reverse + first * K,
                             .in_count = in_count + first,
                             .in_sum = in_sum + first,
                             .twice_inside = twice_inside + first};
    cr_assert(imbalance()->sum_count <= SUMS);
    imbalance()->partial(p->list, &evidence, sums);
}

static void add_rows(const parameters *p, int64_t first, int64_t count, int64_t *sums)
{
    add_rows_of(p, first, count, inside, sums);
}

static ist_record finish(const parameters *p, const ist_totals *totals)
{
    ist_record records[IST_MAX_RECORDS] = {{0}};
    size_t count = 0;
    ist_error error = {0};
    cr_assert(imbalance()->finish(p->list, totals, records, &count, &error) == IST_OK &&
              count == 1);
    return records[0];
}

/* What row v adds to the sum of ranks, less what it would on average: in its own pairs, as a neighbour, inside balls. */
static double part_of_row(int v, double mean)
{
    double part = (double)inside[v] / 2 - K * mean;
    for (int e = 0; e < N * K; e++)
        part += ((e / K == v) + (neighbour[e] == v)) * ((double)twice[e] / 2 - mean);
    return part;
}

/* 2 / (N^2 k) sqrt(sum over pairs of edges that share a row, of the product of their residuals; and of what rows inside balls add to
 * the squares of the rows' parts). */
static double error_by_pairs(void)
{
    double mean = 0, variance = 0;
    for (int e = 0; e < N * K; e++)
        mean += (double)twice[e] / 2 / (N * K);
    for (int e = 0; e < N * K; e++)
        for (int f = 0; f < N * K; f++) {
            int a = e / K, b = neighbour[e], c = f / K, d = neighbour[f];
            if (a == c || a == d || b == c || b == d)
                variance += ((double)twice[e] / 2 - mean) * ((double)twice[f] / 2 - mean);
        }
    for (int v = 0; v < N; v++) {
        double part = part_of_row(v, mean), alone = part - ((double)inside[v] / 2 - K * mean);
        variance += part * part - alone * alone;
    }
    return 2.0 / (N * N * K) * sqrt(variance);
}

Test(imbalance, sums_of_any_cut_give_one_record)
{
    parameters p;
    SET(&p, "k=2", "se=rows");
    int64_t whole[SUMS] = {0}, cut[SUMS] = {0};
    add_rows(&p, 0, N, whole);
    add_rows(&p, 4, 2, cut);
    add_rows(&p, 0, 1, cut);
    add_rows(&p, 1, 0, cut);
    add_rows(&p, 1, 3, cut);
    ist_totals totals = {.n = N, .all = whole, .d_source = 9, .d_target = 4};
    ist_record record = finish(&p, &totals);
    cr_expect(record.value == 63.0 / (N * N * K), "%.17g", record.value);
    cr_expect(strncmp(record.detail, "rank_sum=31.5;", 14) == 0, "%s", record.detail);
    cr_expect(fabs(record.std_error - error_by_pairs()) < 1e-14, "%.17g, not %.17g",
              record.std_error, error_by_pairs());
    cr_expect(record.k == K && record.n == N && record.d_source == 9 && record.d_target == 4);
    cr_expect(!record.note[0] && strcmp(record.se_method, "rows") == 0);
    cr_expect(strcmp(record.quantity, "imbalance") == 0 && strcmp(record.unit, "ratio") == 0);
    totals.all = cut;
    ist_record other = finish(&p, &totals);
    cr_expect(other.value == record.value && other.std_error == record.std_error);
    ist_record_release(&record);
    ist_record_release(&other);
}

/* Of a sample of the rows the first sum is found, the others of all pairs. */
Test(imbalance, error_of_sampled_rows)
{
    parameters p;
    SET(&p, "k=2", "se=rows");
    const int64_t some[N] = {14, -1, 9, -1, -1, 7};
    int64_t all[SUMS] = {0}, sampled[SUMS] = {0};
    add_rows(&p, 0, N, all);
    add_rows_of(&p, 0, N, some, sampled);
    double mean = 31.5 / (N * K), squares = 0, of_all = 0;
    for (int v = 0; v < N; v++) {
        double part = part_of_row(v, mean);
        of_all += part * part;
        squares += some[v] < 0 ? 0 : 2 * part * part;
    }
    double variance = pow(error_by_pairs() * N * N * K / 2, 2) + squares - of_all;
    ist_totals totals = {.n = N, .all = sampled};
    ist_record record = finish(&p, &totals);
    cr_assert(variance > 0);
    cr_expect(fabs(record.std_error - 2.0 / (N * N * K) * sqrt(variance)) < 1e-14,
              "%.17g, not %.17g", record.std_error, 2.0 / (N * N * K) * sqrt(variance));
    cr_expect(record.value == 63.0 / (N * N * K));
    ist_record_release(&record);
}

Test(imbalance, error_of_parts)
{
    parameters p;
    SET(&p, "k=2");
    int64_t all[SUMS] = {400}, parts[IST_PARTS][SUMS] = {{0}};
    ist_totals totals = {.n = 100, .all = all, .tie_fraction = 0.0011, .duplicates_source = 3};
    totals.has_parts = true;
    double mean = 0, squares = 0;
    for (int part = 0; part < IST_PARTS; part++) {
        parts[part][0] = 90 + part * part;
        totals.parts[part] = parts[part];
        totals.part_n[part] = part < 5 ? 10 : 11;
        mean +=
            (double)parts[part][0] / (double)(totals.part_n[part] * totals.part_n[part] * 2) / 10;
    }
    for (int part = 0; part < IST_PARTS; part++) {
        double value =
            (double)parts[part][0] / (double)(totals.part_n[part] * totals.part_n[part] * 2);
        squares += (value - mean) * (value - mean);
    }
    ist_record record = finish(&p, &totals);
    cr_expect(fabs(record.std_error - sqrt(squares / 9 / 10)) < 1e-15);
    const char *found = strstr(record.detail, ";parts_mean=");
    cr_assert(found);
    double found_mean = 0;
    cr_expect(ist_parse_real(strtok((char *)found + 12, ";"), &found_mean) &&
              fabs(found_mean - mean) < 1e-15);
    cr_expect(strcmp(record.note, "ties;duplicates") == 0 && record.duplicates == 3, "%s",
              record.note);
    ist_record_release(&record);
    totals.has_parts = false;
    totals.tie_fraction = 0.001;
    totals.duplicates_source = 0;
    record = finish(&p, &totals);
    cr_expect(isnan(record.std_error) && strcmp(record.note, "parts-too-small") == 0, "%s",
              record.note);
    cr_expect(!strstr(record.detail, "parts_mean"));
    ist_record_release(&record);
}

Test(imbalance, labels)
{
    parameters p;
    SET(&p, "se=none");
    int64_t all[SUMS] = {3000}, size[] = {20, 30, 50};
    ist_totals totals = {
        .n = 100, .all = all, .labels_target = true, .class_size = size, .class_count = 3};
    ist_record record = finish(&p, &totals);
    cr_expect(record.value == 0.3 && isnan(record.std_error) &&
              strcmp(record.se_method, "none") == 0);
    cr_expect(strcmp(record.detail, "rank_sum=1500;floor=0.38;independent=1") == 0, "%s",
              record.detail);
    ist_record_release(&record);
}

/* 10^9 rows, k = 1: nothing overflows. */
Test(imbalance, large_sums)
{
    parameters p;
    SET(&p, "se=none");
    int64_t all[SUMS] = {INT64_C(999999999) * 1000000001};
    ist_totals totals = {.n = 1000000000, .all = all};
    ist_record record = finish(&p, &totals);
    cr_expect(fabs(record.value - 1) < 1e-15);
    cr_expect(strncmp(record.detail, "rank_sum=499999999999999999.5;", 30) == 0, "%s",
              record.detail);
    ist_record_release(&record);
}

/* ---- restricted mutual information ------------------------------------------------------------- */

/* The smallest information of an imbalance (measures.md 1.3), and the bounds of the models (1.4), the other way round. */
Test(imbalance, bound)
{
    static const double pairs[][2] = {
        {0.0607386856, 0.8},    {0.4086388204, 0.5},    {1.3026305975, 0.2},
        {1.9957322756, 0.1},    {2.6888794541, 0.05},   {0.018841, 0.88813695},
        {0.091672, 0.75506652}, {0.425366, 0.49081298}, {1.468468, 0.16943039},
        {0.096574, 0.74873002}, {1.812511, 0.12010805}, {3.625022, 0.01960689}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        double bound = ist_imbalance_bound(pairs[i][0]);
        cr_expect(fabs(bound - pairs[i][1]) < 3e-6, "%.10g: %.10g, not %.10g", pairs[i][0], bound,
                  pairs[i][1]);
    }
    cr_expect(ist_imbalance_bound(0) == 1 && ist_imbalance_bound(-0.1) == 1);
    double last = 1;
    for (double rmi = 1e-12; rmi < 9; rmi *= 1.3) {
        double bound = ist_imbalance_bound(rmi);
        cr_expect(bound < last, "it does not fall at %g", rmi);
        last = bound;
    }
}

/* Three neighbours of 11 samples (ranks 1 to 10) in four bins: 1 and 2.5 in the first, 10 in the last. */
Test(imbalance, restricted_information)
{
    parameters p;
    SET(&p, "k=1", "se=none", "rmi=true", "bins=4");
    const int64_t number[3] = {0, 1, 2}, ranks[3] = {2, 5, 20};
    const int32_t nearest[3] = {1, 2, 0};
    ist_evidence e = {
        .n = 11, .count = 3, .k = 1, .row = number, .neighbour = nearest, .twice_rank = ranks};
    int64_t sums[512] = {0};
    cr_assert(imbalance()->sum_count <= 512);
    imbalance()->partial(p.list, &e, sums);
    ist_totals t = {.n = 3, .all = sums};
    ist_record records[IST_MAX_RECORDS];
    size_t count = 0;
    ist_error error = {0};
    cr_assert(imbalance()->finish(p.list, &t, records, &count, &error) == IST_OK && count == 3);
    double raw = 2.0 / 3 * log(4 * 2.0 / 3) + 1.0 / 3 * log(4.0 / 3);
    cr_expect(fabs(records[1].value - (raw - 3.0 / 6)) < 1e-15, "%.17g", records[1].value);
    cr_expect(records[2].value == ist_imbalance_bound(records[1].value));
    cr_expect_str_eq(records[1].quantity, "rmi");
    cr_expect_str_eq(records[1].se_method, "none");
    for (size_t r = 0; r < count; r++)
        ist_record_release(&records[r]);
}
