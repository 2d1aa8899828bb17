#include "stub_answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

enum {
    OUT_MAX_BYTES = 1024 * 1024,
    /* Below this a copy is cheaper than one more iovec for the kernel. */
    COPY_MAX_BYTES = 4096,
    KEY_MAX_BYTES = 250,
    OPAQUE_MAX_BYTES = 64,
};

struct word {
    const char *text;
    size_t len;
};

/* Keep what writev() left over, in order, behind what is kept already. */
static void out_keep(struct stub_conn *conn, size_t skip)
{
    size_t total = conn->n_unsent;
    char *to;

    for (int i = 0; i < conn->answers->n_iov; i++) {
        total += conn->answers->iov[i].iov_len;
    }
    total -= skip;
    if (total == 0) {
        return;
    }
    to = realloc(conn->unsent, total);
    if (to == NULL) {
        util_die("out of memory");
    }
    conn->unsent = to;
    for (int i = 0; i < conn->answers->n_iov; i++) {
        size_t len = conn->answers->iov[i].iov_len;
        size_t from = skip < len ? skip : len;
        memcpy(to + conn->n_unsent, (char *)conn->answers->iov[i].iov_base + from, len - from);
        conn->n_unsent += len - from;
        skip -= from;
    }
}

/* Returns false when the connection is broken. */
bool stub_answer_flush(struct stub_conn *conn)
{
    ssize_t n = 0;
    size_t total = 0;
    bool broken = false;

    if (conn->answers->n_iov == 0) {
        return true;
    }
    if (conn->n_unsent == 0) {
        n = writev(conn->fd, conn->answers->iov, conn->answers->n_iov);
        broken = n < 0 && errno != EAGAIN;
    }
    for (int i = 0; i < conn->answers->n_iov; i++) {
        total += conn->answers->iov[i].iov_len;
    }
    if (!broken && (n <= 0 || (size_t)n < total)) {
        out_keep(conn, n < 0 ? 0 : (size_t)n);
    }
    conn->answers->n_iov = 0;
    conn->answers->n_out = 0;
    return !broken;
}

/* Room for [len] copied bytes and two iovecs; errors show at the next write. */
static void out_reserve(struct stub_conn *conn, size_t len)
{
    if (conn->answers->n_out + len > OUT_MAX_BYTES || conn->answers->n_iov + 2 > STUB_N_IOV) {
        (void)stub_answer_flush(conn);
    }
}

static void out_reference(struct stub_conn *conn, const char *text, size_t len)
{
    /* iovec has no const; writev() does not write. */
    conn->answers->iov[conn->answers->n_iov].iov_base = (char *)(uintptr_t)text;
    conn->answers->iov[conn->answers->n_iov].iov_len = len;
    conn->answers->n_iov++;
}

static void out_copy(struct stub_conn *conn, const char *text, size_t len)
{
    char *to = conn->answers->out + conn->answers->n_out;
    struct iovec *last =
        conn->answers->n_iov > 0 ? &conn->answers->iov[conn->answers->n_iov - 1] : NULL;

    memcpy(to, text, len);
    conn->answers->n_out += len;
    if (last != NULL && (char *)last->iov_base + last->iov_len == to) {
        last->iov_len += len;
    } else {
        out_reference(conn, to, len);
    }
}

static void out_fixed(struct stub_conn *conn, const char *text, size_t len)
{
    if (len <= COPY_MAX_BYTES) {
        out_copy(conn, text, len);
    } else {
        out_reference(conn, text, len);
    }
}

static void out_text(struct stub_conn *conn, const char *text)
{
    out_reserve(conn, COPY_MAX_BYTES);
    out_copy(conn, text, strlen(text));
}

/* The next word of [line], or an empty one; [line] moves behind it. */
static struct word next_word(struct word *line)
{
    struct word word;
    const char *space;

