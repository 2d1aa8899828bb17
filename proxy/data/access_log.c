#include "data/access_log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "data/session.h"
#include "wire/memcache_request.h"

#define BUFFER_BYTES (64u * 1024u)

/* How many bytes of each value a line has room for; what is longer ends in "...". */
#define PEER_MAX_BYTES   300u
#define METHOD_MAX_BYTES HTTP1_METHOD_MAX
#define HOST_MAX_BYTES   255u
#define TARGET_MAX_BYTES 1024u
#define KEY_MAX_BYTES    REQUEST_KEY_MAX
#define NAME_MAX_BYTES   HASHRING_MAX_NAME_BYTES
#define ESCAPED_BYTES    6u /* of one byte */

/* The longest line: every byte escaped, and the names and numbers of the fields. */
#define LINE_MAX_BYTES                                                                             \
    (ESCAPED_BYTES * (2u * PEER_MAX_BYTES + METHOD_MAX_BYTES + HOST_MAX_BYTES + TARGET_MAX_BYTES + \
                      KEY_MAX_BYTES + 2u * NAME_MAX_BYTES) +                                       \
     1024u)

_Static_assert(LINE_MAX_BYTES < BUFFER_BYTES, "a line has room");

struct access_log {
    struct plane *plane;
    enum config_access mode;
    uint32_t every; /* SAMPLED: one in this many */
    bool json;
    size_t len;
    char buffer[BUFFER_BYTES];
};

struct access_log *access_log_create(struct plane *plane)
{
    const struct config_log *config = &plane->config->log;
    struct access_log *log;

    if (config->access == CONFIG_ACCESS_OFF) {
        return NULL;
    }
    log = xcalloc(1, sizeof(*log));
    log->plane = plane;
    log->mode = config->access;
    log->every = config->access_every > 0 ? config->access_every : 1;
    log->json = config->format == CONFIG_LOG_JSON;
    return log;
}

void access_log_flush(struct access_log *log)
{
    if (log->len > 0) {
        log_write_raw(log->buffer, log->len);
        log->len = 0;
    }
}

void access_log_destroy(struct access_log **log)
{
    if (*log != NULL) {
        access_log_flush(*log);
        free(*log);
        *log = NULL;
    }
}

bool access_log_wants(struct access_log *log, bool is_error)
{
    switch (log->mode) {
    case CONFIG_ACCESS_ALL:
        return true;
    case CONFIG_ACCESS_ERRORS:
        return is_error;
    case CONFIG_ACCESS_SAMPLED:
        return plane_random(log->plane) % log->every == 0;
    case CONFIG_ACCESS_OFF:
        break;
    }
    return false;
}

/* ---- one line, in the buffer ------------------------------------------------------------- */

static void put_bytes(struct access_log *log, const char *bytes, size_t len)
{
    assert(len <= BUFFER_BYTES - log->len); /* begin_line() made room for the longest line */
    memcpy(log->buffer + log->len, bytes, len);
    log->len += len;
}

static void put(struct access_log *log, const char *text)
{
    put_bytes(log, text, strlen(text));
}

/* [text] as printable ASCII that is safe inside double quotes, in text and in JSON. */
static void put_escaped(struct access_log *log, struct slice text, size_t max)
{
    static const char hex[] = "0123456789abcdef";
    size_t len = text.len > max ? max - 3 : text.len;

    for (size_t i = 0; i < len; i++) {
        uint8_t c = text.data[i];
        char escaped[ESCAPED_BYTES] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            put_bytes(log, (const char *)&text.data[i], 1);
        } else {
            put_bytes(log, escaped, sizeof(escaped));
        }
    }
    if (len < text.len) {
        put(log, "...");
    }
}

static void put_name(struct access_log *log, const char *name)
{
    put(log, log->json ? ",\"" : " ");
    put(log, name);
    put(log, log->json ? "\":" : "=");
}

/* A value of our own or of the configuration. */
static void put_word(struct access_log *log, const char *name, const char *value, size_t max)
{
    put_name(log, name);
    put(log, log->json ? "\"" : "");
    put_escaped(log, slice_of(value), max);
    put(log, log->json ? "\"" : "");
}

