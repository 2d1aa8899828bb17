/*
 * What every codec must do, whatever pieces its bytes come in: a whole data plane between a client
 * and three shards is given each stream of the codec's corpus whole, a byte at a time, and cut at
 * every offset, in both directions. The client gets the same answer every time and not a byte more,
 * and the shards get the same requests.
 *
 * A codec that is listed in codecs.def does not compile here until it has a corpus:
 * support/codec_corpus_NAME.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/codec_corpus_http.h"
#include "support/codec_corpus_memcached.h"
#include "support/plane_rig.h"

#define N_SHARDS  3u
#define EVERY_CUT 200u /* a longer stream is cut at this many offsets at most */

#define MANY_BYTES 4096u

/* How the bytes of a run are cut. */
struct cuts {
    size_t client_at, client_piece; /* the first piece and the others; 0: whole */
    size_t shard_piece;
    uint64_t shard_at;
    size_t slow_shard; /* this one answers last; N_SHARDS: none */
    bool reversed;
};

static const struct cuts whole = {.slow_shard = N_SHARDS};

static const char yaml[] =
    "workers: 1\n"
    "admin: off\n"
    "log: {level: error}\n"
    "limits: {%s}\n"
    "timeouts: {%s}\n"
    "listeners: [{bind: 'unix:${DIR}/listener', protocol: %s, %s}]\n"
    "pools: [{name: p, protocol: %s, %s, timeouts: {%s}, shards: [\n"
    "  {name: a, replicas: 'unix:${DIR}/s0'}, {name: b, replicas: 'unix:${DIR}/s1'},\n"
    "  {name: c, replicas: 'unix:${DIR}/s2'}]}]\n";

static struct rig rig;
static struct corpus corpus;
static struct bytes requests[N_SHARDS]; /* what each shard received of the whole stream */
static struct bytes answer, received;   /* of the client and of a shard, in canonical form */
static const struct corpus_stream *stream;
static size_t n_runs;

/* ---- one run ----------------------------------------------------------------------------- */

static void set_up(const struct cuts *cuts)
{
    rig.reversed = cuts->reversed;
    for (size_t i = 0; i < N_SHARDS; i++) {
        fake_shard_reset(&rig.shards[i]);
        rig.shards[i].records = true;
        rig.shards[i].piece = cuts->shard_piece;
        rig.shards[i].cut = cuts->shard_at;
        rig.shards[i].mute = i == cuts->slow_shard;
    }
}

static void canonical(const struct bytes *from, bool is_request, struct bytes *to)
{
    struct slice in = slice_make(from->data, from->len);

    to->len = 0;
    if (corpus.canonical != NULL) {
        corpus.canonical(stream, in, is_request, to);
    } else {
        bytes_add(to, in.data, in.len);
    }
}

/* Is there as much as there should be? The canonical form is never longer. */
static bool is_answered(const struct rig_client *client)
{
    if (client->received.len < stream->out.len) {
        return false;
    }
    canonical(&client->received, false, &answer);
    return answer.len >= stream->out.len;
}

static void send_in_pieces(struct rig_client *client, const struct cuts *cuts)
{
    struct slice rest = slice_make(stream->in.data, stream->in.len);
    size_t piece = cuts->client_at;

    while (rest.len > 0 && !client->eof) {
        size_t n = piece > 0 && piece < rest.len ? piece : rest.len;

        rig_send(&rig, client, slice_make(rest.data, n));
        rest = slice_skip(rest, n);
        (void)rig_turn(&rig);
        piece = cuts->client_piece;
    }
}

static void explain(const struct cuts *cuts, const char *what)
{
    fail_msg("'%s', client cut at %zu then every %zu, shards every %zu and at %zu, slow %zu, "
             "reversed %d: %s",
             stream->name, cuts->client_at, cuts->client_piece, cuts->shard_piece,
             (size_t)cuts->shard_at, cuts->slow_shard, cuts->reversed, what);
}

static int shown(size_t len)
{
    return len < 200 ? (int)len : 200;
}

static void check_answer(const struct rig_client *client, const struct cuts *cuts)
{
    const struct bytes *out = &stream->out;
    size_t same = 0;

    canonical(&client->received, false, &answer);
    while (same < answer.len && same < out->len && answer.data[same] == out->data[same]) {
        same++;
    }
    if (answer.len != out->len || same < out->len) {
        print_error("expected at %zu: %.*s\nfound: %.*s\n", same, shown(out->len - same),
                    (const char *)out->data + same, shown(answer.len - same),
                    (const char *)answer.data + same);
        explain(cuts, "another answer");
    }
    if (client->eof != stream->closes) {
        explain(cuts, stream->closes ? "not closed" : "closed");
    }
}

static void check_shards(const struct cuts *cuts)
{
    for (size_t i = 0; i < N_SHARDS; i++) {
        const struct fake_shard *shard = &rig.shards[i];

        if (shard->cache.violation != NULL) {
            explain(cuts, shard->cache.violation);
        }
        canonical(&shard->received, true, &received);
        if (!stream->is_loose && !slice_equal(slice_make(received.data, received.len),
                                              slice_make(requests[i].data, requests[i].len))) {
            print_error("expected: %.*s\nfound: %.*s\n", (int)requests[i].len,
                        (const char *)requests[i].data, (int)received.len,
                        (const char *)received.data);
            explain(cuts, "other requests");
        }
    }
}

