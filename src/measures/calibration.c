#include <math.h>

#include "infostrata/measures.h"

const int64_t ist_calibrated_neighbours[IST_CALIBRATED_NEIGHBOURS] = {1, 3, 10, 30, 100};
const int64_t ist_calibrated_samples[IST_CALIBRATED_SAMPLES] = {256, 1024, 4096, 16384, 32768};
const int64_t ist_calibrated_dimensions[IST_CALIBRATED_DIMENSIONS] = {1,  2,  3,  5, 8,
                                                                      12, 20, 32, 64};
const int64_t ist_calibrated_sets[IST_CALIBRATED_SETS] = {64, 256, 1024, 4096, 16384, 32768};

/* ---- the table: thousandths, in the order of the axes ---------------------------------------- */

enum {
    PAIRS = IST_CALIBRATED_DIMENSIONS * (IST_CALIBRATED_DIMENSIONS + 1) / 2,
    COLUMNS = IST_CALIBRATED_ESTIMATORS * IST_CALIBRATED_NEIGHBOURS
};

#define INFORMATION(n, d_x, d_y, ...) {__VA_ARGS__},
#define DIMENSION(rows, d, found)
static const int16_t information[IST_CALIBRATED_SAMPLES * PAIRS][COLUMNS] = {
#include "calibration.def"
};
#undef INFORMATION
#undef DIMENSION

#define INFORMATION(n, d_x, d_y, ...)
#define DIMENSION(rows, d, found) found,
static const int32_t dimension[IST_CALIBRATED_SETS * IST_CALIBRATED_DIMENSIONS] = {
#include "calibration.def"
};
#undef INFORMATION
#undef DIMENSION

/* Of two positions on the axis of dimensions: pairs (0, 0), (0, 1), ... (1, 1), ... */
static double information_at(ist_calibrated estimator, int n, int k, int x, int y)
{
    int low = x < y ? x : y, high = x < y ? y : x;
    int pair = low * IST_CALIBRATED_DIMENSIONS - low * (low - 1) / 2 + high - low;
    return information[n * PAIRS + pair][(int)estimator * IST_CALIBRATED_NEIGHBOURS + k] / 1000.0;
}

static double dimension_at(int set, int d)
{
    return dimension[set * IST_CALIBRATED_DIMENSIONS + d] / 1000.0;
}

/* ---- between its entries --------------------------------------------------------------------- */

/* Entries low and low + 1 of an axis, with the weight of the second. */
typedef struct {
    int low;
    double weight;
} place;

static place place_on(const int64_t *axis, int count, double value)
{
    if (value <= (double)axis[0])
        return (place){0, 0};
    if (value >= (double)axis[count - 1])
        return (place){count - 2, 1};
    int low = 0;
    while (value >= (double)axis[low + 1])
        low++;
    double from = ist_ln((double)axis[low]), to = ist_ln((double)axis[low + 1]);
    return (place){low, (ist_ln(value) - from) / (to - from)};
}

static double weight_of(place p, int corner)
{
    return corner ? p.weight : 1 - p.weight;
}

double ist_calibration(ist_calibrated estimator, int64_t n, int64_t k, double d_x, double d_y)
{
    if (isnan(d_x) || isnan(d_y))
        return (double)NAN;
    const int64_t *columns = ist_calibrated_dimensions;
    place at[4] = {
        place_on(ist_calibrated_samples, IST_CALIBRATED_SAMPLES, (double)n),
        place_on(ist_calibrated_neighbours, IST_CALIBRATED_NEIGHBOURS, (double)k),
        /* in ascending order: rounding would tell the layers apart */
        place_on(columns, IST_CALIBRATED_DIMENSIONS, fmin(d_x, d_y)),
        place_on(columns, IST_CALIBRATED_DIMENSIONS, fmax(d_x, d_y)),
    };
    double sum = 0;
    for (int corner = 0; corner < 16; corner++) {
        int side[4];
        double weight = 1;
        for (int axis = 0; axis < 4; axis++) {
            side[axis] = corner >> axis & 1;
            weight *= weight_of(at[axis], side[axis]);
        }
        sum += weight * information_at(estimator, at[0].low + side[0], at[1].low + side[1],
                                       at[2].low + side[2], at[3].low + side[3]);
    }
    return sum;
}

static double dimension_among(place set, int d)
{
    return weight_of(set, 0) * dimension_at(set.low, d) +
           weight_of(set, 1) * dimension_at(set.low + 1, d);
}

double ist_calibrated_columns(double found, int64_t rows)
{
    if (isnan(found))
        return (double)NAN;
    const int64_t *columns = ist_calibrated_dimensions;
    place set = place_on(ist_calibrated_sets, IST_CALIBRATED_SETS, (double)rows);
    int last = IST_CALIBRATED_DIMENSIONS - 1, d = 0;
    if (found <= dimension_among(set, 0))
        return (double)columns[0];
    if (found >= dimension_among(set, last))
        return (double)columns[last];
    while (found >= dimension_among(set, d + 1))
        d++;
    double from = ist_ln(dimension_among(set, d)), to = ist_ln(dimension_among(set, d + 1));
    double weight = (ist_ln(found) - from) / (to - from);
    double low = ist_ln((double)columns[d]), high = ist_ln((double)columns[d + 1]);
    return ist_exp(low + weight * (high - low));
}
