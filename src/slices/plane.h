/* Neighbours in the plane, by the larger of two distances. Private to the room. */
#ifndef IST_SLICES_PLANE_H
#define IST_SLICES_PLANE_H

#include "room.h"

/* The nearest so far: a heap with the worst on top. */
typedef struct {
    double distance;
    int32_t at; /* of which sample */
} ist_near;

typedef struct {
    int64_t count, room;
    ist_near *entry;
    const ist_slice_ksg *ksg;
    int64_t own;    /* the sample whose nearest they are */
    bool ordered;   /* equal distances are told apart, too */
    int64_t looked; /* samples that were looked at, of all whose nearest were sought */
} ist_nears;

/* Nothing farther is wanted. */
static inline double ist_nears_worst(const ist_nears *nears)
{
    return nears->count < nears->room ? (double)INFINITY : nears->entry[0].distance;
}
void ist_nears_offer(ist_nears *nears, double distance, int32_t at);
/* Of k + 1 that were looked for the k-th distance, and whether the next is as far; what is left in the heap are the k
 * nearest. If there are only k in all: all of them. */
double ist_nears_close(ist_nears *nears, int64_t k, bool *tied);

/* Is a sample at this distance still of interest? */
static inline bool ist_nears_wants(const ist_nears *nears, double distance)
{
    if (nears->count < nears->room)
        return true;
    double worst = nears->entry[0].distance;
    return distance < worst || (nears->ordered && distance == worst && worst > 0);
}

#endif
