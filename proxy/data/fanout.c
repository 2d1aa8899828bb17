#include "data/fanout.h"

#include <stdlib.h>

#include "base/memory.h"
#include "data/codec/memcached.h"
#include "data/router.h"

#define NO_KEY         UINT32_MAX
#define CRLF_LEN       2u
#define HELD_MIN_BYTES 8192u

enum key_state { KEY_PENDING, KEY_HIT, KEY_ANSWERED /* or a miss: nothing to write */ };

struct fanout_key {
    uint32_t at;              /* in fanout.text */
    uint32_t next;            /* the leg's next key, or NO_KEY */
    size_t held_at, held_len; /* KEY_HIT: the VALUE block in fanout.held */
    uint8_t len;
    uint8_t state; /* enum key_state */
};

struct fanout_leg {
    struct upstream *upstream;
    struct request *request;
    struct upstream_conn *conn;
    uint32_t cursor, last; /* keys: the next that may be answered; the last */
    size_t line_len;
    bool ended; /* its line is whole */
};

struct fanout {
    struct plane *plane;
    uint8_t *text; /* the client's keys, owned */
    struct fanout_key *keys;
    uint32_t n_keys, next_key; /* next_key: the first that is not answered to the client */
    struct fanout_leg *legs;
    uint32_t n_legs, room_legs, n_open;
    uint8_t *held;                           /* VALUE blocks that wait for earlier keys */
    size_t held_len, held_room, counted_len; /* counted_len: of the session's held_bytes */
    bool all_or_error;                       /* on_partial: error */
    bool building;                           /* legs are still being added */
    bool got_hit;
    bool failed;
    enum feedback_outcome why;                /* failed: how */
    char error[HASHRING_MAX_NAME_BYTES + 64]; /* failed: the line to answer */
    size_t error_len;
};

/* What is held counts for the session, so that all its requests together have one bound. */
static void release_held(struct request *parent, size_t bytes)
{
    struct fanout *fanout = parent->fanout;

    bytes = bytes < fanout->counted_len ? bytes : fanout->counted_len;
    fanout->counted_len -= bytes;
    if (parent->session != NULL) {
        parent->session->held_bytes -= bytes;
    }
}

void fanout_destroy(struct request *parent)
{
    struct fanout *fanout = parent->fanout;

    release_held(parent, fanout->held_len);
    free(fanout->text);
    free(fanout->keys);
    free(fanout->legs);
    free(fanout->held);
    free(fanout);
    parent->fanout = NULL;
}

static struct request *create_parent(struct session *session, const struct memcache_request *parse,
                                     uint32_t pool, struct slice key)
{
    struct request *parent = request_create(session->plane, session, parse->command, pool, key);

    parent->noreply = parse->noreply;
    parent->fanout = xcalloc(1, sizeof(*parent->fanout));
    parent->fanout->plane = session->plane;
    parent->fanout->building = true;
    parent->work = parse->n_keys > 0 ? parse->n_keys : 1;
    session_append(session, parent);
    return parent;
}

static void note_failure(struct fanout *fanout, enum feedback_outcome why, const char *shard,
                         struct slice line)
{
    if (fanout->failed) {
        return; /* the first is reported */
    }
    fanout->failed = true;
    fanout->why = why;
    if (line.len > 0 && line.len <= sizeof(fanout->error)) {
        memcpy(fanout->error, line.data, line.len);
        fanout->error_len = line.len;
    } else {
        fanout->error_len =
            memcached_failure_line(fanout->error, sizeof(fanout->error), shard, why);
    }
}

/* ---- answering the client ---------------------------------------------------------------- */

/* Answer every key that is known and whose predecessors are answered. */
static void emit_keys(struct request *parent)
{
    struct fanout *fanout = parent->fanout;

    while (fanout->next_key < fanout->n_keys) {
        const struct fanout_key *key = &fanout->keys[fanout->next_key];

        if (key->state == KEY_PENDING) {
            return;
        }
        if (key->state == KEY_HIT) {
            release_held(parent, key->held_len);
            request_write(fanout->plane, parent,
                          slice_make(fanout->held + key->held_at, key->held_len), false);
        }
        fanout->next_key++;
    }
}

/* One error line instead of everything: that of the first shard that failed. */
static void answer_failure(struct request *parent)
{
    struct fanout *fanout = parent->fanout;

    request_write(fanout->plane, parent, slice_make(fanout->error, fanout->error_len), false);
    request_finish(fanout->plane, parent, fanout->why);
}

static void answer_keys(struct request *parent)
{
    struct fanout *fanout = parent->fanout;

    if (fanout->all_or_error && fanout->failed) {
        release_held(parent, fanout->counted_len);
        answer_failure(parent);
        return;
    }
    emit_keys(parent);
    request_write(fanout->plane, parent, slice_of("END\r\n"), true);
    request_finish(fanout->plane, parent, fanout->got_hit ? FEEDBACK_HIT : FEEDBACK_MISS);
}

