/*
 * The validated, immutable configuration of one process: what the file, the environment and the
 * command line say, with every default filled in and every reference resolved.
 *
 * Knows nothing of sockets or event loops. All strings and arrays belong to the struct config and
 * live until config_destroy(). Durations are in microseconds, sizes in bytes.
 */
#ifndef RINGWAY_CONFIG_CONFIG_H
#define RINGWAY_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "hashring/hashring.h"

#define CONFIG_WORKERS_MAX 256u

enum config_protocol { CONFIG_MEMCACHED, CONFIG_HTTP };

enum config_address_kind { CONFIG_ADDRESS_TCP, CONFIG_ADDRESS_UNIX };

/* host:port, [v6]:port or unix:/path */
struct config_address {
    enum config_address_kind kind;
    char *text; /* as a person writes it: "127.0.0.1:11211", "[::1]:11211", "unix:/run/r.sock" */
    char *host; /* TCP: IP address or host name, without brackets; Unix: the path */
    uint16_t port;
    bool is_numeric; /* TCP: host is an IPv4 or IPv6 address, not a name */
};

enum config_log_level { CONFIG_LOG_DEBUG, CONFIG_LOG_INFO, CONFIG_LOG_WARN, CONFIG_LOG_ERROR };
enum config_log_format { CONFIG_LOG_TEXT, CONFIG_LOG_JSON };
enum config_access {
    CONFIG_ACCESS_OFF,
    CONFIG_ACCESS_ALL,
    CONFIG_ACCESS_ERRORS,
    CONFIG_ACCESS_SAMPLED
};

struct config_log {
    enum config_log_level level;
    enum config_log_format format;
    enum config_access access;
    uint32_t access_every; /* SAMPLED: one request in this many, 2 or more */
    char *file;            /* NULL: standard error */
};

enum config_shard_down { CONFIG_DOWN_ERROR, CONFIG_DOWN_NEXT, CONFIG_DOWN_POOL };
enum config_partial { CONFIG_PARTIAL_MISS, CONFIG_PARTIAL_ERROR };

struct config_shard {
    char *name; /* unique in its pool; what the ring hashes */
    uint32_t weight;
    struct config_address *replicas; /* 1 or more */
    size_t n_replicas;
    int line; /* in the file, for messages; 0 when from the command line */
};

struct config_pool {
    char *name; /* unique */
    enum config_protocol protocol;
    struct hashring_options ring;
    struct config_shard *shards; /* 1 or more, in the file's order */
    size_t n_shards;
    uint32_t
        connections; /* per replica and worker: memcached 1..64; HTTP: idle ones kept, 0..4096 */
    uint32_t max_connections; /* HTTP: per replica and worker, idle or not; then "busy" */
    uint32_t max_pending;     /* requests without answer per connection; beyond it "busy" */
    uint64_t max_queue_bytes; /* unsent request bytes per connection; beyond it "busy" */
    uint64_t connect_us;      /* timeouts */
    uint64_t request_us;      /* arrival to the end of the reply; HTTP: 0 = no limit */
    uint64_t response_us;     /* HTTP: the shard's longest silence when it is its turn */
    uint64_t keep_alive_us;   /* HTTP: an idle connection to a replica is kept this long */
    uint32_t eject_after;     /* consecutive failures; 0 = never */
    uint64_t retry_after_us;  /* first wait before an ejected replica is probed */
    enum config_shard_down on_shard_down;
    uint32_t down_pool; /* DOWN_POOL: index of the gutter pool; else UINT32_MAX */
    enum config_partial on_partial;
    bool flush_all;
    uint32_t balance_percent; /* HTTP: bounded loads, 125..200 percent of the mean; 0 = off */
};

struct config_route { /* memcached: key prefix to pool */
    char *prefix;
    uint32_t pool;
};

/* What a key template is made of. X(NAME, text, argument): the argument of {text.ARGUMENT}. */
#define CONFIG_KEY_PARTS(X)                                                                        \
    X(PATH, "path", "")                                                                            \
    X(SEGMENT, "path", "N")                                                                        \
    X(SEGMENTS, "path", "1-N")                                                                     \
    X(QUERY, "query", "")                                                                          \
    X(ARGUMENT, "query", "NAME")                                                                   \
    X(FRAGMENT, "fragment", "")                                                                    \
    X(URI, "uri", "")                                                                              \
    X(HOST, "host", "")                                                                            \
    X(METHOD, "method", "")                                                                        \
    X(HEADER, "header", "NAME")                                                                    \
    X(COOKIE, "cookie", "NAME")                                                                    \
    X(CLIENT_IP, "client_ip", "")

enum config_key_part_kind {
    CONFIG_KEY_LITERAL,
#define X(name, text, argument) CONFIG_KEY_##name,
    CONFIG_KEY_PARTS(X)
#undef X
};

struct config_key_part {
    enum config_key_part_kind kind;
    char *text; /* LITERAL: the text; ARGUMENT, HEADER, COOKIE: the name; else NULL */
    uint32_t n; /* SEGMENT, SEGMENTS: 1 or more */
};

