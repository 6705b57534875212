/* Messages of rows: the values of slabs, and records of so many bytes a row. Private to the room. */
#ifndef INFOSTRATA_PAIRS_TRAVEL_H
#define INFOSTRATA_PAIRS_TRAVEL_H

#include "infostrata/comm.h"
#include "infostrata/pairs.h"

/* Begins to send or to receive `count` records. */
void ist_send_records(const ist_comm *comm, const void *records, int64_t count, size_t bytes,
                      int to, int tag, MPI_Request *request);
void ist_receive_records(const ist_comm *comm, void *records, int64_t count, size_t bytes, int from,
                         int tag, MPI_Request *request);

/* A slab is so many messages at most, one of each component; the requests of others are MPI_REQUEST_NULL. first_alone: of
 * a joint set the first component only. */
enum { IST_SLAB_MESSAGES = 2 };
/* Begins to send `count` of home's rows from index `offset` on. */
void ist_send_slab(const ist_comm *comm, const ist_rows *rows, bool first_alone, int64_t offset,
                   int64_t count, int to, MPI_Request request[IST_SLAB_MESSAGES]);
/* Begins to receive the values of a slab of ist_slab_new. */
void ist_receive_slab(const ist_comm *comm, const ist_rows *rows, bool first_alone,
                      const ist_slab *slab, int from, MPI_Request request[IST_SLAB_MESSAGES]);

#endif