static void run(const struct cuts *cuts)
{
    struct rig_client *client;

    set_up(cuts);
    client = rig_connect(&rig);
    (void)rig_turn(&rig); /* accepted */
    send_in_pieces(client, cuts);
    if (cuts->slow_shard < N_SHARDS) {
        rig_settle(&rig);
        rig.shards[cuts->slow_shard].mute = false;
    }
    RIG_UNTIL(&rig, client->eof || is_answered(client));
    rig_settle(&rig);
    check_answer(client, cuts);
    rig_hang_up(client);
    RIG_UNTIL(&rig, rig.feedback->clients == 0);
    rig_settle(&rig);
    rig_check_http(&rig, true);
    n_runs++;
}

/* ---- all the ways of cutting a stream ---------------------------------------------------- */

/* The whole stream: what it makes the shards receive is what it must always make. */
static uint64_t run_whole(void)
{
    uint64_t most = 0;

    run(&whole);
    for (size_t i = 0; i < N_SHARDS; i++) {
        canonical(&rig.shards[i].received, true, &requests[i]);
        for (size_t c = 0; c < FAKE_CONNS_MAX; c++) {
            most = rig.shards[i].conns[c].sent > most ? rig.shards[i].conns[c].sent : most;
        }
    }
    check_shards(&whole);
    return most;
}

static void run_cuts(struct cuts cuts)
{
    run(&cuts);
    check_shards(&cuts);
}

static void run_client_cuts(void)
{
    size_t step = 1 + stream->in.len / EVERY_CUT;

    for (size_t at = 1; at < stream->in.len; at += step) {
        run_cuts((struct cuts){.client_at = at, .slow_shard = N_SHARDS});
    }
}

static void run_shard_cuts(uint64_t n_answered)
{
    uint64_t step = 1 + n_answered / EVERY_CUT;

    for (uint64_t at = 1; at < n_answered; at += step) {
        run_cuts((struct cuts){.shard_at = at, .slow_shard = N_SHARDS});
    }
}

static void run_in_small_pieces(void)
{
    static const size_t pieces[] = {1, 2, 3, 7, 61, 1000};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        size_t piece = pieces[i];

        if (stream->in.len > MANY_BYTES && piece > 1 && piece < 60) {
            continue; /* long streams are cut in enough places as it is */
        }
        run_cuts((struct cuts){piece, piece, 0, 0, N_SHARDS, false});
        run_cuts((struct cuts){0, 0, piece, 0, N_SHARDS, false});
        run_cuts((struct cuts){piece, piece, piece, 0, N_SHARDS, false});
    }
}

static void run_out_of_order(void)
{
    run_cuts((struct cuts){.slow_shard = N_SHARDS, .reversed = true});
    for (size_t i = 0; i < N_SHARDS; i++) {
        run_cuts((struct cuts){.slow_shard = i});
        run_cuts((struct cuts){.slow_shard = i, .reversed = true, .shard_piece = 5});
    }
}

static void run_stream(bool everywhere)
{
    uint64_t n_answered = run_whole();

    run_out_of_order();
    run_in_small_pieces();
    if (everywhere) {
        run_client_cuts();
        run_shard_cuts(n_answered);
    }
}

static void run_corpus(const char *protocol, bool everywhere)
{
    const char *pool = everywhere ? corpus.pool : corpus.other_pool;
    char text[4096];

    n_runs = 0;
    snprintf(text, sizeof(text), yaml, corpus.limits, corpus.timeouts, protocol, corpus.listener,
             protocol, pool, corpus.pool_timeouts);
    rig_init(&rig, text, N_SHARDS);
    for (size_t i = 0; corpus.prepare != NULL && i < N_SHARDS; i++) {
        corpus.prepare(&rig.shards[i]);
    }
    RIG_UNTIL(&rig, rig_is_connected(&rig));
    for (size_t i = 0; i < corpus.n_streams; i++) {
        stream = &corpus.streams[i];
        run_stream(everywhere);
    }
    print_message("%s: %zu streams, %zu runs\n", protocol, corpus.n_streams, n_runs);
    rig_deinit(&rig);
}

/* ---- the codecs -------------------------------------------------------------------------- */

static const struct {
    const char *protocol;
    void (*fill)(struct corpus *corpus);
} codecs[] = {
#define X(name) {#name, codec_corpus_##name},
#include "data/codecs.def"
#undef X
};

static void run_codecs(bool everywhere)
{
    for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
        codecs[i].fill(&corpus);
        run_corpus(codecs[i].protocol, everywhere);
        corpus_free(&corpus);
    }
    for (size_t i = 0; i < N_SHARDS; i++) {
        bytes_free(&requests[i]);
    }
    bytes_free(&answer);
    bytes_free(&received);
}

static void test_every_cut(void **state)
{
    (void)state;
    run_codecs(true);
}

/* Other ways to treat connections, shards and answers in parts. */
static void test_other_options(void **state)
{
    (void)state;
    run_codecs(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_other_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
