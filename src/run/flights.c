/* Which tasks are in flight at a step of the schedule, or while a layer is read: those that wait for it. */
#include "flights.h"

/* The places of a task: steps or layers, SIZE_MAX for none. */
enum { PLACES = 8 };
typedef struct {
    const ist_plan *plan;
    const ist_schedule *schedule;
    size_t *of_source, *of_target; /* the steps of passes */
} finder;
typedef void places_of(const finder *f, const ist_task *task, size_t place[PLACES]);

static void steps_of(const finder *f, const ist_task *task, size_t place[PLACES])
{
    const ist_route *route = ist_schedule_route(f->schedule, task);
    if (!route)
        return;
    const size_t sources[] = {route->source, route->second, route->null};
    for (int i = 0; i < 3; i++)
        place[i] = sources[i] == SIZE_MAX ? SIZE_MAX : f->of_source[sources[i]];
    for (int side = 0; side < 2; side++)
        place[3 + side] =
            route->target[side] == SIZE_MAX ? SIZE_MAX : f->of_target[route->target[side]];
    place[5] = route->last_step; /* of slices and matrices the only one */
}

static void layers_of(const finder *f, const ist_task *task, size_t place[PLACES])
{
    (void)f;
    place[0] = task->source;
    place[1] = task->labels_target ? SIZE_MAX : task->target;
    for (int x = 0; x < IST_MAX_ADDRESSES; x++)
        place[2 + x] = task->extra[x];
}

/* Each place once. */
static void find_places(const finder *f, places_of *of, const ist_task *task, size_t place[PLACES])
{
    for (int i = 0; i < PLACES; i++)
        place[i] = SIZE_MAX;
    of(f, task, place);
    for (int i = 1; i < PLACES; i++)
        for (int j = 0; j < i; j++)
            if (place[i] == place[j])
                place[i] = SIZE_MAX;
}

static ist_flights collect(const finder *f, places_of *of, const bool *pending, size_t places)
{
    const ist_plan *plan = f->plan;
    ist_flights found = {.start = ist_alloc(places + 2, sizeof *found.start)};
    size_t place[PLACES], *next = found.start + 1;
    for (int filling = 0; filling < 2; filling++) {
        for (size_t t = 0; t < plan->task_count; t++) {
            const ist_task *task = &plan->tasks[t];
            if (!pending[t] || task->twin != t)
                continue;
            find_places(f, of, task, place);
            for (int i = 0; i < PLACES; i++) {
                if (place[i] == SIZE_MAX)
                    continue;
                if (filling)
                    found.task[next[place[i]]++] = task->id;
                else
                    next[place[i] + 1]++;
            }
        }
        for (size_t p = 1; !filling && p <= places; p++)
            next[p] += next[p - 1];
        if (!filling)
            found.task = ist_alloc(next[places], sizeof *found.task);
    }
    return found;
}

ist_flights ist_flights_of_steps(const ist_plan *plan, const ist_schedule *schedule,
                                 const bool *pending)
{
    finder f = {.plan = plan,
                .schedule = schedule,
                .of_source = ist_alloc(schedule->source_count, sizeof *f.of_source),
                .of_target = ist_alloc(schedule->target_count, sizeof *f.of_target)};
    for (size_t i = 0; i < schedule->step_count; i++) {
        const ist_step *step = &schedule->steps[i];
        if (step->kind == IST_STEP_PASS && step->counts)
            f.of_target[step->index] = i;
        bool joint = step->kind == IST_STEP_PASS && !step->counts;
        for (size_t m = step->index; joint && m != SIZE_MAX; m = schedule->sources[m].together)
            f.of_source[m] = i;
    }
    ist_flights found = collect(&f, steps_of, pending, schedule->step_count);
    ist_free(f.of_source);
    ist_free(f.of_target);
    return found;
}

ist_flights ist_flights_of_layers(const ist_plan *plan, const bool *pending)
{
    return collect(&(finder){.plan = plan}, layers_of, pending, plan->layer_count);
}

void ist_flights_release(ist_flights *flights)
{
    ist_free(flights->start);
    ist_free(flights->task);
    *flights = (ist_flights){0};
}
