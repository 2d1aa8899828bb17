/*
 * Any bytes from the shards, to a client that has pipelined one request of every kind: each request
 * is answered exactly once, in its turn and with an answer to what was asked, or the client is cut
 * off in the middle of a long value.
 *
 * The input is pieces: a byte that says which shard (128) and how many bytes follow: up to 95, or
 * from 96 on as many times 600.
 */
#include "../support/plane_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N_SHARDS 2u

static const char yaml[] = "workers: 1\n"
                           "admin: off\n"
                           "pools:\n"
                           "  - name: p\n"
                           "    flush_all: true\n"
                           "    timeouts: {request: 60s, connect: 10s}\n"
                           "    health: {eject_after: 0, retry_after: 1ms}\n"
                           "    shards:\n"
                           "      - {name: a, replicas: 'unix:${DIR}/s0'}\n"
                           "      - {name: b, replicas: 'unix:${DIR}/s1'}\n"
                           "listeners: [{bind: 'unix:${DIR}/listener', pool: p}]\n";

/* What the client sends. A quiet request may stay without an answer. */
static const struct {
    enum memcache_command command;
    bool quiet;
    const char *text, *keys;
} script[] = {
    {MEMCACHE_GET, false, "get a\r\n", "a"},
    {MEMCACHE_GET, false, "get a b c d e f a\r\n", "abcdefa"},
    {MEMCACHE_GETS, false, "gets b\r\n", "b"},
    {MEMCACHE_SET, false, "set c 0 0 3\r\nabc\r\n", NULL},
    {MEMCACHE_INCR, false, "incr n 1\r\n", NULL},
    {MEMCACHE_MG, false, "mg k v k\r\n", NULL},
    {MEMCACHE_MN, false, "mn\r\n", NULL},
    {MEMCACHE_MG, true, "mg k v q\r\n", NULL},
    {MEMCACHE_MN, false, "mn\r\n", NULL},
    {MEMCACHE_MS, false, "ms m 2 c\r\nhi\r\n", NULL},
    {MEMCACHE_MD, true, "md m q\r\n", NULL},
    {MEMCACHE_MN, false, "mn\r\n", NULL},
    {MEMCACHE_DELETE, false, "delete a\r\n", NULL},
    {MEMCACHE_ADD, true, "add a 0 0 1 noreply\r\nx\r\n", NULL},
    {MEMCACHE_MN, false, "mn\r\n", NULL},
    {MEMCACHE_TOUCH, false, "touch a 0\r\n", NULL},
    {MEMCACHE_CAS, false, "cas b 0 0 1 5\r\nx\r\n", NULL},
    {MEMCACHE_GATS, false, "gats 0 a b\r\n", "ab"},
    {MEMCACHE_GAT, false, "gat 0 d\r\n", "d"},
    {MEMCACHE_MA, false, "ma n v\r\n", NULL},
    {MEMCACHE_ME, false, "me k\r\n", NULL},
    {MEMCACHE_FLUSH_ALL, false, "flush_all\r\n", NULL},
    {MEMCACHE_MN, false, "mn\r\n", NULL},
};

#define N_REQUESTS (sizeof(script) / sizeof(script[0]))

static struct rig rig;

static bool say_nothing(struct fake_shard *shard, const struct memcache_request *r,
                        struct bytes *out)
{
    (void)shard;
    (void)r;
    (void)out;
    return true;
}

static void tidy_up(void)
{
    rig_deinit(&rig);
}

static void start_once(void)
{
    static bool started;

    if (!started) {
        started = true;
        rig_init(&rig, yaml, N_SHARDS);
        for (size_t i = 0; i < N_SHARDS; i++) {
            rig.shards[i].script = say_nothing;
        }
        (void)atexit(tidy_up);
    }
}

/* A failure costs no waiting time. */
static void reconnect_at_once(void)
{
    for (uint32_t i = 0; i < N_SHARDS; i++) {
        rig_upstream(&rig, 0, i)->conns[0].backoff_us = 0;
    }
}

static void connect_shards(void)
{
    RIG_UNTIL(&rig, rig_is_connected(&rig) && fake_shard_n_conns(&rig.shards[0]) == 1 &&
                        fake_shard_n_conns(&rig.shards[1]) == 1);
}

