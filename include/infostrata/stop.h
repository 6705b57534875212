/* stop: when work is to end before it is done, and how all ranks come to know it.
 *
 * A reason (a signal, a time limit, somebody's wish) is seen by one rank or by some, at different moments. What is
 * done about it must be done by all of them, at places that all of them reach. So there are two questions:
 *   ist_stop_poll     local, cheap, wherever much time may pass: reasons travel meanwhile, by reductions that nobody
 *                     waits for. Ranks get the answer at different moments; who has it does no more work, but keeps
 *                     on sending and receiving what others wait for, up to the next collective end.
 *   ist_stop_agreed   collective, between pieces of work: the same answer on all ranks.
 * A pass (ist_engine.stop) uses both and says at its end, on all ranks alike, whether it is complete. */
#ifndef INFOSTRATA_STOP_H
#define INFOSTRATA_STOP_H

#include "infostrata/comm.h"
#include "infostrata/signals.h"

typedef struct ist_stop ist_stop;

/* Local: has this rank a reason of its own (beside signals)? Called a few times a second at most. */
typedef ist_stop_reason ist_stop_watch(void *data);

/* Collective. `watch` may be NULL, and differ between ranks. comm is borrowed. */
ist_stop *ist_stop_new(const ist_comm *comm, ist_stop_watch *watch, void *data);
/* Local: from now on the calls that are collective are so among these ranks, a group of those of ist_stop_new, or all of them
 * again. Reasons travel among all as before. stop may be NULL. */
void ist_stop_work_in(ist_stop *stop, const ist_comm *comm);
/* Collective. *stop becomes NULL. */
void ist_stop_free(ist_stop **stop);

/* Local, some ten nanoseconds: true once this rank knows that all are to stop, and for ever after. False if stop is NULL. */
bool ist_stop_poll(ist_stop *stop);
/* Collective: the strongest reason that any rank has. IST_GO_ON if stop is NULL. */
ist_stop_reason ist_stop_agreed(ist_stop *stop);
/* Collective: must even short work that is nearly done be left? The reason is a strong one (from IST_STOP_INTERRUPT on), or some rank has known
 * of another one for `seconds`. */
bool ist_stop_urgent(ist_stop *stop, double seconds);

/* Collective, at the end of work that asked ist_stop_poll on its way: was it left incomplete on any rank? Once it was, further work that asks
 * ist_stop_broke_off at its start is not begun. Ranks that know nothing of a reason yet know it from here on. */
bool ist_stop_break_off(ist_stop *stop, bool incomplete);
/* Local, the same on all ranks. */
bool ist_stop_broke_off(const ist_stop *stop);

#endif
