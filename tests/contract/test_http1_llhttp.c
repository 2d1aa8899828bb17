/*
 * The HTTP/1 parser against another one, llhttp: whatever both take, they must frame alike; what
 * we take and llhttp refuses must be on a list, with its reason. That we refuse more is meant.
 *
 * The streams are random; SEED and STREAMS in the environment choose others, or more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#include "support/http1_generate.h"
#include "support/http1_stream.h"

#ifndef RINGWAY_HAVE_LLHTTP

static void test_against_llhttp(void **state)
{
    (void)state;
    print_message("not compared: the sources of llhttp are not here (Debian: node-llhttp)\n");
    skip();
}

#else

#include <llhttp.h>

#define N_STREAMS 200000u /* of either direction; each has one to three heads */

/* ---- llhttp ------------------------------------------------------------------------------ */

/* What llhttp found. */
struct peer {
    llhttp_t parser;
    bool to_head;
    llhttp_errno_t error; /* HPE_OK: it would take more */
    size_t n_messages;    /* heads accepted; the first HTTP1_STREAM_MESSAGES stand in [messages] */
    struct http1_stream_message messages[HTTP1_STREAM_MESSAGES];
};

static struct http1_stream_message *peer_message(struct peer *peer)
{
    size_t n = peer->n_messages;

    return &peer->messages[n <= HTTP1_STREAM_MESSAGES ? n - 1 : HTTP1_STREAM_MESSAGES - 1];
}

static enum http1_body peer_body(const llhttp_t *parser)
{
    if ((parser->flags & F_SKIPBODY) || parser->method == HTTP_CONNECT) {
        return HTTP1_BODY_NONE;
    }
    if (parser->flags & F_CHUNKED) {
        return HTTP1_BODY_CHUNKED;
    }
    if (parser->content_length > 0) {
        return HTTP1_BODY_LENGTH;
    }
    return llhttp_message_needs_eof(parser) ? HTTP1_BODY_CLOSE : HTTP1_BODY_NONE;
}

/* Note the head, and pause, to learn where it ends. */
static int on_headers_complete(llhttp_t *parser)
{
    struct peer *peer = parser->data;
    unsigned status = parser->status_code;
    bool is_response = parser->type == HTTP_RESPONSE;

    /* llhttp leaves it to its caller to say that there is no body. RFC 9112 6.3 */
    if (is_response && (peer->to_head || status < 200 || status == 204 || status == 304)) {
        parser->flags |= F_SKIPBODY;
    }
    peer->n_messages++;
    *peer_message(peer) = (struct http1_stream_message){
        .status = is_response ? (int)status : 0,
        .body = peer_body(parser),
        .content_length = parser->content_length,
        .has_content_length = (parser->flags & F_CONTENT_LENGTH) != 0,
        .keep_alive = llhttp_should_keep_alive(parser) != 0,
        .has_upgrade = (parser->flags & F_UPGRADE) && (parser->flags & F_CONNECTION_UPGRADE),
        .is_connect = parser->method == HTTP_CONNECT && !is_response,
        .body_hash = UINT64_C(0xcbf29ce484222325),
    };
    return HPE_PAUSED;
}

static int on_body(llhttp_t *parser, const char *data, size_t len)
{
    struct http1_stream adder = {.now = *peer_message(parser->data)};

    http1_stream_add_body(&adder, slice_make(data, len));
    *peer_message(parser->data) = adder.now;
    return 0;
}