    while (line->len > 0 && *line->text == ' ') {
        line->text++;
        line->len--;
    }
    space = memchr(line->text, ' ', line->len);
    word.text = line->text;
    word.len = space != NULL ? (size_t)(space - line->text) : line->len;
    line->text += word.len;
    line->len -= word.len;
    return word;
}

static bool word_is(struct word word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.text, text, word.len) == 0;
}

static void answer_get(struct stub_conn *conn, struct word line, bool with_cas)
{
    struct word key;

    while ((key = next_word(&line)).len > 0) {
        if (key.len > KEY_MAX_BYTES) {
            continue;
        }
        out_reserve(conn, 2 * COPY_MAX_BYTES);
        out_copy(conn, "VALUE ", 6);
        out_copy(conn, key.text, key.len);
        if (with_cas) {
            out_fixed(conn, conn->answers->hit_cas, conn->answers->n_hit_cas);
        } else {
            out_fixed(conn, conn->answers->hit, conn->answers->n_hit);
        }
    }
    out_text(conn, "END\r\n");
}

/* mg: the flags that return something, in the order asked for. */
static void answer_mg(struct stub_conn *conn, struct word line)
{
    struct word key = next_word(&line);
    struct word flags = line;
    struct word flag;
    bool with_value = false;
    char number[48];

    if (key.len == 0 || key.len > KEY_MAX_BYTES) {
        out_text(conn, "CLIENT_ERROR bad command line format\r\n");
        return;
    }
    while ((flag = next_word(&flags)).len > 0) {
        with_value = with_value || word_is(flag, "v");
    }
    out_reserve(conn, 2 * COPY_MAX_BYTES);
    if (with_value) {
        out_copy(conn, number,
                 (size_t)snprintf(number, sizeof(number), "VA %zu", conn->answers->value_size));
    } else {
        out_copy(conn, "HD", 2);
    }
    while ((flag = next_word(&line)).len > 0) {
        out_reserve(conn, COPY_MAX_BYTES);
        if (flag.text[0] == 'k') {
            out_copy(conn, " k", 2);
            out_copy(conn, key.text, key.len);
        } else if (flag.text[0] == 'O' || flag.text[0] == 'b') {
            out_copy(conn, " ", 1);
            out_copy(conn, flag.text, flag.len < OPAQUE_MAX_BYTES ? flag.len : OPAQUE_MAX_BYTES);
        } else if (flag.text[0] == 's') {
            out_copy(conn, number,
                     (size_t)snprintf(number, sizeof(number), " s%zu", conn->answers->value_size));
        } else if (flag.text[0] == 'f') {
            out_copy(conn, " f0", 3);
        } else if (flag.text[0] == 't') {
            out_copy(conn, " t-1", 4);
        } else if (flag.text[0] == 'c') {
            out_copy(conn, " c1", 3);
        }
    }
    out_reserve(conn, 2 * COPY_MAX_BYTES);
    out_copy(conn, "\r\n", 2);
    if (with_value) {
        out_fixed(conn, conn->answers->value, conn->answers->value_size + 2);
    }
}

/* set, add, replace, append, prepend, cas: the size is the fourth word; ms: the second. */
static void begin_body(struct stub_conn *conn, struct word line, bool is_meta)
{
    struct word size = {0};
    uint64_t n = 0;

    for (int i = 0; i < (is_meta ? 2 : 4); i++) {
        size = next_word(&line);
    }
    for (size_t i = 0; i < size.len && size.text[i] >= '0' && size.text[i] <= '9'; i++) {
        n = n * 10 + (uint64_t)(size.text[i] - '0');
    }
    conn->body_left = n + 2;
    conn->meta_body = is_meta;
    conn->answer_body = true;
    for (struct word word = next_word(&line); word.len > 0; word = next_word(&line)) {
        if (word_is(word, "noreply") || (is_meta && word_is(word, "q"))) {
            conn->answer_body = false;
        }
    }
}

