/*
 * Any bytes from an HTTP client, whole or in pieces, to a data plane whose shards behave: what
 * reaches the shards are whole, valid requests, framed once; every response to the client is whole
 * and framed; and the client, who half-closes when it has sent everything, is answered and closed.
 *
 * The first byte says how the rest is cut: 0: not at all, else into pieces of that many bytes.
 */
#include "../support/codec_corpus_http.h"
#include "../support/plane_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N_SHARDS 2u

static const char yaml[] =
    "workers: 1\n"
    "admin: off\n"
    "limits: {max_request_header: 1KiB, max_request_body: 2KiB, stream_buffer: 8KiB}\n"
    "timeouts: {idle: 60s, header: 60s, body: 60s}\n"
    "pools:\n"
    "  - name: p\n"
    "    protocol: http\n"
    "    timeouts: {response: 60s, connect: 10s, keep_alive: 1h}\n"
    "    health: {eject_after: 0, retry_after: 1h}\n"
    "    shards:\n"
    "      - {name: a, replicas: 'unix:${DIR}/s0'}\n"
    "      - {name: b, replicas: 'unix:${DIR}/s1'}\n"
    "listeners:\n"
    "  - bind: 'unix:${DIR}/listener'\n"
    "    protocol: http\n"
    "    trusted_proxies: [127.0.0.0/8]\n"
    "    routes:\n"
    "      - {match: {path_prefix: /up}, upgrade: true, key: '{header.x}', pool: p}\n"
    "      - {match: {path_prefix: /nowhere}, key: '{cookie.c}', key_missing: error, pool: p}\n"
    "      - {key: ['{query.k}-{path.1}', '{client_ip}', '{uri}'], normalize: true, pool: p}\n";

static const struct fake_page pages[] = {
    {"/up", FAKE_PAGE_TUNNEL, NULL,
     "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nwelcome "},
    {"/continue", FAKE_PAGE_ECHO, "HTTP/1.1 100 Continue\r\n\r\n", NULL},
    {"/chunked", FAKE_PAGE_TEXT, NULL,
     CORPUS_OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: 1\r\n\r\n"},
    {"/close", FAKE_PAGE_CLOSES, NULL, CORPUS_OK "\r\nuntil the end"},
    {"/", FAKE_PAGE_ECHO, NULL, NULL},
    {"*", FAKE_PAGE_ECHO, NULL, NULL},
    {NULL, FAKE_PAGE_TEXT, NULL, NULL},
};

static struct rig rig;

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
            fake_http_init(&rig.shards[i], pages);
        }
        RIG_UNTIL(&rig, rig_is_connected(&rig));
        (void)atexit(tidy_up);
    }
}

static void send_in_pieces(struct rig_client *client, struct slice in, size_t piece)
{
    while (in.len > 0 && !client->eof) {
        size_t n = piece > 0 && piece < in.len ? piece : in.len;

        rig_send(&rig, client, slice_make(in.data, n));
        in = slice_skip(in, n);
        (void)rig_turn(&rig);
    }
}

static void check_shards(void)
{
    for (uint32_t i = 0; i < N_SHARDS; i++) {
        const struct fake_shard *shard = &rig.shards[i];
        const struct feedback_replica *replica = &rig.feedback->pools[0].replicas[i];

        if (shard->cache.violation != NULL) {
            fprintf(stderr, "%s\n", shard->cache.violation);
            abort();
        }
        for (size_t c = 0; c < FAKE_CONNS_MAX; c++) {
            MUST(shard->conns[c].in.len == 0); /* nothing but whole requests */
        }
        MUST(replica->protocol_errors == 0 && replica->consecutive_failures == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rig_client *client;

    if (size == 0) {
        return 0;
    }
    start_once();
    for (size_t i = 0; i < N_SHARDS; i++) {
        fake_shard_reset(&rig.shards[i]);
    }
    client = rig_connect(&rig);
    (void)rig_turn(&rig);
    send_in_pieces(client, slice_make(data + 1, size - 1), data[0]);
    (void)shutdown(client->fd, SHUT_WR);
    RIG_UNTIL(&rig, client->eof && rig.feedback->clients == 0);
    MUST(client->received.len == 0 ||
         slice_starts_with(slice_make(client->received.data, client->received.len),
                           slice_of("HTTP/1.1 ")));
    rig_hang_up(client);
    MUST(rig.feedback->clients_cut == 0 && rig.feedback->clients_overflowed == 0);
    rig_settle(&rig);
    rig_check_http(&rig, true);
    check_shards();
    return 0;
}
