/* What goes from stage to stage of a division. Private to the room. */
#ifndef INFOSTRATA_RUN_STAGES_H
#define INFOSTRATA_RUN_STAGES_H

#include "session.h"

/* Collective on `all`, before they work in so many groups. Lists of the first stage, which all ranks hold together, as each group
 * needs them; returns what s->lists held, for the other call. */
ist_lists *ist_lend_lists(ist_session *s, const ist_comm *all, int groups);
/* Local. */
void ist_return_lists(ist_session *s, ist_lists *whole);
/* Collective on `all`, after that. Lists that the groups found in the portions [first, end), if a later stage needs them: all
 * ranks hold them together, as they would had they found them. */
void ist_bring_lists(ist_session *s, const ist_comm *all, int groups, size_t first, size_t end);
/* Local. Lists that no later stage needs. */
void ist_drop_stage(ist_session *s, int stage);
/* Collective on `all`. What groups have found out about the layers that they read (mine[layer]: this rank's). */
void ist_share_facts(ist_session *s, const ist_comm *all, const bool *mine);

#endif
