/* Classes of a labels vector, on every rank. */
#include "session.h"

void ist_classes_release(ist_classes *classes)
{
    ist_free(classes->class_of);
    ist_free(classes->size);
    ist_free(classes->part_size);
    ist_free(classes->label_of);
    *classes = (ist_classes){.label = SIZE_MAX};
}

/* Rank 0 reads, all ranks get the classes. */
ist_code ist_read_classes(ist_session *s, size_t label, ist_classes *c, ist_error *error)
{
    const ist_label_vector *labels = &s->known.plan->labels[label];
    c->class_of = ist_alloc((size_t)labels->n, sizeof *c->class_of);
    if (s->comm->rank == 0) {
        int64_t *values = ist_alloc((size_t)labels->n, sizeof *values);
        if (ist_read_chosen(&s->known, &labels->at, s->known.label_choice[label], labels->n, values,
                            error) == IST_OK)
            c->class_count = ist_number_classes(values, labels->n, c->class_of);
        c->label_of = ist_alloc((size_t)c->class_count, sizeof *c->label_of);
        for (int64_t i = 0; i < labels->n && c->class_count > 0; i++)
            c->label_of[c->class_of[i]] = values[i];
        ist_free(values);
    }
    if (ist_agree(s->comm, error) != IST_OK)
        return error->code;
    MPI_Bcast(&c->class_count, 1, MPI_INT64_T, 0, s->comm->handle);
    MPI_Bcast(c->class_of, ist_narrow(labels->n), MPI_INT32_T, 0, s->comm->handle);
    const int64_t start[2] = {0, labels->n};
    c->size = ist_count_classes(c->class_of, c->class_count, NULL, start, 1);
    c->label = label;
    return IST_OK;
}

static ist_code load(ist_session *s, ist_classes *c, size_t label, bool parts, ist_error *error)
{
    if (c->label != label) {
        ist_classes_release(c);
        if (ist_read_classes(s, label, c, error) != IST_OK) {
            ist_classes_release(c);
            return error->code;
        }
    }
    if (parts && !c->part_size) {
        ist_part_order_for(s, s->known.plan->labels[label].n);
        c->part_size = ist_count_classes(c->class_of, c->class_count, s->part_order.order,
                                         s->part_order.start, IST_PARTS);
    }
    return IST_OK;
}

ist_code ist_load_classes(ist_session *s, size_t label, bool parts, ist_error *error)
{
    return load(s, &s->classes, label, parts, error);
}

ist_code ist_load_by(ist_session *s, size_t label, bool parts, ist_error *error)
{
    return load(s, &s->by, label, parts, error);
}