static int on_message_complete(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

/* Note where it paused: behind a head, or behind a message. */
static void peer_note_place(struct peer *peer, size_t at)
{
    struct http1_stream_message *message = peer_message(peer);

    if (message->head_len == 0) {
        message->head_len = at; /* from the beginning of the stream */
    } else {
        message->end = at;
    }
}

static void peer_run(struct peer *peer, struct slice data, bool is_response)
{
    llhttp_settings_t settings;
    const char *start = (const char *)data.data, *at = start, *end = start + data.len;

    llhttp_settings_init(&settings);
    settings.on_headers_complete = on_headers_complete;
    settings.on_body = on_body;
    settings.on_message_complete = on_message_complete;
    llhttp_init(&peer->parser, is_response ? HTTP_RESPONSE : HTTP_REQUEST, &settings);
    peer->parser.data = peer;
    for (;;) {
        peer->error = llhttp_execute(&peer->parser, at, (size_t)(end - at));
        if (peer->error != HPE_PAUSED && peer->error != HPE_PAUSED_UPGRADE) {
            return;
        }
        at = llhttp_get_error_pos(&peer->parser);
        if (peer->error == HPE_PAUSED) {
            peer_note_place(peer, (size_t)(at - start));
            llhttp_resume(&peer->parser);
        } else {
            llhttp_resume_after_upgrade(&peer->parser);
        }
    }
}

/* ---- what may differ --------------------------------------------------------------------- */

enum difference {
    REFUSED = 1, /* llhttp refuses what we take */
    BODY = 2,    /* another kind of body, or another end of it */
    KEEP_ALIVE = 4,
    UPGRADE = 8,
};

/* A stream, and the message in it that is compared. */
struct pair {
    struct slice data;
    const struct http1_stream *ours;
    const struct peer *peer;
    size_t i;
    struct slice head;
    struct http1_request request;
    struct http1_response response;
    const struct http1_fields *fields;
    unsigned minor;
};

/* Parse our head again, to look into it. */
static void pair_parse(struct pair *pair)
{
    const struct http1_stream_message *ours = &pair->ours->messages[pair->i];
    const struct http1_limits limits = {.head_max = HTTP1_STREAM_HEAD_MAX};
    struct http1_scan scan = {0};

    pair->head = slice_make(pair->data.data + ours->start, ours->head_len);
    if (pair->ours->is_response) {
        assert_int_equal(
            http1_response_parse(pair->head, &scan, HTTP1_STREAM_HEAD_MAX, &pair->response),
            HTTP1_PARSE_DONE);
        pair->fields = &pair->response.fields;
        pair->minor = pair->response.minor;
    } else {
        assert_int_equal(http1_request_parse(pair->head, &scan, &limits, &pair->request),
                         HTTP1_PARSE_DONE);
        pair->fields = &pair->request.fields;
        pair->minor = pair->request.minor;
    }
}

static bool connection_has(const struct pair *pair, const char *option)
{
    bool found = false;

    for (size_t i = 0; i < pair->fields->n; i++) {
        const struct http1_field *field = &pair->fields->list[i];

        found |= field->id == HTTP1_NAME_CONNECTION && http1_list_has(field->value, option);
    }
    return found;
}

static bool has_unknown_method(const struct pair *pair)
{
    return !pair->ours->is_response && pair->request.method_id == HTTP1_OTHER;
}

static bool has_higher_minor(const struct pair *pair)
{
    const char *version = memmem(pair->head.data, pair->head.len, "HTTP/1.", 7);

    return version != NULL && version[7] > '1';
}

static bool has_blank_before_colon(const struct pair *pair)
{
    bool found = false;

    for (size_t i = 0; i < pair->fields->n; i++) {
        struct slice name = pair->fields->list[i].name;

        found |= http1_stream_is_blank(name.data[name.len]);
    }
    return found && pair->ours->is_response;
}

/* In or behind the value of a field that frames or ends a message. */
static bool has_tab_in_framing(const struct pair *pair)
{
    bool found = false;

    for (size_t i = 0; i < pair->fields->n; i++) {
        const struct http1_field *field = &pair->fields->list[i];
        const char *value = (const char *)field->value.data;

        if (field->id == HTTP1_NAME_CONNECTION || field->id == HTTP1_NAME_CONTENT_LENGTH ||
            field->id == HTTP1_NAME_TRANSFER_ENCODING) {
            found |= strcspn(value, "\t") < strcspn(value, "\r");
        }
    }
    return found;
}

static bool has_repeated_length(const struct pair *pair)
{
    unsigned n = 0;

    for (size_t i = 0; i < pair->fields->n; i++) {
        const struct http1_field *field = &pair->fields->list[i];

        if (field->id == HTTP1_NAME_CONTENT_LENGTH) {
            n += memchr(field->value.data, ',', field->value.len) != NULL ? 2 : 1;
        }
    }
    return n > 1;
}

/* llhttp stopped in a line that holds a semicolon before that place, or at its end. */
static bool has_extension(const struct pair *pair)
{
    const char *start = (const char *)pair->data.data;
    const char *at = llhttp_get_error_pos(&pair->peer->parser);
    bool found = false;

    while (at > start && (at[-1] == '\r' || at[-1] == '\n')) {
        at--;
    }
    for (; at > start && at[-1] != '\n'; at--) {
        found |= at[-1] == ';';
    }
    return found && pair->ours->messages[pair->i].body == HTTP1_BODY_CHUNKED;
}

static bool has_known_trailers(const struct pair *pair)
{
    bool found = false;

    for (size_t i = 0; i <= pair->i && i < pair->ours->n_messages; i++) {
        found |= pair->ours->messages[i].has_known_trailers;
    }
    return found;
}

static bool is_undecided_old(const struct pair *pair)
{
    return pair->minor == 0 && connection_has(pair, "close") && connection_has(pair, "keep-alive");
}

static bool has_proxy_connection(const struct pair *pair)
{
    struct slice value;

    return http1_find_field(pair->fields, "Proxy-Connection", &value);
}

static bool is_old(const struct pair *pair)
{
    return pair->minor == 0;
}

static bool is_connect(const struct pair *pair)
{
    return pair->ours->messages[pair->i].is_connect;
}

/* [errors] of llhttp go with REFUSED. */
static struct exception {
    const char *reason;
    unsigned differences;
    bool (*applies)(const struct pair *pair);
    llhttp_errno_t errors[4];
    size_t n;
} exceptions[] = {
    {"any method is forwarded; llhttp has a list of them",
     REFUSED,
     has_unknown_method,
     {HPE_INVALID_METHOD, HPE_INVALID_CONSTANT, HPE_INVALID_VERSION},
     0},
    {"HTTP/1.2 and higher are taken as HTTP/1.1 (RFC 9110 2.5); llhttp refuses them",
     REFUSED,
     has_higher_minor,
     {HPE_INVALID_VERSION},
     0},
    {"a space before the colon of a response's field is dropped (RFC 9112 5.1); llhttp refuses it",
     REFUSED,
     has_blank_before_colon,
     {HPE_INVALID_HEADER_TOKEN},
     0},
    {"a tab is white space as a space is (RFC 9110 5.6.3); llhttp refuses it behind a length, and "
     "does not recognise an option or coding before it",
     REFUSED | BODY | KEEP_ALIVE | UPGRADE,
     has_tab_in_framing,
     {HPE_INVALID_CONTENT_LENGTH, HPE_INVALID_TRANSFER_ENCODING},
     0},
    {"Content-Length repeated with one value is that value (RFC 9112 6.3); llhttp refuses it",
     REFUSED,
     has_repeated_length,
     {HPE_UNEXPECTED_CONTENT_LENGTH, HPE_INVALID_CONTENT_LENGTH},
     0},
    {"the form of chunk extensions is not looked at, they are dropped; llhttp does look",
     REFUSED,
     has_extension,
     {HPE_STRICT, HPE_INVALID_CHUNK_SIZE},
     0},
    {"trailers frame nothing (RFC 9110 6.5.1); llhttp reads them as it reads a head",
     REFUSED,
     has_known_trailers,
     {HPE_INVALID_CONTENT_LENGTH, HPE_UNEXPECTED_CONTENT_LENGTH, HPE_INVALID_TRANSFER_ENCODING,
      HPE_CLOSED_CONNECTION},
     0},
    {"close wins over keep-alive (RFC 9112 9.3); in HTTP/1.0 llhttp has it the other way",
     KEEP_ALIVE,
     is_undecided_old,
     {HPE_OK},
     0},
    {"Proxy-Connection means nothing (RFC 9112 C.2.2); llhttp takes it for Connection",
     KEEP_ALIVE | UPGRADE,
     has_proxy_connection,
     {HPE_OK},
     0},
    {"Upgrade means nothing in HTTP/1.0 (RFC 9110 7.8); llhttp takes it",
     UPGRADE,
     is_old,
     {HPE_OK},
     0},
    {"CONNECT ends the connection, for it is not served; llhttp leaves HTTP there",
     KEEP_ALIVE,
     is_connect,
     {HPE_OK},
     0},
};

/* ---- comparing --------------------------------------------------------------------------- */

static struct {
    size_t heads, bodies, refused_by_both, refused_by_us;
} counts;

static bool covers(const struct exception *exception, enum difference difference,
                   const struct pair *pair)
{
    bool is_listed = difference != REFUSED;

    for (size_t i = 0; i < 4; i++) {
        is_listed |= pair->peer->error != HPE_OK && exception->errors[i] == pair->peer->error;
    }
    return (exception->differences & (unsigned)difference) != 0 && is_listed &&
           exception->applies(pair);
}

static void show(struct slice data)
{
    for (size_t i = 0; i < data.len; i++) {
        uint8_t byte = data.data[i];

        if (byte == '\n') {
            print_error("\\n\n");
        } else if (byte < 0x20 || byte >= 0x7f || byte == '\\') {
            print_error("\\x%02x", byte);
        } else {
            print_error("%c", byte);
        }
    }
}

/* Both parsers differ in [what]: it is on the list, or the test fails. */
static void excuse(struct pair *pair, enum difference difference, const char *what)
{
    const char *reason = llhttp_get_error_reason(&pair->peer->parser);

    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++) {
        if (covers(&exceptions[i], difference, pair)) {
            exceptions[i].n++;
            return;
        }
    }
    show(pair->data);
    fail_msg("message %zu of the stream above, %s: %s; llhttp: %s %s", pair->i,
             pair->ours->is_response ? "a response" : "a request", what,
             llhttp_errno_name(pair->peer->error), reason == NULL ? "" : reason);
}

