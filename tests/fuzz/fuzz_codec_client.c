/*
 * Any bytes from a client, whole or in pieces, to a data plane whose shards behave: what reaches the
 * shards are whole, valid requests that ask for a reply; no shard is blamed for anything; and the
 * client, who half-closes when it has sent everything, is answered and closed.
 *
 * The first byte says how the rest is cut: 0: not at all, else into pieces of that many bytes.
 */
#include "../support/plane_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N_SHARDS 2u

static const char yaml[] = "workers: 1\n"
                           "admin: off\n"
                           "limits: {max_item: 4KiB, max_line: 4KiB, client_output: 1MiB}\n"
                           "pools:\n"
                           "  - name: p\n"
                           "    flush_all: true\n"
                           "    timeouts: {request: 60s, connect: 10s}\n"
                           "    shards:\n"
                           "      - {name: a, replicas: 'unix:${DIR}/s0'}\n"
                           "      - {name: b, replicas: 'unix:${DIR}/s1'}\n"
                           "listeners: [{bind: 'unix:${DIR}/listener', pool: p}]\n";

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
        MUST(replica->disconnects == 0 && replica->protocol_errors == 0);
        MUST(replica->in_flight == 0 && replica->consecutive_failures == 0);
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
    rig_hang_up(client);
    MUST(rig.feedback->clients_cut == 0 && rig.feedback->clients_overflowed == 0);
    /* What was asked for silently may still be under way. */
    RIG_UNTIL(&rig, rig.feedback->pools[0].replicas[0].in_flight == 0 &&
                        rig.feedback->pools[0].replicas[1].in_flight == 0);
    MUST(rig.feedback->requests_open == 0);
    check_shards();
    return 0;
}
