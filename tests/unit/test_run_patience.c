/* F42: when the watchdog ends a run. Looks are made by hand, so that hours take no time. */
#include <criterion/criterion.h>

#include "../../src/run/patience.h"

/* A rank that looks at itself every quarter of a second, from 100 s on. */
typedef struct {
    ist_patience patience;
    ist_whereabouts place;
    double now;
} dog;

static dog dog_new(double seconds)
{
    return (dog){.patience = {.seconds = seconds, .last = 100}, .now = 100};
}

static bool look(dog *d)
{
    d->now += IST_PATIENCE_LOOK;
    return ist_patience_over(&d->patience, &d->place, d->now);
}

/* Nothing is finished for so long; did it stay quiet? */
static bool quiet_for(dog *d, double seconds)
{
    for (double until = d->now + seconds; d->now + IST_PATIENCE_LOOK <= until;)
        if (look(d))
            return false;
    return true;
}

static bool finishes(dog *d)
{
    d->place.tiles++;
    return !look(d);
}

/* The end comes with the first look after so many seconds. */
static void expect_end_after(dog *d, double seconds)
{
    cr_expect(quiet_for(d, seconds), "ended %g s too early", seconds - d->patience.idle);
    cr_expect(look(d), "still there after %g s", d->patience.idle);
}

Test(patience, F42_nothing_for_so_long_is_the_end)
{
    dog d = dog_new(5);
    expect_end_after(&d, 5);
}

Test(patience, F42_tiles_and_exchanges_count)
{
    dog d = dog_new(5);
    for (int i = 0; i < 100; i++) {
        cr_expect(quiet_for(&d, 4));
        d.place.waits += i % 2;
        d.place.tiles += 1 - i % 2;
        cr_expect(!look(&d));
    }
}

Test(patience, F42_it_learns_what_is_long)
{
    dog d = dog_new(5);
    cr_expect(quiet_for(&d, 3) && finishes(&d));
    expect_end_after(&d, 30);
    /* Less than a tenth of the limit teaches nothing. */
    dog short_one = dog_new(5);
    cr_expect(quiet_for(&short_one, 0.25) && finishes(&short_one));
    expect_end_after(&short_one, 5);
}

Test(patience, F42_an_idle_group_is_excused)
{
    dog d = dog_new(5);
    d.place.rests = true;
    expect_end_after(&d, 50);
}

/* What it waited for others says nothing of how long its own work may take. */
Test(patience, F42_rest_teaches_nothing)
{
    dog d = dog_new(5);
    d.place.rests = true;
    cr_expect(quiet_for(&d, 40) && finishes(&d));
    d.place.rests = false;
    expect_end_after(&d, 5);
    /* Nor if the rest ended before the next thing was finished. */
    dog later = dog_new(5);
    later.place.rests = true;
    cr_expect(quiet_for(&later, 4));
    later.place.rests = false;
    cr_expect(quiet_for(&later, 0.5) && finishes(&later));
    expect_end_after(&later, 5);
}

/* An excuse holds for one wait only. */
Test(patience, F42_after_an_excuse_it_learns_again)
{
    dog d = dog_new(5);
    d.place.rests = true;
    cr_expect(quiet_for(&d, 4) && finishes(&d));
    d.place.rests = false;
    cr_expect(quiet_for(&d, 2) && finishes(&d));
    expect_end_after(&d, 20);
}

/* A step of matrices says how long it may take: ten times that, and no lesson for later. */
Test(patience, F42_what_was_announced)
{
    dog d = dog_new(5);
    d.place.expects = 6;
    cr_expect(quiet_for(&d, 50) && finishes(&d));
    expect_end_after(&d, 60);
    dog later = dog_new(5);
    later.place.expects = 6;
    cr_expect(quiet_for(&later, 50) && finishes(&later));
    later.place.expects = 0;
    expect_end_after(&later, 5);
    dog less = dog_new(5);
    less.place.expects = 0.1;
    expect_end_after(&less, 5);
}

/* A night of a suspended job is one look. */
Test(patience, F42_time_in_which_it_stood_still_itself)
{
    dog d = dog_new(5);
    cr_expect(quiet_for(&d, 4));
    d.now += 30000;
    cr_expect(!look(&d));
    expect_end_after(&d, 0.75);
}
