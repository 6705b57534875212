/* Every rank in turn shows its rows, and what stands beside them in the vectors; all others meet them with their own rows,
 * a tile of the kernel at a time. */
#include "kernel_product.h"

#include <cblas.h>
#include <string.h>

kernel_operator kernel_operator_new(const ist_comm *comm, const ist_engine *engine,
                                    const ist_kernel_product *kernel)
{
    kernel_operator op = {.comm = comm, .engine = engine, .kernel = kernel};
    op.home = ist_alloc((size_t)kernel->factors, sizeof *op.home);
    for (int f = 0; f < kernel->factors; f++)
        op.home[f] = dense_rows_of(comm, kernel->rows[f]);
    op.first = ist_share(kernel->n, comm->size, comm->rank);
    op.count = ist_share(kernel->n, comm->size, comm->rank + 1) - op.first;
    if (kernel->factors > 0) {
        op.first = op.home[0].first;
        op.count = op.home[0].count;
    }
    return op;
}

void kernel_operator_release(kernel_operator *op)
{
    for (int f = 0; f < op->kernel->factors; f++)
        dense_rows_release(&op->home[f]);
    ist_free(op->home);
}

/* ---- what is shown ----------------------------------------------------------------------------- */

/* Some rows of one rank, on all. */
typedef struct {
    int64_t first, count;
    dense_rows *rows; /* of each factor; owned */
    double *x;        /* count x columns */
} shown;

static size_t row_bytes(const ist_rows *rows)
{
    return (size_t)rows->d * (rows->wide ? sizeof(double) : sizeof(float));
}

static shown shown_new(const kernel_operator *op, int columns)
{
    shown s = {.rows = ist_alloc((size_t)op->kernel->factors, sizeof *s.rows)};
    for (int f = 0; f < op->kernel->factors; f++) {
        const ist_rows *rows = op->kernel->rows[f];
        s.rows[f].d = rows->d;
        s.rows[f].owned = ist_alloc_unset(IST_QUADRATURE_ROWS, row_bytes(rows));
        s.rows[f].narrow = rows->wide ? NULL : s.rows[f].owned;
        s.rows[f].wide = rows->wide ? s.rows[f].owned : NULL;
    }
    s.x = ist_alloc_unset((size_t)(IST_QUADRATURE_ROWS * (int64_t)columns), sizeof *s.x);
    return s;
}

static void shown_release(const kernel_operator *op, shown *s)
{
    for (int f = 0; f < op->kernel->factors; f++)
        dense_rows_release(&s->rows[f]);
    ist_free(s->rows);
    ist_free(s->x);
}

/* Rows [done, done + count) of rank `from`. */
static void show(const kernel_operator *op, int from, int64_t first, int64_t done, int64_t count,
                 int columns, const double *x, shown *s)
{
    s->first = first + done;
    s->count = count;
    for (int f = 0; f < op->kernel->factors; f++) {
        size_t bytes = row_bytes(op->kernel->rows[f]);
        const dense_rows *home = &op->home[f];
        const char *own = home->wide ? (const char *)home->wide : (const char *)home->narrow;
        if (op->comm->rank == from)
            memcpy(s->rows[f].owned, own + (size_t)done * bytes, (size_t)count * bytes);
        MPI_Datatype type = ist_bytes_type(bytes);
        MPI_Bcast(s->rows[f].owned, ist_narrow(count), type, from, op->comm->handle);
        MPI_Type_free(&type);
    }
    if (op->comm->rank == from)
        memcpy(s->x, x + done * columns, (size_t)(count * columns) * sizeof *x);
    MPI_Bcast(s->x, ist_narrow(count * columns), MPI_DOUBLE, from, op->comm->handle);
}

/* ---- tiles ------------------------------------------------------------------------------------- */

typedef struct {
    double *row, **panel; /* a tile's rows of one factor; its columns, of each */
    double kernel[IST_TILE * IST_TILE], distance[IST_TILE * IST_TILE];
} workshop;

static workshop *workshop_new(const kernel_operator *op)
{
    workshop *w = ist_alloc(1, sizeof *w);
    int64_t most = 0;
    w->panel = ist_alloc((size_t)op->kernel->factors, sizeof *w->panel);
    for (int f = 0; f < op->kernel->factors; f++) {
        const int64_t d = op->kernel->rows[f]->d;
        w->panel[f] = ist_alloc((size_t)(IST_TILE * d), sizeof(double));
        most = ist_max(most, d);
    }
    w->row = ist_alloc((size_t)(IST_TILE * most), sizeof *w->row);
    return w;
}

