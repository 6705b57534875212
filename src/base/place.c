#include <stdatomic.h>
#include <stdio.h>

#include "infostrata/place.h"

/* Two steps, so that a thread that looks does not meet one that is being written. */
static char steps[2][IST_PLACE_TEXT];
static atomic_int current;
static _Atomic(const char *) waits_for;
static atomic_bool is_resting;
static atomic_int_fast64_t tiles, waits;
static _Atomic(double) expected;

void ist_place_step(const char *step)
{
    int free_one = 1 - atomic_load(&current);
    snprintf(steps[free_one], IST_PLACE_TEXT, "%s", step);
    atomic_store(&current, free_one);
}

void ist_place_tile(void)
{
    atomic_fetch_add_explicit(&tiles, 1, memory_order_relaxed);
}

void ist_place_long(double seconds)
{
    atomic_store(&expected, seconds);
    ist_place_tile();
}

void ist_place_wait(const char *what)
{
    atomic_store_explicit(&waits_for, what, memory_order_relaxed);
}

void ist_place_go_on(void)
{
    ist_place_wait(NULL);
    atomic_fetch_add_explicit(&waits, 1, memory_order_relaxed);
}

void ist_place_rest(bool rests)
{
    atomic_store(&is_resting, rests);
}

void ist_place_heard(void)
{
    if (atomic_load_explicit(&is_resting, memory_order_relaxed))
        atomic_fetch_add_explicit(&waits, 1, memory_order_relaxed);
}

ist_whereabouts ist_place_now(void)
{
    ist_whereabouts place = {.wait = atomic_load(&waits_for),
                             .rests = atomic_load(&is_resting),
                             .expects = atomic_load(&expected),
                             .tiles = atomic_load(&tiles),
                             .waits = atomic_load(&waits)};
    snprintf(place.step, sizeof place.step, "%s", steps[atomic_load(&current)]);
    return place;
}
