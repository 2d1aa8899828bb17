/*
 * From the caller's shards to checked members, named and ordered as the ring needs them.
 */
#ifndef RING_MEMBERS_H
#define RING_MEMBERS_H

#include "algorithm.h"

/*
 * Check [plan->n_members] shards and fill [members], in the order in which their points win ties:
 * by name, or as the original of the preset has them. Adds up [plan->total_weight].
 *
 * Returns 0, HASHRING_ERR_BAD_NAME, HASHRING_ERR_BAD_WEIGHT or HASHRING_ERR_DUPLICATE_NAME.
 */
int ring_members_collect(struct ring_member *members, const struct hashring_shard *shards,
                         struct ring_plan *plan);

#endif
