/*
 * What the two halves of the memcached codec share: memcached.c reads clients, memcached_reply.c
 * reads shards.
 */
#ifndef RINGWAY_DATA_CODEC_MEMCACHED_H
#define RINGWAY_DATA_CODEC_MEMCACHED_H

#include "data/codec.h"
#include "data/router.h"
#include "data/session.h"
#include "data/upstream.h"
#include "wire/memcache_reply.h"
#include "wire/memcache_request.h"

/* struct codec_pipeline's members of the same names. */
ssize_t memcached_on_reply(struct upstream_conn *conn, struct slice in, bool stable);
void memcached_write_failure(struct plane *plane, struct request *request,
                             enum feedback_outcome why);
enum codec_probe memcached_on_probe_reply(struct slice in);

/** One line for a request that failed for [why]: `SERVER_ERROR shard NAME timed out`. */
size_t memcached_failure_line(char *line, size_t size, const char *shard,
                              enum feedback_outcome why);

#endif
