/* class_lists: the nearest of each row's own class, and how many rows of any class are as near, from neighbour lists among all
 * rows (B. C. Ross, PLoS ONE 9(2) e87357, 2014, asks for both). A list that holds the k nearest of the class, and whatever else is as
 * near, says it all; rows whose list is too short are compared with all rows again, in float64 (ist_class_lists_search of ring.h). The integers are those of a pass
 * within classes (ring.h) and of a pass of counts below its distances. */
#ifndef INFOSTRATA_CLASS_LISTS_H
#define INFOSTRATA_CLASS_LISTS_H

#include "infostrata/pairs.h"

/* Of which rows and classes; all borrowed. */
typedef struct {
    const ist_rows *rows;      /* not joint; segments are all of them, or the parts */
    const int32_t *class_of;   /* by row number, 0 <= class < classes */
    int64_t classes;           /* 1 or more */
    const int64_t *class_size; /* segments x classes */
    bool leave_out;            /* rows alone in their class of the segment are not counted */
    int64_t k;                 /* neighbours in the class; 1 or more */
} ist_class_question;

/* Of this rank's rows of the set: k entries each, the first held of them filled in. Owned by the caller. */
typedef struct {
    int64_t k;
    int32_t *held;    /* k, or all others of the class (in the segment) where these are fewer */
    double *distance; /* ascending */
    int32_t
        *reach; /* others of the class that are as near as the entry, it and nearer ones included */
    int32_t *closer,
        *equal; /* of all others in the segment: nearer than the entry; at its distance */
} ist_class_lists;

/* Local. */
ist_class_lists ist_class_lists_new(const ist_class_question *question);
void ist_class_lists_release(ist_class_lists *lists);

/* Neighbours among all rows of the segment, of this rank's rows: sorted, neighbour[i x neighbour_k + e] positions in the set,
 * distance[i x distance_k + e]; the smaller of both lengths counts. Ties may stand in any order. */
typedef struct {
    int64_t neighbour_k, distance_k;
    const int32_t *neighbour;
    const double *distance;
} ist_lists_among_all;

/* Local. Fills in the rows whose list is long enough; is_short[i] of the others becomes true, else false. Returns how many
 * are short. */
int64_t ist_class_lists_take(const ist_class_question *question, const ist_lists_among_all *among,
                             ist_class_lists *lists, bool *is_short);

#endif
