/* checks: collective checks, run by `mpirun -n P rank_checks NAME`. A file tests/ranks/check_*.c holds some:
 *
 *     RANK_CHECK(sums_of_int64)
 *     {
 *         int64_t total = ...collective...;
 *         CHECK_ALL(comm, total == expected);
 *     }
 *
 * That is all: the name registers itself, and test_ranks.c runs it at 1, 2 and 5 ranks, sanitized at 3. */
#ifndef TESTS_RANKS_CHECKS_H
#define TESTS_RANKS_CHECKS_H

#include <mpi.h>
#include <stdbool.h>

typedef void rank_check(MPI_Comm comm);

#define RANK_CHECK(name)                                           \
    static rank_check check_##name;                                \
    __attribute__((constructor)) static void register_##name(void) \
    {                                                              \
        rank_check_register(#name, check_##name);                  \
    }                                                              \
    static void check_##name(MPI_Comm comm)

/* Collective: the condition must hold on every rank; else the check fails and returns, on all ranks alike. One rank
 * must never leave alone: the others would wait for it for ever. */
#define CHECK_ALL(comm, condition)                                                   \
    do {                                                                             \
        if (!rank_check_agreed((comm), (condition), #condition, __FILE__, __LINE__)) \
            return;                                                                  \
    } while (0)

/* The same, with a printf text that the lowest failing rank prints (values, rows). */
#define CHECK_ALL_TELL(comm, condition, ...)                                    \
    do {                                                                        \
        char text_[300];                                                        \
        snprintf(text_, sizeof text_, __VA_ARGS__);                             \
        if (!rank_check_agreed((comm), (condition), text_, __FILE__, __LINE__)) \
            return;                                                             \
    } while (0)

/* Collective: whether the condition holds on every rank; the lowest rank where it does not says so. */
bool rank_check_agreed(MPI_Comm comm, bool holds, const char *text, const char *file, int line);
void rank_check_register(const char *name, rank_check *check);

#endif
