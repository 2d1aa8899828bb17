/*
 * A request that several shards answer together: a multi-get, or flush_all.
 *
 * Multi-get: the keys are grouped into one command per replica. Each VALUE is matched with the next
 * asked key of its leg; keys are answered in the client's order with duplicates repeated, and one
 * END. Values that arrive in their turn go straight to the client; others are held, bounded by
 * FANOUT_HELD_MAX. When a shard fails its keys are misses (on_partial: miss), or the whole answer
 * is one SERVER_ERROR (on_partial: error: then everything is held until all shards have answered).
 */
#ifndef RINGWAY_DATA_FANOUT_H
#define RINGWAY_DATA_FANOUT_H

#include "data/request.h"
#include "data/session.h"
#include "wire/memcache_reply.h"
#include "wire/memcache_request.h"

/* Bytes of replies held for one session whose earlier keys or requests have not been answered. */
#define FANOUT_HELD_MAX (64u * 1024u * 1024u)

/** Dispatch a retrieval with several keys. [parse] is borrowed during the call. */
void fanout_multiget(struct session *session, const struct memcache_request *parse);

/** Send flush_all to every replica of the listener's pools. */
void fanout_flush_all(struct session *session, const struct memcache_request *parse);

/**
 * A VALUE of a leg, whole: [block] from VALUE to the data's CRLF, [key] its key.
 *
 * Returns false when the key was not asked for (again): the shard broke the protocol.
 */
bool fanout_value(struct plane *plane, struct request *leg, struct slice key, struct slice block,
                  bool stable);

/** The same for a VALUE that is longer than FANOUT_HELD_MAX and is not read: its key is failed. */
bool fanout_value_too_large(struct request *leg, struct slice key);

/** A leg has ended: [outcome] HIT, MISS or OK, else why it failed; [line] an error line or empty. */
void fanout_leg_done(struct plane *plane, struct request *leg, enum feedback_outcome outcome,
                     struct slice line);

/** Free what the parent holds. */
void fanout_destroy(struct request *parent);

#endif