struct config_key { /* a key template */
    char *text;     /* as written */
    struct config_key_part *parts;
    size_t n_parts; /* 1 or more */
};

enum config_key_missing { CONFIG_KEY_MISSING_RANDOM, CONFIG_KEY_MISSING_ERROR };
enum config_host { CONFIG_HOST_KEEP, CONFIG_HOST_REPLICA };

struct config_http_route {
    char *path_prefix;       /* NULL: any; begins with '/' */
    char *host;              /* NULL: any; lower case, without a port */
    char *method;            /* NULL: any */
    struct config_key *keys; /* 1 or more: the first whose variables are all present */
    size_t n_keys;
    enum config_key_missing key_missing;
    bool normalize, upgrade, debug;
    enum config_host host_sent; /* option host */
    uint32_t pool;
};

struct config_network {  /* 10.0.0.0/8, 192.0.2.1, fd00::/8 */
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d; bits beyond the prefix are zero */
    uint8_t prefix_bits; /* 0..128 */
};

struct config_listener {
    struct config_address bind;
    uint32_t mode; /* Unix sockets: permission bits, default 0660 */
    enum config_protocol protocol;
    uint32_t pool;               /* memcached: default pool, an index into config.pools */
    struct config_route *routes; /* memcached: sorted longest prefix first */
    size_t n_routes;
    struct config_http_route *http_routes; /* HTTP, 1 or more: the first that matches. The option
                                              pool of an HTTP listener makes a last one, which
                                              takes everything by the key {uri} */
    size_t n_http_routes;
    bool uses_fragment;             /* HTTP: a route's key has {fragment} */
    struct config_network *trusted; /* HTTP: whose X-Forwarded-* is believed */
    size_t n_trusted;
};

struct config {
    uint32_t workers;        /* 1..CONFIG_WORKERS_MAX, `auto` already resolved */
    uint64_t batch_delay_us; /* a busy worker's wait for more before it sends; 0 = none */
    bool has_admin;
    struct config_address admin;
    struct config_log log;
    uint64_t drain_delay_us, drain_timeout_us;
    uint32_t max_clients;
    uint64_t max_item_bytes;
    uint64_t max_line_bytes;      /* longest memcached get line */
    uint64_t client_output_bytes; /* memcached: held for a slow client */
    uint64_t request_head_bytes;  /* HTTP: longest request head */
    uint64_t response_head_bytes; /* HTTP: longest response head, or trailer section either way */
    uint64_t request_body_bytes;  /* HTTP: largest request body; 0 = no limit */
    uint64_t stream_buffer_bytes; /* HTTP: of a body held for a slow peer, per connection */
    uint64_t idle_us;             /* client idle timeout, memcached; 0 = never */
    uint64_t keep_alive_us;       /* the same for HTTP: between two requests; 0 = never */
    uint64_t head_us;             /* HTTP: for a whole request head, from its first byte */
    uint64_t body_us;             /* HTTP: a client's longest pause in sending or reading a body */
    struct config_pool *pools;
    size_t n_pools;
    struct config_listener *listeners;
    size_t n_listeners;
};

/* The problems found, one line each, in the order of the file. */
struct config_problems {
    char **lines;
    size_t n_lines;
};

struct config_shard_option { /* --shard NAME=ADDRESS[,ADDRESS…] as typed */
    const char *text;
};

/* Where a configuration comes from. */
struct config_source {
    const char *path;    /* -c: file, or a directory that holds ringway.yaml; NULL: none */
    const char **listen; /* --listen PROTOCOL://ADDRESS, as typed */
    size_t n_listen;
    const char **shards; /* --shard NAME=ADDRESS[,ADDRESS…], as typed */
    size_t n_shards;
    const char *admin;        /* --admin ADDRESS|off, as typed; NULL: not given */
    char *const *environment; /* NULL terminated "NAME=value"; RINGWAY_* overrides, ${VAR} */
};

/**
 * Read, merge and validate a configuration.
 *
 * [out]      Receives the configuration; NULL when there are problems.
 * [problems] Receives every problem found; free with config_problems_deinit(). Never NULL.
 *
 * Returns 0, or -1 with at least one problem. Each problem is one line:
 * `FILE:LINE: PATH: found WHAT; accepted: WHAT`, where `environment: RINGWAY_PATH` or
 * `command line: --OPTION "VALUE"` stands for FILE:LINE: PATH when the value comes from there.
 * Reads the file, has no other effect.
 */
int config_load(struct config **out, const struct config_source *source,
                struct config_problems *problems);

/** The same from memory: [text] stands for the content of a file called [name]. */
int config_parse(struct config **out, const char *name, const void *text, size_t len,
                 char *const *environment, struct config_problems *problems);

void config_problems_deinit(struct config_problems *problems);
void config_destroy(struct config **config);

/** Write the reference of all options with defaults, as a YAML file that loads, to [to]. */
void config_print_defaults(FILE *to);

/** Index of the pool called [name], or -1. */
int config_find_pool(const struct config *config, const char *name);

/** CPUs that this process may use, by affinity and cgroup quota: 1..CONFIG_WORKERS_MAX. */
uint32_t config_available_cpus(void);

#endif