static void answer(struct slice in)
{
    while (in.len > 0) {
        struct fake_shard *shard = &rig.shards[in.data[0] >> 7];
        size_t n = in.data[0] & 0x7f;

        in = slice_skip(in, 1);
        n = n < 96 ? n : (n - 95) * 600;
        n = n < in.len ? n : in.len;
        fake_shard_say(shard, (const char *)in.data, n);
        in = slice_skip(in, n);
        reconnect_at_once();
        (void)rig_turn(&rig);
    }
}

/* ---- what the client got ----------------------------------------------------------------- */

/* The next line; false when the stream ends within it. */
static bool take_line(struct slice *rest, struct memcache_reply *reply)
{
    int parsed = memcache_reply_parse(*rest, reply);

    MUST(parsed >= 0);
    if (parsed > 0) {
        *rest = slice_skip(*rest, reply->line.len);
    }
    return parsed > 0;
}

static bool take_value(struct slice *rest, const struct memcache_reply *reply)
{
    size_t len = (size_t)reply->value_len + 2;

    if (rest->len < len) {
        return false;
    }
    MUST(memcmp(rest->data + len - 2, "\r\n", 2) == 0);
    *rest = slice_skip(*rest, len);
    return true;
}

/* VALUEs of [keys], in that order, and END; or one error in their place. */
static bool take_values(struct slice *rest, const char *keys, bool with_cas)
{
    struct memcache_reply reply;
    bool any = false;

    for (;; any = true) {
        if (!take_line(rest, &reply)) {
            return false;
        }
        if (reply.type != MEMCACHE_REPLY_VALUE) {
            MUST(reply.type == MEMCACHE_REPLY_END || (!any && memcache_reply_is_error(reply.type)));
            return true;
        }
        MUST(reply.key.len == 1 && reply.has_cas == with_cas);
        keys = strchr(keys, reply.key.data[0]);
        MUST(keys != NULL && *keys != '\0');
        keys++;
        if (!take_value(rest, &reply)) {
            return false;
        }
    }
}

/* The answer to request [i]; false when the stream ends within it. */
static bool take_answer(struct slice *rest, size_t i)
{
    enum memcache_command command = script[i].command;
    struct memcache_reply reply;

    if (script[i].keys != NULL) {
        return take_values(rest, script[i].keys,
                           command == MEMCACHE_GETS || command == MEMCACHE_GATS);
    }
    if (script[i].quiet && slice_starts_with(*rest, slice_of("MN\r\n"))) {
        return true;
    }
    if (!take_line(rest, &reply)) {
        return false;
    }
    MUST(memcache_reply_fits(command, reply.type));
    MUST(!script[i].quiet || memcache_reply_shown_when_quiet(command, reply.type));
    return reply.type != MEMCACHE_REPLY_VA || take_value(rest, &reply);
}

static void check_answers(const struct rig_client *client, bool cut)
{
    struct slice rest = slice_make(client->received.data, client->received.len);
    size_t i = 0;

    while (i < N_REQUESTS && take_answer(&rest, i)) {
        i++;
    }
    MUST(cut || (i == N_REQUESTS && rest.len == 0));
}

/* ---- one input --------------------------------------------------------------------------- */

static void send_script(struct rig_client *client)
{
    struct bytes text = {0};

    for (size_t i = 0; i < N_REQUESTS; i++) {
        bytes_add_text(&text, script[i].text);
    }
    rig_send(&rig, client, slice_make(text.data, text.len));
    bytes_free(&text);
    (void)rig_turn(&rig);
    (void)rig_turn(&rig);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rig_client *client;
    uint64_t n_cut;

    start_once();
    connect_shards();
    n_cut = rig.feedback->clients_cut;
    client = rig_connect(&rig);
    (void)rig_turn(&rig);
    send_script(client);
    answer(slice_make(data, size));
    reconnect_at_once();
    for (size_t i = 0; i < N_SHARDS; i++) {
        fake_shard_close_conns(&rig.shards[i]); /* what is unanswered fails */
    }
    RIG_UNTIL(&rig, client->eof || rig.feedback->requests_open == 0);
    rig_settle(&rig);
    MUST(client->eof == (rig.feedback->clients_cut > n_cut));
    check_answers(client, client->eof);
    rig_hang_up(client);
    RIG_UNTIL(&rig, rig.feedback->clients == 0);
    MUST(rig.feedback->requests_open == 0);
    return 0;
}