static void answer_line(struct request *parent)
{
    struct fanout *fanout = parent->fanout;

    if (fanout->failed) {
        answer_failure(parent);
        return;
    }
    request_write(fanout->plane, parent, slice_of("OK\r\n"), true);
    request_finish(fanout->plane, parent, FEEDBACK_OK);
}

/* Something has come or ended: move the client's answer on. May free [parent]. */
static void advance(struct request *parent)
{
    struct fanout *fanout = parent->fanout;

    if (fanout->n_open > 0 || fanout->building) {
        if (!fanout->all_or_error) {
            emit_keys(parent);
        }
    } else if (fanout->n_keys > 0) {
        answer_keys(parent);
    } else {
        answer_line(parent);
    }
}

/* ---- what legs bring --------------------------------------------------------------------- */

static struct slice key_text(const struct fanout *fanout, const struct fanout_key *key)
{
    return slice_make(fanout->text + key->at, key->len);
}

/* Keep [block] until the keys before it are answered. Returns false when there is no room. */
static bool hold(struct request *parent, struct fanout_key *key, struct slice block)
{
    struct fanout *fanout = parent->fanout;
    struct session *session = parent->session;

    if (session == NULL || session->held_bytes + block.len > FANOUT_HELD_MAX) {
        return false;
    }
    if (fanout->held_len + block.len > fanout->held_room) {
        fanout->held_room = (fanout->held_len + block.len) * 2;
        if (fanout->held_room < HELD_MIN_BYTES) {
            fanout->held_room = HELD_MIN_BYTES;
        }
        fanout->held = xrealloc(fanout->held, fanout->held_room);
    }
    memcpy(fanout->held + fanout->held_len, block.data, block.len);
    key->held_at = fanout->held_len;
    key->held_len = block.len;
    fanout->held_len += block.len;
    fanout->counted_len += block.len;
    session->held_bytes += block.len;
    return true;
}

/* The leg's next key that is called [name]; keys before it are misses. */
static struct fanout_key *match(struct fanout *fanout, struct fanout_leg *leg, struct slice name)
{
    while (leg->cursor != NO_KEY) {
        struct fanout_key *key = &fanout->keys[leg->cursor];

        leg->cursor = key->next;
        if (slice_equal(key_text(fanout, key), name)) {
            return key;
        }
        key->state = KEY_ANSWERED;
        counter_add(&leg->upstream->shard_feedback->keys_missed, 1);
    }
    return NULL;
}

/* There is no room for the value of [key]: as if its shard had failed. */
static void refuse_value(struct request *parent, const struct fanout_leg *leg,
                         struct fanout_key *key)
{
    struct fanout *fanout = parent->fanout;

    key->state = KEY_ANSWERED;
    note_failure(fanout, FEEDBACK_SERVER_ERROR, leg->upstream->shard_name,
                 slice_of("SERVER_ERROR out of memory: the answer is too large\r\n"));
    counter_add(&fanout->plane->feedback->pools[parent->pool].partial_misses, 1);
}

bool fanout_value(struct plane *plane, struct request *leg, struct slice name, struct slice block,
                  bool stable)
{
    struct request *parent = leg->parent;
    struct fanout *fanout = parent->fanout;
    struct fanout_leg *place = &fanout->legs[leg->leg];
    struct fanout_key *key = match(fanout, place, name);

    if (key == NULL) {
        return false;
    }
    if (!fanout->all_or_error) {
        emit_keys(parent);
        if (key == &fanout->keys[fanout->next_key]) { /* its turn: no need to hold it */
            request_write(plane, parent, block, stable && block.len > OUTQ_COPY_MAX_BYTES);
            key->state = KEY_ANSWERED;
            fanout->got_hit = true;
            emit_keys(parent);
            return true;
        }
    }
    if (hold(parent, key, block)) {
        key->state = KEY_HIT;
        fanout->got_hit = true;
    } else {
        refuse_value(parent, place, key);
    }
    return true;
}

bool fanout_value_too_large(struct request *leg, struct slice name)
{
    struct fanout_leg *place = &leg->parent->fanout->legs[leg->leg];
    struct fanout_key *key = match(leg->parent->fanout, place, name);

    if (key != NULL) {
        refuse_value(leg->parent, place, key);
    }
    return key != NULL;
}

/* The keys that a leg has not answered are misses, because of a failure or not. */
static uint32_t finish_keys(struct fanout *fanout, struct fanout_leg *leg)
{
    uint32_t n = 0;

    for (; leg->cursor != NO_KEY; leg->cursor = fanout->keys[leg->cursor].next) {
        fanout->keys[leg->cursor].state = KEY_ANSWERED;
        n++;
    }
    return n;
}

