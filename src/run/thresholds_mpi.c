/* What is counted below after a joint pass, in one of its layers. */
#include <math.h>
#include <string.h>

#include "session.h"

/* The largest distance, in one layer, of each row's first k joint neighbours. */
static double *box_of(ist_session *s, const ist_rows *rows, const ist_list *list, int64_t k,
                      ist_pass_stats *stats)
{
    size_t count = (size_t)rows->home.count, entries = count * (size_t)k;
    int32_t *target = ist_alloc(entries, sizeof *target);
    double *distance = ist_alloc(entries, sizeof *distance);
    double *largest = ist_alloc(count, sizeof *largest);
    for (size_t i = 0; i < count; i++)
        memcpy(target + i * (size_t)k, list->neighbour + (int64_t)i * list->k,
               (size_t)k * sizeof *target);
    ist_turn_distances(s->comm, &s->engine, rows, k, target, distance, stats);
    for (size_t e = 0; e < entries; e++)
        largest[e / (size_t)k] = fmax(largest[e / (size_t)k], distance[e]);
    ist_free(target);
    ist_free(distance);
    return largest;
}

void ist_joint_thresholds(ist_session *s, const ist_source_pass *pass, int side,
                          const ist_slot *slot, const ist_rows *rows, const ist_list *list,
                          int64_t stride, double *threshold, ist_pass_stats *stats)
{
    double factor[2];
    ist_joint_factors(s, pass, factor);
    int64_t k = ist_min(slot->k, list->k);
    double *box = slot->kind == IST_COUNTS_BOX ? box_of(s, rows, list, k, stats) : NULL;
    for (int64_t i = 0; i < rows->home.count; i++) {
        double eps = list->distance[i * list->distance_k + k - 1];
        if (slot->kind == IST_COUNTS_JOINT_REACH)
            eps = nextafter(eps, INFINITY);
        threshold[i * stride] = box ? box[i] : ist_scaled_threshold(eps, factor[side]);
    }
    ist_free(box);
}