static void workshop_free(const kernel_operator *op, workshop *w)
{
    for (int f = 0; f < op->kernel->factors; f++)
        ist_free(w->panel[f]);
    ist_free(w->panel);
    ist_free(w->row);
    ist_free(w);
}

/* Rows from `first` on. */
static const float *narrow_at(const dense_rows *rows, int64_t first)
{
    return rows->wide ? NULL : rows->narrow + first * rows->d;
}

static const double *wide_at(const dense_rows *rows, int64_t first)
{
    return rows->wide ? rows->wide + first * rows->d : NULL;
}

static void load_panels(const kernel_operator *op, const shown *s, int64_t first, int count,
                        workshop *w)
{
    for (int f = 0; f < op->kernel->factors; f++)
        op->engine->kernel->load_columns(narrow_at(&s->rows[f], first), wide_at(&s->rows[f], first),
                                         count, s->rows[f].d, NULL, w->panel[f]);
}

/* w->kernel: of home rows [row, row + rows) and the columns in the panels. */
static void kernel_tile(const kernel_operator *op, int64_t row, int rows, int64_t column,
                        int columns, workshop *w)
{
    enum { ENTRIES = IST_TILE * IST_TILE };
    const ist_kernel_product *k = op->kernel;
    memset(w->kernel, 0, sizeof w->kernel);
    memset(w->distance, 0, sizeof w->distance);
    for (int f = 0; f < k->factors; f++) {
        const double weight = 1 / (2 * k->s[f] * k->s[f]);
        const int64_t d = op->home[f].d;
        op->engine->kernel->load_rows(narrow_at(&op->home[f], row), wide_at(&op->home[f], row),
                                      rows, d, NULL, w->row);
        op->engine->kernel->exact[k->rows[f]->metric].tile(w->row, rows, w->panel[f], d,
                                                           w->distance);
        for (int e = 0; e < ENTRIES; e++)
            w->kernel[e] += weight * w->distance[e];
    }
    op->engine->kernel->decay(w->kernel, ENTRIES);
    for (int i = 0; i < rows && k->label; i++)
        for (int j = 0; j < columns; j++)
            if (k->label[op->first + row + i] != k->label[column + j])
                w->kernel[i * IST_TILE + j] = 0;
}

static void meet(const kernel_operator *op, const shown *s, int columns, workshop *w, double *y)
{
    for (int64_t c = 0; c < s->count; c += IST_TILE) {
        const int wide = (int)ist_min(IST_TILE, s->count - c);
        load_panels(op, s, c, wide, w);
        for (int64_t r = 0; r < op->count; r += IST_TILE) {
            const int high = (int)ist_min(IST_TILE, op->count - r);
            kernel_tile(op, r, high, s->first + c, wide, w);
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, high, columns, wide, 1,
                        w->kernel, IST_TILE, s->x + c * columns, columns, 1, y + r * columns,
                        columns);
        }
    }
}

bool kernel_operator_apply(const kernel_operator *op, int columns, const double *x, double *y)
{
    shown s = shown_new(op, columns);
    workshop *w = workshop_new(op);
    bool stopped = false;
    memset(y, 0, (size_t)(op->count * columns) * sizeof *y);
    for (int r = 0; r < op->comm->size && !stopped; r++) {
        /* Who shows says whether all are to stop: so all know at the same moment. */
        int64_t header[3] = {op->first, op->count, 0};
        for (int64_t done = 0; (done == 0 || done < header[1]) && !stopped;
             done += IST_QUADRATURE_ROWS) {
            header[2] = ist_stop_poll(op->engine->stop);
            MPI_Bcast(header, 3, MPI_INT64_T, r, op->comm->handle);
            stopped = header[2] != 0;
            const int64_t now = ist_min(IST_QUADRATURE_ROWS, header[1] - done);
            if (stopped || now <= 0)
                continue;
            show(op, r, header[0], done, now, columns, x, &s);
            meet(op, &s, columns, w, y);
        }
    }
    shown_release(op, &s);
    workshop_free(op, w);
    return !ist_stop_break_off(op->engine->stop, op->comm, stopped);
}
