/*
 * Memcached replies: bytes from a shard in, one reply line out; no I/O, no allocation, no copy.
 * The value behind a VALUE or VA line is the caller's business (value_len bytes and CRLF).
 *
 * A shard is not trusted: a line that is not well formed, or not an answer to the command that was
 * sent, makes the caller close the connection.
 */
#ifndef RINGWAY_WIRE_MEMCACHE_REPLY_H
#define RINGWAY_WIRE_MEMCACHE_REPLY_H

#include "base/slice.h"
#include "wire/memcache_request.h"

#define MEMCACHE_REPLY_LINE_MAX 2048u

enum memcache_reply_type {
    MEMCACHE_REPLY_VALUE, /* VALUE key flags bytes [cas] */
    MEMCACHE_REPLY_END,
    MEMCACHE_REPLY_STORED,
    MEMCACHE_REPLY_NOT_STORED,
    MEMCACHE_REPLY_EXISTS,
    MEMCACHE_REPLY_NOT_FOUND,
    MEMCACHE_REPLY_DELETED,
    MEMCACHE_REPLY_TOUCHED,
    MEMCACHE_REPLY_OK,
    MEMCACHE_REPLY_NUMBER, /* incr, decr: decimal digits, trailing spaces allowed */
    MEMCACHE_REPLY_VERSION,
    MEMCACHE_REPLY_HD,
    MEMCACHE_REPLY_VA, /* VA bytes flags* */
    MEMCACHE_REPLY_EN,
    MEMCACHE_REPLY_NF,
    MEMCACHE_REPLY_NS,
    MEMCACHE_REPLY_EX,
    MEMCACHE_REPLY_ME,
    MEMCACHE_REPLY_MN,
    MEMCACHE_REPLY_ERROR,
    MEMCACHE_REPLY_CLIENT_ERROR,
    MEMCACHE_REPLY_SERVER_ERROR,
    MEMCACHE_N_REPLY_TYPES
};

struct memcache_reply {
    enum memcache_reply_type type;
    struct slice line;  /* with its CRLF; line.len is what was consumed */
    struct slice key;   /* VALUE: the key */
    bool has_cas;       /* VALUE: a CAS id stands on the line */
    uint64_t value_len; /* VALUE, VA: bytes that follow, without their CRLF; at most 2^31 - 1 */
};

/**
 * Parse the reply line at the start of [in].
 *
 * Returns 1 and fills *out; 0 when no whole line is there yet; -1 when the bytes can be no
 * memcached reply (also: no line end within MEMCACHE_REPLY_LINE_MAX bytes, or a line that does not
 * end in CRLF). Must be cheap: it runs once a VALUE.
 */
int memcache_reply_parse(struct slice in, struct memcache_reply *out);

/** May a well-behaved shard answer [command] with a reply of [type]? VALUE for get…, error lines always. */
bool memcache_reply_fits(enum memcache_command command, enum memcache_reply_type type);

/** ERROR, CLIENT_ERROR or SERVER_ERROR. */
bool memcache_reply_is_error(enum memcache_reply_type type);

/** Does memcached print this reply to a quiet (meta q) [command]? */
bool memcache_reply_shown_when_quiet(enum memcache_command command, enum memcache_reply_type type);

#endif