static bool is_same_body(const struct http1_stream_message *a, const struct http1_stream_message *b)
{
    return a->body == b->body && a->content_length == b->content_length &&
           a->has_content_length == b->has_content_length;
}

/* False when there is nothing more to compare. */
static bool compare_head(struct pair *pair)
{
    const struct http1_stream_message *ours = &pair->ours->messages[pair->i];
    const struct http1_stream_message *theirs = &pair->peer->messages[pair->i];
    bool is_last = ours->body == HTTP1_BODY_CLOSE;

    pair_parse(pair);
    if (pair->i >= pair->peer->n_messages) {
        excuse(pair, REFUSED, "only we take the head");
        return false;
    }
    counts.heads++;
    assert_int_equal(ours->start + ours->head_len, theirs->head_len);
    assert_int_equal(ours->status, theirs->status);
    assert_int_equal(ours->is_connect, theirs->is_connect);
    if (!is_same_body(ours, theirs)) {
        excuse(pair, BODY, "the bodies are framed differently");
        return false;
    }
    if ((ours->keep_alive && !is_last) != theirs->keep_alive) {
        excuse(pair, KEEP_ALIVE, "only one keeps the connection");
    }
    if ((!pair->ours->is_response || ours->status == 101) &&
        ours->has_upgrade != theirs->has_upgrade) {
        excuse(pair, UPGRADE, "only one sees an upgrade");
    }
    return true;
}

