/* What is needed while a plan is made, and no longer. */
#ifndef IST_PLAN_BUILD_H
#define IST_PLAN_BUILD_H

#include "grid.h"
#include "reference.h"

typedef struct {
    ist_plan *plan;
    ist_faults *faults;
    ist_grid grid;
    ist_references references;
    ist_index layers, labels, tasks; /* by hash of the key, by id */
    size_t *layer_at,
        *label_at; /* cell x name (x form) -> plan->layers, ->labels; SIZE_MAX: unknown */
    size_t layer_capacity, label_capacity, task_capacity;
} ist_builder;

/* What a measure takes a layer for: the same data in two forms are two layers. */
typedef struct {
    ist_metric metric;
    ist_scale scale;
    bool dimension; /* wanted; no form of its own */
} ist_layer_form;
enum { IST_LAYER_FORMS = 2 * (IST_METRIC_COSINE + 1) };

/* The distinct layer (labels vector) that a name means in a cell, or a subset of it; a new one if need be. */
size_t ist_locate_layer(ist_builder *builder, size_t cell, size_t name, ist_layer_form form,
                        ist_draw draw);
/* The same of an address; own_rows: its rows are not the samples. */
size_t ist_locate_address(ist_builder *builder, size_t cell, const char *address, ist_place where,
                          bool own_rows, ist_draw draw);
size_t ist_locate_labels(ist_builder *builder, size_t cell, size_t name, ist_draw draw);

/* All tasks of all cells, their layers and labels. */
void ist_build_tasks(ist_builder *builder);

#endif