/* A value that the client chose. */
static void put_quoted(struct access_log *log, const char *name, struct slice value, size_t max)
{
    put_name(log, name);
    put(log, "\"");
    put_escaped(log, value, max);
    put(log, "\"");
}

static void put_number(struct access_log *log, const char *name, uint64_t value)
{
    char text[24];

    put_name(log, name);
    snprintf(text, sizeof(text), "%" PRIu64, value);
    put(log, text);
}

static void put_time(struct access_log *log)
{
    struct timespec now;
    struct tm utc;
    char text[32];
    size_t len;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + len, sizeof(text) - len, ".%03ldZ", now.tv_nsec / 1000000);
    put(log, text);
}

static void begin_line(struct access_log *log)
{
    if (log->len + LINE_MAX_BYTES > BUFFER_BYTES) {
        access_log_flush(log);
    }
    put(log, log->json ? "{\"time\":\"" : "");
    put_time(log);
    put(log, log->json ? "\",\"event\":\"access\"" : " access");
}

static void end_line(struct access_log *log)
{
    put(log, log->json ? "}\n" : "\n");
}

/* ---- what the lines say ------------------------------------------------------------------ */

static void put_pool(struct access_log *log, uint32_t pool)
{
    bool is_known = pool < log->plane->config->n_pools;

    put_word(log, "pool", is_known ? log->plane->config->pools[pool].name : "-", NAME_MAX_BYTES);
}

static void put_shard(struct access_log *log, uint32_t pool, uint32_t shard)
{
    const struct topology *topology = log->plane->options.topology;
    const char *name = "-";

    if (pool < topology->n_pools && shard < topology->pools[pool].n_shards) {
        name = topology->pools[pool].shards[shard].config->name;
    }
    put_word(log, "shard", name, NAME_MAX_BYTES);
}

static bool is_error(const struct request *request)
{
    enum feedback_outcome outcome = (enum feedback_outcome)request->outcome;

    return outcome == FEEDBACK_CLIENT_ERROR || feedback_is_failure(outcome);
}

void access_log_request(struct access_log *log, const struct request *request, uint64_t now_us)
{
    const char *command = "-";

    if (!access_log_wants(log, is_error(request))) {
        return;
    }
    if (request->command != REQUEST_NO_COMMAND) {
        command = memcache_command_name((enum memcache_command)request->command);
    }
    begin_line(log);
    put_word(log, "client", request->session != NULL ? session_peer(request->session) : "-",
             PEER_MAX_BYTES);
    put_word(log, "command", command, NAME_MAX_BYTES);
    put_quoted(log, "key", slice_make(request->key, request->key_len), KEY_MAX_BYTES);
    put_pool(log, request->pool);
    put_shard(log, request->shard_pool, request->shard);
    put_word(log, "outcome", feedback_outcome_name((enum feedback_outcome)request->outcome),
             NAME_MAX_BYTES);
    put_number(log, "duration_us", now_us - request->start_us);
    end_line(log);
}

void access_log_http(struct access_log *log, const struct access_http *entry)
{
    begin_line(log);
    put_word(log, "client", entry->client, PEER_MAX_BYTES);
    put_quoted(log, "method", entry->method, METHOD_MAX_BYTES);
    put_quoted(log, "host", entry->host, HOST_MAX_BYTES);
    put_quoted(log, "target", entry->target, TARGET_MAX_BYTES);
    put_quoted(log, "key", entry->key, KEY_MAX_BYTES);
    put_pool(log, entry->pool);
    put_shard(log, entry->pool, entry->shard);
    put_word(log, "replica", entry->replica != NULL ? entry->replica : "-", PEER_MAX_BYTES);
    put_number(log, "status", (uint64_t)entry->status);
    put_word(log, "result", feedback_http_result_name(entry->result), NAME_MAX_BYTES);
    put_number(log, "bytes_received", entry->bytes_received);
    put_number(log, "bytes_sent", entry->bytes_sent);
    put_number(log, "upstream_us", entry->upstream_us);
    put_number(log, "duration_us", entry->duration_us);
    put_number(log, "retries", entry->retries);
    end_line(log);
}
