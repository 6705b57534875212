/* The only file of the room that calls BLAS. */
#include <cblas.h>
#include <string.h>

#include "measure.h"

const char *ist_blas_core(void)
{
    return openblas_get_corename();
}

void ist_blas_version(ist_text *out)
{
    const char *config = openblas_get_config();
    size_t name = strcspn(config, " ");
    size_t length = config[name] ? name + 1 + strcspn(config + name + 1, " ") : name;
    ist_text_add(out, "%.*s", (int)length, config);
}

/* Any values will do that are neither zero nor denormal. */
static float *matrix_new(float first, float step)
{
    enum { ENTRIES = IST_PEAK_SIZE * IST_PEAK_SIZE };
    float *values = ist_alloc(ENTRIES, sizeof *values);
    for (int i = 0; i < ENTRIES; i++)
        values[i] = first + step * (float)(i % 1021);
    return values;
}

ist_peak ist_peak_new(void)
{
    return (ist_peak){matrix_new(-0.5F, 0.001F), matrix_new(0.25F, -0.0005F), matrix_new(0, 0)};
}

void ist_peak_release(ist_peak *peak)
{
    ist_free(peak->a);
    ist_free(peak->b);
    ist_free(peak->c);
    *peak = (ist_peak){0};
}

static double sum_real(const ist_comm *comm, double value)
{
    MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_DOUBLE, MPI_SUM, comm->handle);
    return value;
}

double ist_peak_rate(const ist_comm *comm, ist_peak *peak)
{
    enum { M = IST_PEAK_SIZE };
    MPI_Barrier(comm->handle);
    double start = ist_seconds();
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, M, M, M, 1, peak->a, M, peak->b, M, 0,
                peak->c, M);
    return sum_real(comm, 2.0 * M * M * M / (ist_seconds() - start));
}

double ist_fma_rate(const ist_comm *comm)
{
    MPI_Barrier(comm->handle);
    return sum_real(comm, ist_own_fma_rate());
}