void fanout_leg_done(struct plane *plane, struct request *request, enum feedback_outcome outcome,
                     struct slice line)
{
    struct request *parent = request->parent;
    struct fanout *fanout = parent->fanout;
    struct fanout_leg *leg = &fanout->legs[request->leg];
    uint32_t n_left = finish_keys(fanout, leg);
    bool good = outcome == FEEDBACK_HIT || outcome == FEEDBACK_MISS || outcome == FEEDBACK_OK;

    request->done = true;
    request->outcome = (uint8_t)outcome;
    request->parent = NULL;
    if (good) {
        counter_add(&leg->upstream->shard_feedback->keys_missed, n_left);
    } else {
        counter_add(&plane->feedback->pools[parent->pool].partial_misses, n_left);
        note_failure(fanout, outcome, leg->upstream->shard_name, line);
    }
    fanout->n_open--;
    request_release(plane, request);
    advance(parent);
}

/* ---- sending ----------------------------------------------------------------------------- */

/* A new leg on [conn], to which the caller then writes its command. */
static struct fanout_leg *add_leg(struct request *parent, struct upstream_conn *conn)
{
    struct fanout *fanout = parent->fanout;
    struct request *request =
        request_create(fanout->plane, NULL, parent->command, parent->pool, slice_make(NULL, 0));
    struct fanout_leg *leg;

    if (fanout->n_legs == fanout->room_legs) {
        fanout->room_legs = fanout->room_legs == 0 ? 8 : fanout->room_legs * 2;
        fanout->legs = xrealloc(fanout->legs, fanout->room_legs * sizeof(*fanout->legs));
    }
    if (fanout->n_keys == 0) { /* flush_all: its work is the legs; a multi-get's is the keys */
        parent->work++;
        parent->session->n_work++;
    }
    leg = &fanout->legs[fanout->n_legs];
    *leg = (struct fanout_leg){conn->upstream, request, conn, NO_KEY, NO_KEY, 0, false};
    request->is_leg = true;
    request->parent = parent;
    request->leg = fanout->n_legs++;
    fanout->n_open++;
    upstream_conn_push(conn, request);
    return leg;
}

static void write_leg(struct fanout_leg *leg, struct slice bytes)
{
    upstream_conn_write(leg->conn, bytes, false);
    leg->line_len += bytes.len;
}

static void end_line(struct fanout_leg *leg)
{
    if (!leg->ended) {
        write_leg(leg, slice_of("\r\n"));
        leg->ended = true;
    }
}

/* memcached reads a `get` line of any length, a `gat` line only up to MEMCACHE_LINE_MAX. */
static bool has_room(const struct fanout_leg *leg, const struct memcache_request *parse)
{
    return parse->args.len == 0 ||
           leg->line_len + 1 + MEMCACHE_KEY_MAX + CRLF_LEN <= MEMCACHE_LINE_MAX;
}

/* The leg that asks [upstream], made when this is its first key or its line is full. NULL: the
 * replica takes no requests. */
static struct fanout_leg *leg_for(struct request *parent, uint64_t id, struct upstream *upstream,
                                  const struct memcache_request *parse, enum feedback_outcome *why)
{
    struct upstream_conn *conn = upstream_conn_for(upstream, parent->session->id);
    struct fanout_leg *leg;

    if (upstream->fanout_id == id) {
        leg = &parent->fanout->legs[upstream->fanout_leg];
        if (has_room(leg, parse)) {
            return leg;
        }
        end_line(leg);
    }
    *why = upstream_conn_check(conn);
    if (*why != FEEDBACK_OK) {
        return NULL;
    }
    leg = add_leg(parent, conn);
    upstream->fanout_id = id;
    upstream->fanout_leg = leg->request->leg;
    write_leg(leg, slice_of(memcache_command_name(parse->command)));
    if (parse->args.len > 0) { /* gat: the expiry */
        write_leg(leg, slice_of(" "));
        write_leg(leg, parse->args);
    }
    return leg;
}

static void fail_key(struct request *parent, struct fanout_key *key, const struct route *route,
                     enum feedback_outcome why)
{
    struct fanout *fanout = parent->fanout;
    const struct topology_pool *pool = &fanout->plane->options.topology->pools[route->pool];

    key->state = KEY_ANSWERED;
    counter_add(&fanout->plane->feedback->pools[parent->pool].partial_misses, 1);
    counter_add(&fanout->plane->feedback->pools[route->pool]
                     .shards[route->shard]
                     .requests[parent->command][why],
                1);
    note_failure(fanout, why, pool->shards[route->shard].config->name, slice_make(NULL, 0));
}

