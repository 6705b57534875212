#include <stdlib.h>
#include <string.h>

#include "chunks.h"
#include "infostrata/ring.h"

typedef struct {
    ist_hash hash;
    int64_t position;
} hashed_row;

/* -0 and 0 are the same value; bytes are hashed, so that zeros must look alike. */
static ist_hash hash_row(const ist_rows *rows, int64_t i, double *buffer)
{
    const ist_slab *home = &rows->home;
    for (int64_t f = 0; f < rows->d; f++) {
        double value =
            home->wide ? home->wide[i * rows->d + f] : (double)home->narrow[i * rows->d + f];
        buffer[f] = value == 0 ? 0 : value;
    }
    return ist_hash_bytes(buffer, (size_t)rows->d * sizeof *buffer, 0);
}

static int compare_hashed(const void *a, const void *b)
{
    const hashed_row *x = a, *y = b;
    int order = ist_hash_compare(x->hash, y->hash);
    return order ? order : (x->position > y->position) - (x->position < y->position);
}

static hashed_row *hash_home(const ist_rows *rows)
{
    hashed_row *hashed = ist_alloc((size_t)rows->home.count, sizeof *hashed);
    double *buffer = ist_alloc((size_t)rows->d, sizeof *buffer);
    for (int64_t i = 0; i < rows->home.count; i++)
        hashed[i] = (hashed_row){hash_row(rows, i, buffer), rows->home.first + i};
    ist_free(buffer);
    return hashed;
}

/* Every rank's hashes on every rank: 24 bytes a row of the layer. */
static hashed_row *gather(const ist_comm *comm, const ist_rows *rows, const hashed_row *mine)
{
    hashed_row *all = ist_alloc((size_t)rows->n, sizeof *all);
    MPI_Datatype entry;
    MPI_Type_contiguous((int)sizeof *all, MPI_BYTE, &entry);
    MPI_Type_commit(&entry);
    ist_gather_rows(comm, rows, entry, mine, all, true);
    MPI_Type_free(&entry);
    return all;
}

/* leader[i]: the first row with the same hash as home row i (itself if there is none before it). */
static int64_t find_leaders(const ist_rows *rows, const hashed_row *sorted, int32_t *leader)
{
    int64_t first = rows->home.first, suspects = 0, head = 0;
    for (int64_t p = 0; p < rows->n; p++) {
        if (ist_hash_compare(sorted[p].hash, sorted[head].hash) != 0)
            head = p;
        suspects += p != head;
        int64_t home = sorted[p].position - first;
        if (home >= 0 && home < rows->home.count)
            leader[home] = (int32_t)sorted[head].position;
    }
    return suspects;
}

int64_t ist_duplicates(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                       int32_t *first_equal, ist_hash *content)
{
    hashed_row *mine = hash_home(rows);
    hashed_row *all = gather(comm, rows, mine);
    ist_free(mine);
    int64_t shape[2] = {rows->n, rows->d};
    ist_hash of_rows = ist_hash_bytes(all, (size_t)rows->n * sizeof *all, 0);
    uint64_t parts[4] = {of_rows.low, of_rows.high, (uint64_t)shape[0], (uint64_t)shape[1]};
    *content = ist_hash_bytes(parts, sizeof parts, 0);

    qsort(all, (size_t)rows->n, sizeof *all, compare_hashed);
    int32_t *leader = ist_alloc((size_t)rows->home.count, sizeof *leader);
    int64_t suspects = find_leaders(rows, all, leader);
    ist_free(all);
    int64_t duplicates = 0;
    /* Equal hashes are only a suspicion: equal rows are at distance 0. The suspects are counted
     * from the same table on every rank, so that all of them take the turn or none does. */
    if (suspects > 0) {
        ist_pass_stats stats = {0};
        double *distance = ist_alloc((size_t)rows->home.count, sizeof *distance);
        ist_turn_distances(comm, engine, rows, 1, leader, distance, &stats);
        for (int64_t i = 0; i < rows->home.count; i++) {
            if (distance[i] > 0)
                leader[i] = (int32_t)(rows->home.first + i);
            duplicates += leader[i] != rows->home.first + i;
        }
        ist_free(distance);
    }
    if (first_equal && rows->home.count > 0)
        memcpy(first_equal, leader, (size_t)rows->home.count * sizeof *leader);
    ist_free(leader);
    return ist_sum_one(comm, duplicates);
}
