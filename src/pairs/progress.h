/* Which pairs of a pass are done: a bit for each pair of superblocks of a segment, and, of those that are begun, a bit for
 * each of their tiles. It follows from the set's superblocks alone, so that ranks, chunks and kernels have no part in it.
 * Private to the room. */
#ifndef INFOSTRATA_PAIRS_PROGRESS_H
#define INFOSTRATA_PAIRS_PROGRESS_H

#include "infostrata/pairs.h"

/* A superblock has at most so many tiles. */
enum { IST_BLOCK_TILES = 10, IST_BEGUN_WORDS = 2 };

/* A pair of superblocks some of whose tiles are done: bit i * IST_BLOCK_TILES + j is tile i of the first with tile j of the
 * second. */
typedef struct {
    int64_t pair; /* -1: a free place of the table */
    uint64_t tiles[IST_BEGUN_WORDS];
} ist_begun;

typedef struct ist_progress {
    const ist_blocks *blocks; /* borrowed */
    int64_t *
        first_pair; /* by superblock: its pair with itself; those with the next ones of its segment follow */
    int64_t pairs, words;
    uint64_t *finished;
    ist_begun *begun; /* a hash table */
    int64_t begun_count, begun_room;
    int64_t last;   /* the place looked at last: tiles come in runs */
    int64_t marked; /* tiles since somebody set it to 0 */
} ist_progress;

ist_progress *ist_progress_new(const ist_blocks *blocks);
void ist_progress_free(ist_progress **progress);

/* Tile i of superblock x with tile j of superblock y, of one segment, in either order. */
void ist_progress_mark(ist_progress *progress, int64_t x, int i, int64_t y, int j);
bool ist_progress_has(ist_progress *progress, int64_t x, int i, int64_t y, int j);
/* Is the pair of superblocks done, all tiles? Of different segments: yes, there is nothing to do. */
bool ist_progress_finished(const ist_progress *progress, int64_t x, int64_t y);
/* The superblocks x <= y of a pair. */
void ist_progress_blocks(const ist_progress *progress, int64_t pair, int64_t *x, int64_t *y);
/* Tiles of a begun pair that somebody else did. */
void ist_progress_add(ist_progress *progress, const ist_begun *begun);
/* After bits came from elsewhere: forgets what is begun of pairs that are finished. */
void ist_progress_tidy(ist_progress *progress);
/* What is begun, side by side; the caller frees it. */
ist_begun *ist_progress_begun(const ist_progress *progress, int64_t *count);

/* As bytes for a file, and back (into a new progress): false if they are not of such superblocks. */
void ist_progress_write(const ist_progress *progress, ist_text *out);
bool ist_progress_read(ist_progress *progress, const char *bytes, size_t count);
/* Bytes in memory of a set of n rows in one segment, at most, with what is exchanged of it. */
int64_t ist_progress_bytes(int64_t n);

#endif