/* As compare_head(). */
static bool compare_body(struct pair *pair)
{
    const struct http1_stream_message *ours = &pair->ours->messages[pair->i];
    const struct http1_stream_message *theirs = &pair->peer->messages[pair->i];

    if (ours->end == 0) {
        if (pair->ours->phase != HTTP1_STREAM_BROKEN && theirs->end != 0) {
            excuse(pair, BODY, "only llhttp finds the end of the body");
        }
        return false;
    }
    if (theirs->end == 0) {
        excuse(pair, pair->peer->error == HPE_OK ? BODY : REFUSED,
               "only we find the end of the body");
        return false;
    }
    counts.bodies++;
    assert_int_equal(ours->end, theirs->end);
    assert_int_equal(ours->body_len, theirs->body_len);
    assert_int_equal(ours->body_hash, theirs->body_hash);
    return theirs->keep_alive; /* else it takes nothing more */
}

static void compare(struct slice data, bool is_response, bool to_head)
{
    static struct peer peer;
    struct http1_stream ours = {.data = data, .is_response = is_response, .to_head = to_head};
    struct pair pair = {.data = data, .ours = &ours, .peer = &peer};

    peer = (struct peer){.to_head = to_head};
    http1_stream_run(&ours, data.len, data.len);
    peer_run(&peer, data, is_response);
    for (; pair.i < ours.n_messages && pair.i < HTTP1_STREAM_MESSAGES; pair.i++) {
        if (!compare_head(&pair) || !compare_body(&pair)) {
            return;
        }
    }
    if (ours.phase == HTTP1_STREAM_HEAD) { /* we wait for the rest of a head */
        assert_int_equal(peer.n_messages, ours.n_messages);
    } else if (ours.phase == HTTP1_STREAM_BROKEN && peer.error == HPE_OK) {
        counts.refused_by_us++;
    } else {
        counts.refused_by_both += ours.phase == HTTP1_STREAM_BROKEN;
    }
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void test_against_llhttp(void **state)
{
    static struct generator g;
    uint64_t n = number_from("STREAMS", N_STREAMS), i;

    (void)state;
    g.seed = number_from("SEED", (uint64_t)time(NULL));
    print_message("SEED=%" PRIu64 " STREAMS=%" PRIu64 "\n", g.seed, n);
    for (i = 0; i < n; i++) {
        struct slice requests = generate_stream(&g, false);

        if (requests.len > 0) {
            compare(requests, false, false);
        }
        struct slice responses = generate_stream(&g, true);
        if (responses.len > 0) {
            compare(responses, true, i % 7 == 0);
        }
    }
    print_message(
        "%zu heads and %zu bodies are the same; streams refused: %zu by both, %zu by us\n",
        counts.heads, counts.bodies, counts.refused_by_both, counts.refused_by_us);
    for (i = 0; i < sizeof exceptions / sizeof *exceptions; i++) {
        print_message("%6zu %s\n", exceptions[i].n, exceptions[i].reason);
    }
    assert_true(counts.heads > n / 5 && counts.bodies > n / 5);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_llhttp)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
