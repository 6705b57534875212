#include "models.h"

#include <math.h>

#include "normals.h"

const ist_model ist_models[IST_MODELS] = {
    {"E rho 0.5", 1, 0.5, 0, 0},        {"E rho 0.7", 1, 0.7, 0, 0},
    {"E rho 0.9", 1, 0.9, 0, 0},        {"E rho 0.95", 1, 0.95, 0, 0},
    {"E rho 0.99", 1, 0.99, 0, 0},      {"D d=1 lambda 1", 1, 0, 1, 0},
    {"D d=1 lambda 10", 1, 0, 10, 0},   {"D d=1 lambda 100", 1, 0, 100, 0},
    {"D d=2 lambda 1", 2, 0, 1, 0},     {"D d=2 lambda 10", 2, 0, 10, 0},
    {"D d=2 lambda 100", 2, 0, 100, 0}, {"x and (x, y)", 1, 1, 0, 1},
    {"independent d=5", 5, 0, 0, 0},
};

static double rho_square(const ist_model *model)
{
    return model->lambda > 0 ? model->lambda / (1 + model->lambda) : model->rho * model->rho;
}

int64_t ist_model_columns(const ist_model *model, int side)
{
    return model->d + (side == 1 ? model->more : 0);
}

float *ist_model_rows(const ist_model *model, int64_t n, int side, int64_t first, int64_t count)
{
    enum { SEED_MODELS = 5 };
    int64_t d = ist_model_columns(model, side);
    uint64_t words[] = {SEED_MODELS, (uint64_t)(model - ist_models), (uint64_t)n};
    uint64_t shared = ist_hash_bytes(words, sizeof words, 0).low;
    uint64_t noise = ist_hash_bytes(words, sizeof words, 0).high;
    bool denoising = model->lambda > 0;
    double signal = denoising ? sqrt(model->lambda) : model->rho;
    double rest = denoising ? 1 : sqrt(1 - model->rho * model->rho);
    double *x = ist_alloc((size_t)model->d, sizeof *x), *own = ist_alloc((size_t)d, sizeof *own);
    float *rows = ist_alloc((size_t)(count * d), sizeof *rows);
    for (int64_t i = 0; i < count; i++) {
        ist_normal_row(shared, first + i, model->d, x);
        if (side == 1)
            ist_normal_row(noise, first + i, d, own);
        for (int64_t f = 0; f < d; f++)
            rows[i * d + f] = (float)(side == 0      ? x[f]
                                      : f < model->d ? signal * x[f] + rest * own[f]
                                                     : own[f]);
    }
    ist_free(x);
    ist_free(own);
    return rows;
}

double ist_model_imbalance(const ist_model *model, int direction)
{
    const double HALF_PI = 1.57079632679489661923;
    if (model->more > 0) /* 2 P(w^2 > u^2 + v^2) of normals, by quadrature (measures.md 1.4) */
        return direction == 0 ? 0.5602698220 : 0;
    double square = rho_square(model), r = square / sqrt(3 - 2 * square);
    /* 2 I_{(1-r)/2}(d/2, d/2): in one column an arcus sine, in two columns its argument. */
    if (square == 0)
        return 1;
    return model->d == 2 ? 1 - r : 1 - asin(r) / HALF_PI;
}

/* 2 I_{s / (1 + s)}(d/2, d/2), s = 1 - rho^2; the halves of 1/2 and 1 as above. */
double ist_model_global(const ist_model *model, int direction)
{
    const double HALF_PI = 1.57079632679489661923;
    if (model->more > 0)
        return direction == 0 ? (double)NAN : 0;
    double rest = 1 - rho_square(model);
    if (rest == 1)
        return 1;
    return model->d == 2 ? 2 * rest / (1 + rest) : 2 * atan(sqrt(rest)) / HALF_PI;
}

double ist_model_rmi(const ist_model *model, int direction)
{
    (void)direction;
    double square = rho_square(model);
    return model->more > 0 ? (double)NAN : (double)model->d / 2 * (-square - log1p(-square));
}
