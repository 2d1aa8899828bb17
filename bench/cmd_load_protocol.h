/*
 * How the requests of a load are written and how their answers are checked, for each protocol. No
 * I/O: the engine hands over bytes.
 *
 * An answer is right when it is one to that request, when each value in it is the one that belongs
 * to its key, and when nothing comes that was not asked for. The keys of a multi-get may be
 * answered in any order.
 */
#ifndef RINGWAY_BENCH_CMD_LOAD_PROTOCOL_H
#define RINGWAY_BENCH_CMD_LOAD_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "cmd_load_items.h"
#include "wire/http1.h"

enum {
    LOAD_MAX_MGET_KEYS = 256,
    LOAD_MAX_HEAD_BYTES = 16 * 1024, /* the longest line or head of an answer */
    LOAD_MAX_ERROR_TEXT = 96,
};

/* What can go wrong. X(NAME, text, what is counted) */
#define LOAD_ERRORS(X)                                                                             \
    X(CONNECT, "connect", "connections that could not be opened")                                  \
    X(LOST, "lost", "requests whose connection was closed")                                        \
    X(TIMEOUT, "timeout", "requests without an answer in time")                                    \
    X(REPLY, "error-reply", "error answers")                                                       \
    X(PROTOCOL, "protocol", "answers that make no sense")                                          \
    X(VALUE, "wrong-value", "answers with a value of another key")                                 \
    X(UNSENT, "not-sent", "requests that were due and found no free connection")

enum load_error {
#define X(name, text, what) LOAD_ERROR_##name,
    LOAD_ERRORS(X)
#undef X
        LOAD_N_ERRORS,
    LOAD_ERROR_NONE = LOAD_N_ERRORS
};

struct load_request {
    bool is_set;
    uint32_t n_keys;   /* 1..LOAD_MAX_MGET_KEYS; 1 of a set */
    uint64_t *keys;    /* n_keys, all different; the connection's */
    uint64_t start_ns; /* when it should have been sent: latencies count from here */
    uint64_t sent_ns;
};

/* The answer under way. load_parser_init() before each. */
struct load_parser {
    uint8_t state; /* the protocol's; 0 at the first byte of an answer */
    uint64_t left; /* of a body */
    uint64_t at;   /* in a value */
    uint64_t key;  /* whose value it is */
    uint32_t next; /* position in keys[] that is tried first */
    uint32_t n_hits;
    uint64_t seen[LOAD_MAX_MGET_KEYS / 64]; /* positions in keys[] that were answered */
    enum load_error error;
    char text[LOAD_MAX_ERROR_TEXT]; /* of the error */
    struct http1_scan scan;
    struct http1_chunks chunks;
    bool closes; /* HTTP: the server closes the connection after this answer */
};

enum load_feed {
    LOAD_FEED_MORE,   /* what is not used is to be handed over again, with what follows */
    LOAD_FEED_DONE,   /* the answer is complete; [error] says whether it is right */
    LOAD_FEED_BROKEN, /* where the next answer begins is unknown; [error] and [text] are set */
};

struct load_protocol;

/* What all requests of a run have in common. */
struct load_wire {
    const struct load_protocol *protocol;
    const struct load_items *items;
    bool verify;      /* compare values */
    const char *host; /* HTTP: the Host field */
    const char *path; /* HTTP: what precedes the key, begins with '/' */
};

struct load_protocol {
    const char *name;
    bool has_mget;
    /* Bytes that write() needs at most. */
    size_t (*request_max)(const struct load_wire *wire, const struct load_request *request);
    /* Write [request] to [to]; returns its end. */
    char *(*write)(const struct load_wire *wire, const struct load_request *request, char *to);
    /* Look at the bytes [in] of the answer to [request]; [*used] receives how many are done with. */
    enum load_feed (*feed)(const struct load_wire *wire, struct load_parser *parser,
                           const struct load_request *request, struct slice in, size_t *used);
    /* The server has closed. Returns whether that completes the answer. */
    bool (*at_end)(const struct load_wire *wire, struct load_parser *parser);
};

extern const struct load_protocol load_memcached;
extern const struct load_protocol load_http;

/** Wait for the next answer. */
void load_parser_init(struct load_parser *parser);

/** Note what is wrong with the answer, if it is the first thing; [text] may hold any bytes. */
void load_parser_fail(struct load_parser *parser, enum load_error error, const char *what,
                      struct slice text);

/** The text of an error, "connect" for LOAD_ERROR_CONNECT; and what it counts. */
const char *load_error_name(enum load_error error);
const char *load_error_meaning(enum load_error error);

/** Position [i] of the request's keys was answered with a value. */
static inline bool load_parser_has(const struct load_parser *parser, uint32_t i)
{
    return (parser->seen[i / 64] >> (i % 64) & 1) != 0;
}

/** Compare [len] bytes of a body with the value they should be; false once they differ. */
bool load_parser_compare(const struct load_wire *wire, struct load_parser *parser, const void *data,
                         size_t len);

#endif
