/*
 * Any bytes from an HTTP shard, to a client that has pipelined requests of every kind: each is
 * answered once, in its turn, with a whole and framed response; or the client is cut off.
 *
 * The input is pieces: a byte that says how many bytes follow, up to 127, or from 96 on as many
 * times 600; with 128 the shard's connections are closed after them.
 */
#include "../support/codec_corpus_http.h"
#include "../support/plane_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char yaml[] = "workers: 1\n"
                           "admin: off\n"
                           "limits: {max_response_header: 2KiB, stream_buffer: 8KiB}\n"
                           "timeouts: {idle: 60s, header: 60s, body: 60s}\n"
                           "pools:\n"
                           "  - name: p\n"
                           "    protocol: http\n"
                           "    timeouts: {response: 60s, connect: 10s, keep_alive: 1h}\n"
                           "    health: {eject_after: 0, retry_after: 1h}\n"
                           "    shards: [{name: a, replicas: 'unix:${DIR}/s0'}]\n"
                           "listeners: [{bind: 'unix:${DIR}/listener', protocol: http, routes: [\n"
                           "  {upgrade: true, debug: true, pool: p}]}]\n";

/* What the client sends; only the last is of HTTP/1.0. */
static const struct {
    bool is_head;
    const char *text;
} script[] = {
    {false, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"},
    {false, "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"},
    {true, "HEAD /3 HTTP/1.1\r\nHost: h\r\n\r\n"},
    {false, "PUT /4 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"},
    {false, "GET /5 HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"},
    {false, "POST /6 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\na"},
    {true, "HEAD /7 HTTP/1.1\r\nHost: h\r\n\r\n"},
    {false, "GET /8 HTTP/1.1\r\nHost: h\r\n\r\n"},
    {false, "GET /9 HTTP/1.0\r\nHost: h\r\n\r\n"},
};

#define N_REQUESTS (sizeof(script) / sizeof(script[0]))

static struct rig rig;

/* What comes is read and forgotten. */
static bool forget_request(struct fake_shard *shard, struct fake_conn *conn)
{
    (void)shard;
    conn->in.len = 0;
    return false;
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
        rig_init(&rig, yaml, 1);
        rig.shards[0].take = forget_request;
        (void)atexit(tidy_up);
    }
}

static void send_script(struct rig_client *client)
{
    struct bytes text = {0};

    for (size_t i = 0; i < N_REQUESTS; i++) {
        bytes_add_text(&text, script[i].text);
    }
    rig_send(&rig, client, slice_make(text.data, text.len));
    bytes_free(&text);
    rig_settle(&rig);
}

static void answer(struct slice in)
{
    while (in.len > 0) {
        size_t n = in.data[0] & 0x7f;
        bool closes = in.data[0] >= 0x80;

        in = slice_skip(in, 1);
        n = n < 96 ? n : (n - 95) * 600;
        n = n < in.len ? n : in.len;
        fake_shard_say(&rig.shards[0], (const char *)in.data, n);
        in = slice_skip(in, n);
        rig_settle(&rig);
        if (closes) {
            fake_shard_close_conns(&rig.shards[0]);
            rig_settle(&rig);
        }
    }
}

/* ---- what the client got ----------------------------------------------------------------- */

/* Step over the body of [message]; false when the stream ends within it. */
static bool take_body(const struct http_text *message, struct slice *rest)
{
    struct bytes data = {0}, trailers = {0};
    size_t used = 0;
    enum http_text_end end = HTTP_TEXT_WHOLE;

    if (message->body == HTTP_TEXT_LENGTH) {
        used = message->length < rest->len ? (size_t)message->length : rest->len;
        end = used == message->length ? HTTP_TEXT_WHOLE : HTTP_TEXT_MORE;
    } else if (message->body == HTTP_TEXT_CHUNKED) {
        end = http_text_chunks(*rest, &data, &trailers, &used);
    }
    bytes_free(&data);
    bytes_free(&trailers);
    MUST(end != HTTP_TEXT_BAD);
    *rest = slice_skip(*rest, end == HTTP_TEXT_WHOLE ? used : rest->len);
    return end == HTTP_TEXT_WHOLE;
}

/* A head that frames its body once, and says nothing of the connection to the shard. */
static void check_head(const struct http_text *message, size_t i)
{
    struct slice value;

    MUST(slice_starts_with(message->head, slice_of("HTTP/1.1 ")));
    MUST(message->status >= 100 && message->status <= 999);
    MUST(http_text_field(message->head, "Content-Length", &value) +
             http_text_field(message->head, "Transfer-Encoding", &value) <=
         1);
    MUST(message->body != HTTP_TEXT_CLOSE || i == N_REQUESTS - 1);
    MUST(message->status >= 200 || message->body == HTTP_TEXT_NONE);
    MUST(memchr(message->head.data, '\0', message->head.len) == NULL);
}

/* Returns how many requests have been answered wholly. */
static size_t check_answers(struct slice rest, bool *tunnels)
{
    size_t i = 0;

    *tunnels = false;
    while (rest.len > 0) {
        struct http_text message;

        MUST(i < N_REQUESTS);
        MUST(http_text_head(rest, false, script[i].is_head, &message)); /* heads come whole */
        check_head(&message, i);
        rest = slice_skip(rest, message.head.len);
        if (message.status == 101) {
            MUST(i == 4);
            *tunnels = true;
            return i;
        }
        if (message.body == HTTP_TEXT_CLOSE) {
            return i + 1;
        }
        if (!take_body(&message, &rest)) {
            return i;
        }
        i += message.status >= 200;
    }
    return i;
}

/* ---- one input --------------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rig_client *client;
    uint64_t n_cut;
    size_t n_answers;
    bool tunnels;

    start_once();
    RIG_UNTIL(&rig, rig_is_connected(&rig));
    fake_shard_reset(&rig.shards[0]);
    n_cut = rig.feedback->clients_cut;
    client = rig_connect(&rig);
    (void)rig_turn(&rig);
    send_script(client);
    answer(slice_make(data, size));
    for (size_t i = 0; i < 2 * N_REQUESTS; i++) { /* what is unanswered fails */
        fake_shard_close_conns(&rig.shards[0]);
        rig_settle(&rig);
    }
    MUST(rig.feedback->requests_open == 0);
    n_answers = check_answers(slice_make(client->received.data, client->received.len), &tunnels);
    MUST(client->eof);
    MUST(n_answers == N_REQUESTS || tunnels || rig.feedback->clients_cut > n_cut);
    rig_hang_up(client);
    RIG_UNTIL(&rig, rig.feedback->clients == 0);
    rig_settle(&rig);
    rig_check_http(&rig, true);
    return 0;
}
