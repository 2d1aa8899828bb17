#include "data/access_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "data/session.h"
#include "wire/memcache_request.h"

#define BUFFER_BYTES   (64u * 1024u)
#define LINE_MAX_BYTES 6144u /* a key and two names, each byte escaped, and the rest */

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

static bool is_error(const struct request *request)
{
    enum feedback_outcome outcome = (enum feedback_outcome)request->outcome;

    return outcome == FEEDBACK_CLIENT_ERROR || feedback_is_failure(outcome);
}

static bool is_wanted(struct access_log *log, const struct request *request)
{
    switch (log->mode) {
    case CONFIG_ACCESS_ALL:
        return true;
    case CONFIG_ACCESS_ERRORS:
        return is_error(request);
    case CONFIG_ACCESS_SAMPLED:
        return plane_random(log->plane) % log->every == 0;
    case CONFIG_ACCESS_OFF:
        break;
    }
    return false;
}

/* [text] as printable ASCII that is safe inside double quotes, in text and in JSON. */
static void escape(struct slice text, char *out)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            *out++ = (char)c;
            continue;
        }
        memcpy(out, "\\u00", 4);
        out[4] = hex[c >> 4];
        out[5] = hex[c & 15];
        out += 6;
    }
    *out = '\0';
}

static void format_time(char *text, size_t size)
{
    struct timespec now;
    struct tm utc;
    size_t len;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    len = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + len, size - len, ".%03ldZ", now.tv_nsec / 1000000);
}

static const char *shard_name(const struct access_log *log, const struct request *request)
{
    const struct topology_pool *pool = &log->plane->options.topology->pools[request->shard_pool];

    return request->shard == REQUEST_NO_SHARD ? "-" : pool->shards[request->shard].config->name;
}

/* Everything that a line says. */
struct entry {
    char time[32], key[REQUEST_KEY_MAX * 6 + 1];
    char pool[HASHRING_MAX_NAME_BYTES * 6 + 1], shard[HASHRING_MAX_NAME_BYTES * 6 + 1];
    const char *client, *command, *outcome;
    uint64_t duration_us;
};

static void describe(struct access_log *log, const struct request *request, struct entry *entry)
{
    format_time(entry->time, sizeof(entry->time));
    escape(slice_make(request->key, request->key_len), entry->key);
    entry->client = request->session != NULL ? session_peer(request->session) : "-";
    entry->command = "-";
    if (request->command != REQUEST_NO_COMMAND) {
        entry->command = memcache_command_name((enum memcache_command)request->command);
    }
    escape(slice_of(log->plane->config->pools[request->pool].name), entry->pool);
    escape(slice_of(shard_name(log, request)), entry->shard);
    entry->outcome = feedback_outcome_name((enum feedback_outcome)request->outcome);
}

static int write_json(char *line, const struct entry *e)
{
    return snprintf(line, LINE_MAX_BYTES,
                    "{\"time\":\"%s\",\"event\":\"access\",\"client\":\"%s\",\"command\":\"%s\","
                    "\"key\":\"%s\",\"pool\":\"%s\",\"shard\":\"%s\",\"outcome\":\"%s\","
                    "\"duration_us\":%" PRIu64 "}\n",
                    e->time, e->client, e->command, e->key, e->pool, e->shard, e->outcome,
                    e->duration_us);
}

static int write_text(char *line, const struct entry *e)
{
    return snprintf(line, LINE_MAX_BYTES,
                    "%s access client=%s command=%s key=\"%s\" pool=%s shard=%s outcome=%s "
                    "duration_us=%" PRIu64 "\n",
                    e->time, e->client, e->command, e->key, e->pool, e->shard, e->outcome,
                    e->duration_us);
}

void access_log_request(struct access_log *log, const struct request *request, uint64_t now_us)
{
    struct entry entry;
    char *line;
    int len;

    if (!is_wanted(log, request)) {
        return;
    }
    if (log->len + LINE_MAX_BYTES > BUFFER_BYTES) {
        access_log_flush(log);
    }
    describe(log, request, &entry);
    entry.duration_us = now_us - request->start_us;
    line = log->buffer + log->len;
    len = log->json ? write_json(line, &entry) : write_text(line, &entry);
    log->len += len < (int)LINE_MAX_BYTES ? (size_t)len : LINE_MAX_BYTES - 1;
}