static void send_key(struct request *parent, uint64_t id, uint32_t number,
                     const struct memcache_request *parse, uint32_t pool)
{
    struct fanout *fanout = parent->fanout;
    struct fanout_key *key = &fanout->keys[number];
    struct slice text = key_text(fanout, key);
    struct route route = router_route(fanout->plane, pool, text);
    enum feedback_outcome why = FEEDBACK_UNAVAILABLE;
    struct fanout_leg *leg = NULL;

    if (route.upstream != NULL) {
        leg = leg_for(parent, id, route.upstream, parse, &why);
    }
    if (leg == NULL) {
        fail_key(parent, key, &route, why);
        return;
    }
    if (leg->last == NO_KEY) {
        leg->cursor = number;
    } else {
        fanout->keys[leg->last].next = number;
    }
    leg->last = number;
    write_leg(leg, slice_make(text.data - 1, text.len + 1)); /* a space stands before every key */
}

static void end_lines(struct fanout *fanout)
{
    for (uint32_t i = 0; i < fanout->n_legs; i++) {
        end_line(&fanout->legs[i]);
    }
}

/* The keys, copied with one space before each, and a struct for each. */
static void copy_keys(struct fanout *fanout, const struct memcache_request *parse)
{
    struct slice rest = parse->keys, key;
    size_t at = 0;

    fanout->text = xmalloc(parse->keys.len + 1);
    fanout->keys = xcalloc(parse->n_keys, sizeof(*fanout->keys));
    while (fanout->n_keys < parse->n_keys && (key = memcache_keys_next(&rest)).len > 0) {
        fanout->text[at++] = ' ';
        memcpy(fanout->text + at, key.data, key.len);
        fanout->keys[fanout->n_keys++] =
            (struct fanout_key){(uint32_t)at, NO_KEY, 0, 0, (uint8_t)key.len, KEY_PENDING};
        at += key.len;
    }
}

void fanout_multiget(struct session *session, const struct memcache_request *parse)
{
    const struct config_listener *listener = session->listener->config;
    const struct topology *topology = session->plane->options.topology;
    struct request *parent =
        create_parent(session, parse, topology_route(listener, parse->key), parse->key);
    struct fanout *fanout = parent->fanout;
    uint64_t id = ++session->plane->next_fanout_id;

    copy_keys(fanout, parse);
    for (uint32_t i = 0; i < fanout->n_keys; i++) {
        uint32_t pool = topology_route(listener, key_text(fanout, &fanout->keys[i]));

        fanout->all_or_error = fanout->all_or_error ||
                               topology->pools[pool].config->on_partial == CONFIG_PARTIAL_ERROR;
        send_key(parent, id, i, parse, pool);
    }
    end_lines(fanout);
    fanout->building = false;
    advance(parent);
}

/* ---- flush_all --------------------------------------------------------------------------- */

static bool pool_is_used(const struct config_listener *listener, uint32_t pool)
{
    for (size_t i = 0; i < listener->n_routes; i++) {
        if (listener->routes[i].pool == pool) {
            return true;
        }
    }
    return listener->pool == pool;
}

static bool may_flush(const struct session *session)
{
    const struct config *config = session->plane->config;

    for (uint32_t i = 0; i < config->n_pools; i++) {
        if (pool_is_used(session->listener->config, i) && !config->pools[i].flush_all) {
            return false;
        }
    }
    return true;
}

static void flush_pool(struct request *parent, uint32_t pool, struct slice line)
{
    struct plane_pool *place = &parent->fanout->plane->pools[pool];

    for (uint32_t i = 0; i < place->n_upstreams; i++) {
        struct upstream_conn *conn = upstream_conn_for(place->upstreams[i], parent->session->id);
        enum feedback_outcome why = upstream_conn_check(conn);

        if (why == FEEDBACK_OK) {
            add_leg(parent, conn);
            upstream_conn_write(conn, line, false);
        } else {
            note_failure(parent->fanout, why, place->upstreams[i]->shard_name, slice_make(NULL, 0));
        }
    }
}

void fanout_flush_all(struct session *session, const struct memcache_request *parse)
{
    struct request *parent;
    uint8_t line[MEMCACHE_LINE_MAX + 2];
    size_t len;

    if (!may_flush(session)) {
        if (!parse->noreply) {
            session_answer(session, MEMCACHE_FLUSH_ALL,
                           slice_of("CLIENT_ERROR flush_all not allowed\r\n"), true,
                           FEEDBACK_CLIENT_ERROR);
        }
        return;
    }
    parent = create_parent(session, parse, session->listener->config->pool, slice_make(NULL, 0));
    len = memcache_request_write_line(parse, line);
    for (uint32_t i = 0; i < session->plane->config->n_pools; i++) {
        if (pool_is_used(session->listener->config, i)) {
            flush_pool(parent, i, slice_make(line, len));
        }
    }
    parent->fanout->building = false;
    advance(parent);
}
