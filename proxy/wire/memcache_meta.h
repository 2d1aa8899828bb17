/*
 * The flags of a memcached meta command: their syntax, and what they mean to a proxy. Private to
 * wire/, part of the request parser.
 */
#ifndef RINGWAY_WIRE_MEMCACHE_META_H
#define RINGWAY_WIRE_MEMCACHE_META_H

#include "wire/memcache_request.h"

/**
 * Parse what follows the word of `mg`, `ms`, `md`, `ma` or `me`.
 *
 * [rest] The line after the word, without its line end and the spaces before that.
 * [out]  Its command and line are set, everything else is cleared.
 */
enum memcache_parse memcache_meta_parse(struct slice rest, struct memcache_request *out);

#endif
