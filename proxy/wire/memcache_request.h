/*
 * Memcached requests, classic text and meta: bytes in, one validated command out; no I/O, no
 * allocation, no copy. The parser reads one command line; the value of a storage command follows
 * the line and is the caller's business.
 *
 * Everything is validated here, before anything is forwarded, so that a shard never meets a line
 * that it would reject without reading the value behind it. Where memcached releases differ, the
 * newest release's answer is given.
 *
 * Source: memcached doc/protocol.txt.
 */
#ifndef RINGWAY_WIRE_MEMCACHE_REQUEST_H
#define RINGWAY_WIRE_MEMCACHE_REQUEST_H

#include "base/slice.h"

/* What `version` says: the memcached release whose behaviour this is, because clients choose what
 * they may ask for by it, and then Ringway's own version. */
#define MEMCACHE_VERSION_TEXT "1.6.45-ringway-" RINGWAY_VERSION

#define MEMCACHE_KEY_MAX    250u  /* bytes in a key */
#define MEMCACHE_LINE_MAX   2048u /* bytes in a line that is not a key list */
#define MEMCACHE_FLAGS_MAX  20u   /* tokens on a meta line, its word and its key included */
#define MEMCACHE_OPAQUE_MAX 32u   /* bytes in an opaque token, its letter included */

enum memcache_command {
#define X(name, word, class) MEMCACHE_##name,
#include "wire/memcache_commands.def"
#undef X
    MEMCACHE_N_COMMANDS
};

enum memcache_class {
    MEMCACHE_CLASS_RETRIEVAL,
    MEMCACHE_CLASS_STORAGE,
    MEMCACHE_CLASS_SINGLE,
    MEMCACHE_CLASS_META,
    MEMCACHE_CLASS_META_SET,
    MEMCACHE_CLASS_LOCAL,
    MEMCACHE_CLASS_FANOUT,
};

struct memcache_request {
    enum memcache_command command;
    bool noreply;       /* classic `noreply`, honoured where memcached honours it */
    bool quiet;         /* meta flag q */
    bool base64_key;    /* meta flag b; route by memcache_request_route_key() */
    bool return_cas;    /* meta flag c on mg: the caller asks for a CAS id */
    bool vivify;        /* mg with N or R: one deciding replica, never retried */
    bool verbatim;      /* line may be forwarded byte for byte: canonical spaces, CRLF, no
                           noreply, no q. Otherwise memcache_request_write_line(). */
    struct slice line;  /* the whole line with its LF or CRLF; line.len is what was consumed */
    struct slice key;   /* the only or first key as it stands on the line; empty when none */
    struct slice keys;  /* RETRIEVAL: from the first key to the end of the last, may hold runs of
                           spaces; iterate with memcache_keys_next() */
    uint32_t n_keys;    /* RETRIEVAL: 1 or more */
    struct slice args;  /* what stands between the key and the line's end, trimmed, without
                           noreply (`0 0 5`, meta flags…). For gat/gats: the exptime. For
                           stats/flush_all/verbosity: their arguments */
    uint64_t value_len; /* STORAGE, META_SET: bytes of the value, without its CRLF */
    uint8_t key_decoded[MEMCACHE_KEY_MAX]; /* base64_key: the decoded key */
    uint32_t key_decoded_len;
    const char *error; /* MEMCACHE_PARSE_ERROR, _CLOSE: one line without CRLF, or NULL */
    uint64_t swallow;  /* MEMCACHE_PARSE_ERROR: bytes after the line to read and drop */
};

enum memcache_parse {
    MEMCACHE_PARSE_MORE,    /* no complete line yet */
    MEMCACHE_PARSE_REQUEST, /* *out holds a valid command */
    MEMCACHE_PARSE_ERROR,   /* answer out->error (unless NULL), skip line and out->swallow bytes */
    MEMCACHE_PARSE_CLOSE,   /* answer out->error unless NULL, flush earlier replies, close */
};

/**
 * Parse the command line at the start of [in].
 *
 * [in]       Bytes received, borrowed; *out points into it.
 * [scanned]  In and out: how many bytes of [in] are known to hold no LF; 0 at a new line. Makes a
 *            long line that arrives in pieces cost O(length) in total.
 * [line_max] Longest `get`/`gets`/`gat`/`gats` line accepted, in bytes, at least MEMCACHE_LINE_MAX.
 * [out]      Filled according to the answer.
 *
 * Returns one of enum memcache_parse. Never reads past [in]; allocates nothing.
 * Whether a value is too large is for the caller to say: value_len is any value up to 2^31 - 3,
 * as in memcached, where the length with its CRLF must fit an int.
 * Cost: O(line); a single `get` about 12 ns, 4 ns more for every further key.
 */
enum memcache_parse memcache_request_parse(struct slice in, size_t *scanned, size_t line_max,
                                           struct memcache_request *out);

/**
 * The next key of a RETRIEVAL's key list.
 *
 * [rest] In and out: starts as request->keys. Returns the key, or an empty slice at the end.
 */
struct slice memcache_keys_next(struct slice *rest);

/** The bytes that decide the shard: the decoded key of a base64 meta request, else the key. */
struct slice memcache_request_route_key(const struct memcache_request *request);

/**
 * Write the line to forward: canonical spacing, CRLF, without noreply and without the meta flag q.
 *
 * `delete noreply` gets a 0 behind it: newer releases take the key for the option and would stay
 * silent.
 *
 * [out] At least request->line.len + 2 bytes. Returns the bytes written. Not for RETRIEVAL with
 * more than one key (the caller regroups the keys), nor for LOCAL commands.
 */
size_t memcache_request_write_line(const struct memcache_request *request, uint8_t *out);

/** The command's word on the wire, a static string. */
const char *memcache_command_name(enum memcache_command command);

enum memcache_class memcache_command_class(enum memcache_command command);

#endif
