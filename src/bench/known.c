#include "known.h"

#include <math.h>

enum { F_ROWS = 256, F_A = 4, F_B = 3 };

#define F_BIAS ((IST_DATA_F_BINS - 1) / (2.0 * F_ROWS))
const ist_data_f_numbers ist_data_f = {0.181671142578, 1.44670211133 - F_BIAS, 0.175957174862,
                                       1.48426373163 - F_BIAS};

static ist_known_layers layers_new(int64_t n, int64_t d_x, int64_t d_y)
{
    ist_known_layers layers = {.n = n, .d = {d_x, d_y}};
    for (int side = 0; side < 2; side++)
        layers.values[side] = ist_alloc((size_t)(n * layers.d[side]), sizeof *layers.values[side]);
    return layers;
}

void ist_known_release(ist_known_layers *layers)
{
    for (int side = 0; side < 2; side++)
        ist_free(layers->values[side]);
    *layers = (ist_known_layers){0};
}

ist_known_layers ist_known_model(const ist_model *model, int64_t n)
{
    ist_known_layers layers =
        layers_new(n, ist_model_columns(model, 0), ist_model_columns(model, 1));
    for (int side = 0; side < 2; side++) {
        float *rows = ist_model_rows(model, n, side, 0, n);
        for (int64_t e = 0; e < n * layers.d[side]; e++)
            layers.values[side][e] = (double)rows[e];
        ist_free(rows);
    }
    return layers;
}

/* splitmix64 (Steele, Lea, Flood 2014), as measures.md 11.2 writes it down. */
static double uniform(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* An even number of them. */
static void normals(uint64_t seed, int64_t count, double *to)
{
    const double TWICE_PI = 6.283185307179586;
    for (int64_t i = 0; i + 1 < count; i += 2) {
        double r = sqrt(-2 * log(1 - uniform(&seed))), angle = TWICE_PI * uniform(&seed);
        to[i] = r * cos(angle);
        to[i + 1] = r * sin(angle);
    }
}

ist_known_layers ist_known_data_f(void)
{
    enum { SEED_A = 12345, SEED_NOISE = 67890 };
    const double NOISE = 0.3;
    ist_known_layers layers = layers_new(F_ROWS, F_A, F_B);
    double noise[F_ROWS * F_B];
    layers.wide = true;
    normals(SEED_A, (int64_t)F_ROWS * F_A, layers.values[0]);
    normals(SEED_NOISE, (int64_t)F_ROWS * F_B, noise);
    for (int64_t i = 0; i < F_ROWS; i++) {
        const double *a = layers.values[0] + i * F_A, *e = noise + i * F_B;
        double *b = layers.values[1] + i * F_B;
        b[0] = tanh(a[0] + NOISE * e[0]);
        b[1] = tanh(a[0] * a[1] + NOISE * e[1]);
        b[2] = tanh(a[2] - a[3] + NOISE * e[2]);
    }
    return layers;
}
