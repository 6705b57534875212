/* stop: when work is to end before it is done, and how all ranks come to know it.
 *
 * A reason (a signal, a time limit, somebody's wish) is seen by one rank or by some, at different moments. What is
 * done about it must be done by all of them, at places that all of them reach. So there are two questions:
 *   ist_stop_poll     local, cheap, wherever much time may pass: reasons travel meanwhile, by reductions that nobody
 *                     waits for. Ranks get the answer at different moments; who has it does no more work, but keeps
 *                     on sending and receiving what others wait for, up to the next collective end.
 *   ist_stop_agreed   collective of ranks that work together, between pieces of work: the same answer on all of them.
 * What is agreed comes from the reductions alone, which all ranks of the program take part in: so a group that stops leaves no other group waiting
 * for its voice. Wherever a rank may wait long it must poll.
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
/* Collective. *stop becomes NULL. */
void ist_stop_free(ist_stop **stop);

/* Local, some ten nanoseconds: true once this rank knows that all are to stop, and for ever after. False if stop is NULL. */
bool ist_stop_poll(ist_stop *stop);
/* Collective on comm, ranks that work together: the strongest reason that any of them knows all ranks to know of. IST_GO_ON if stop is NULL. */
ist_stop_reason ist_stop_agreed(ist_stop *stop, const ist_comm *comm);
/* Collective on comm: must even short work that is nearly done be left? The reason is a strong one (from IST_STOP_INTERRUPT on), or some rank
 * has known of another one for `seconds`. */
bool ist_stop_urgent(ist_stop *stop, const ist_comm *comm, double seconds);
/* Collective on comm: a barrier for ranks that may have to wait long for others, who would otherwise never agree on anything. */
void ist_stop_wait(ist_stop *stop, const ist_comm *comm);

/* Collective on comm, at the end of work that asked ist_stop_poll on its way: was it left incomplete on any rank? Once it was, further work that asks
 * ist_stop_broke_off at its start is not begun. Ranks that know nothing of a reason yet know it from here on. */
bool ist_stop_break_off(ist_stop *stop, const ist_comm *comm, bool incomplete);
/* Local, the same on all ranks that work together. */
bool ist_stop_broke_off(const ist_stop *stop);

#endif
