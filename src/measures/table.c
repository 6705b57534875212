#include "infostrata/measures.h"

#define MEASURE(name) extern const ist_measure ist_measure_##name;
#include "measures.def"
#undef MEASURE

#define MEASURE(name) &ist_measure_##name,
const ist_measure *const ist_measures[] = {
#include "measures.def"
};
#undef MEASURE

enum { MEASURES = sizeof ist_measures / sizeof ist_measures[0] };
const size_t ist_measure_count = MEASURES;

/* The rooms before this one see the descriptors in parts; the lists are made from the same rows. */
static const ist_measure_planner *planners[MEASURES];
static const ist_measure_schema *schemas[MEASURES];

const ist_measure_schema *const *ist_measure_schemas(void)
{
    for (size_t m = 0; m < ist_measure_count; m++)
        schemas[m] = ist_measures[m]->planner.schema;
    return schemas;
}

const ist_measure_planner *const *ist_measure_planners(void)
{
    for (size_t m = 0; m < ist_measure_count; m++)
        planners[m] = &ist_measures[m]->planner;
    return planners;
}

void ist_record_release(ist_record *record)
{
    ist_free(record->quantity);
    ist_free(record->unit);
    ist_free(record->se_method);
    ist_free(record->note);
    ist_free(record->detail);
    ist_free(record->series);
    *record = (ist_record){0};
}