static const struct {
    const char *name;
    const char *answer;
} simple_commands[] = {
    {"version", "VERSION 1.6.18-stub\r\n"},
    {"mn", "MN\r\n"},
    {"delete", "DELETED\r\n"},
    {"touch", "TOUCHED\r\n"},
    {"md", "HD\r\n"},
    {"ma", "HD\r\n"},
    {"me", "EN\r\n"},
    {"incr", "1\r\n"},
    {"decr", "0\r\n"},
    {"flush_all", "OK\r\n"},
    {"verbosity", "OK\r\n"},
    {"stats", "END\r\n"},
};

static void answer_simple(struct stub_conn *conn, struct word name)
{
    for (size_t i = 0; i < sizeof(simple_commands) / sizeof(simple_commands[0]); i++) {
        if (word_is(name, simple_commands[i].name)) {
            out_text(conn, simple_commands[i].answer);
            return;
        }
    }
    out_text(conn, "ERROR\r\n");
}

static void answer_line(struct stub_conn *conn, struct word line)
{
    static const char *const stores[] = {"set", "add", "replace", "append", "prepend", "cas"};
    struct word name = next_word(&line);

    if (word_is(name, "get")) {
        answer_get(conn, line, false);
        return;
    }
    if (word_is(name, "gets")) {
        answer_get(conn, line, true);
        return;
    }
    if (word_is(name, "gat") || word_is(name, "gats")) {
        (void)next_word(&line);
        answer_get(conn, line, name.len == 4);
        return;
    }
    if (word_is(name, "mg")) {
        answer_mg(conn, line);
        return;
    }
    for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        if (word_is(name, stores[i])) {
            begin_body(conn, line, false);
            return;
        }
    }
    if (word_is(name, "ms")) {
        begin_body(conn, line, true);
        return;
    }
    answer_simple(conn, name);
}

/* Answer all whole commands in [text]; returns how many bytes they had. */
size_t stub_answer_input(struct stub_conn *conn, const char *text, size_t len)
{
    size_t at = 0;

    while (at < len && conn->n_unsent == 0) {
        const char *newline;
        struct word line;

        if (conn->body_left > 0) {
            uint64_t n = conn->body_left < len - at ? conn->body_left : len - at;
            at += n;
            conn->body_left -= n;
            if (conn->body_left == 0 && conn->answer_body) {
                out_text(conn, conn->meta_body ? "HD\r\n" : "STORED\r\n");
            }
            continue;
        }
        line.text = text + at;
        newline = memchr(line.text, '\n', len - at);
        if (newline == NULL) {
            break;
        }
        line.len = (size_t)(newline - line.text);
        at += line.len + 1;
        if (line.len > 0 && line.text[line.len - 1] == '\r') {
            line.len--;
        }
        answer_line(conn, line);
    }
    return at;
}

void stub_answer_init(struct stub_answers *answers, size_t value_size)
{
    char head[48];
    size_t n_head;

    answers->value_size = value_size;
    n_head = (size_t)snprintf(head, sizeof(head), " 0 %zu\r\n", value_size);
    answers->n_hit = n_head + value_size + 2;
    answers->hit = util_alloc(1, answers->n_hit);
    memcpy(answers->hit, head, n_head);
    memset(answers->hit + n_head, 'v', value_size);
    memcpy(answers->hit + n_head + value_size, "\r\n", 2);
    answers->value = answers->hit + n_head;

    n_head = (size_t)snprintf(head, sizeof(head), " 0 %zu 1\r\n", value_size);
    answers->n_hit_cas = n_head + value_size + 2;
    answers->hit_cas = util_alloc(1, answers->n_hit_cas);
    memcpy(answers->hit_cas, head, n_head);
    memcpy(answers->hit_cas + n_head, answers->value, value_size + 2);

    answers->out = util_alloc(1, OUT_MAX_BYTES);
}

void stub_answer_begin(struct stub_answers *answers)
{
    answers->n_iov = 0;
    answers->n_out = 0;
}
