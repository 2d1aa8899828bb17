#include "wire/memcache_request.h"

#include "wire/memcache_meta.h"
#include "wire/memcache_scan.h"

#define BAD_FORMAT    "CLIENT_ERROR bad command line format"
#define BAD_DELETE    "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]"
#define BAD_EXPTIME   "CLIENT_ERROR invalid exptime argument"
#define BAD_DELTA     "CLIENT_ERROR invalid numeric delta argument"
#define BINARY        "CLIENT_ERROR the binary protocol is not supported"
#define LINE_TOO_LONG "CLIENT_ERROR line too long"
#define UNKNOWN       "ERROR"

#define BINARY_MAGIC 0x80
/* memcached takes no line this short for a command, not even `mn` and LF. */
#define LINE_MIN 4u
/* The longest value whose length with its CRLF fits an int. */
#define VALUE_MAX (INT32_MAX - 2)

struct command_info {
    const char *word;
    uint8_t word_len;
    enum memcache_class class;
};

/* REFUSED commands are not in the table of commands: to a client they do not exist. */
static const struct command_info commands[MEMCACHE_N_COMMANDS] = {
#define X(name, word, class) [MEMCACHE_##name] = {word, sizeof(word) - 1, MEMCACHE_CLASS_##class},
#include "wire/memcache_commands.def"
#undef X
};

const char *memcache_command_name(enum memcache_command command)
{
    return commands[command].word;
}

enum memcache_class memcache_command_class(enum memcache_command command)
{
    return commands[command].class;
}

/* The only command that a word of these bytes can be; to be compared in full. */
static enum memcache_command guess_short(const uint8_t *word, size_t len)
{
    switch (len << 8 | (len == 2 ? word[1] : word[0])) {
    case 2 << 8 | 'g':
        return MEMCACHE_MG;
    case 2 << 8 | 's':
        return MEMCACHE_MS;
    case 2 << 8 | 'd':
        return MEMCACHE_MD;
    case 2 << 8 | 'a':
        return MEMCACHE_MA;
    case 2 << 8 | 'e':
        return MEMCACHE_ME;
    case 2 << 8 | 'n':
        return MEMCACHE_MN;
    case 3 << 8 | 'g':
        return word[1] == 'e' ? MEMCACHE_GET : MEMCACHE_GAT;
    case 3 << 8 | 's':
        return MEMCACHE_SET;
    case 3 << 8 | 'a':
        return MEMCACHE_ADD;
    case 3 << 8 | 'c':
        return MEMCACHE_CAS;
    case 4 << 8 | 'g':
        return word[1] == 'e' ? MEMCACHE_GETS : MEMCACHE_GATS;
    case 4 << 8 | 'i':
        return MEMCACHE_INCR;
    case 4 << 8 | 'd':
        return MEMCACHE_DECR;
    case 4 << 8 | 'q':
        return MEMCACHE_QUIT;
    }
    return MEMCACHE_N_COMMANDS;
}

static enum memcache_command guess_long(const uint8_t *word, size_t len)
{
    switch (len << 8 | word[0]) {
    case 5 << 8 | 't':
        return MEMCACHE_TOUCH;
    case 5 << 8 | 's':
        return MEMCACHE_STATS;
    case 6 << 8 | 'd':
        return MEMCACHE_DELETE;
    case 6 << 8 | 'a':
        return MEMCACHE_APPEND;
    case 7 << 8 | 'r':
        return MEMCACHE_REPLACE;
    case 7 << 8 | 'p':
        return MEMCACHE_PREPEND;
    case 7 << 8 | 'v':
        return MEMCACHE_VERSION;
    case 9 << 8 | 'v':
        return MEMCACHE_VERBOSITY;
    case 9 << 8 | 'f':
        return MEMCACHE_FLUSH_ALL;
    }
    return MEMCACHE_N_COMMANDS;
}

/* MEMCACHE_N_COMMANDS for a word that is no command. */
static enum memcache_command find_command(const uint8_t *word, size_t len)
{
    if (len < 2) {
        return MEMCACHE_N_COMMANDS;
    }
    enum memcache_command guess = len <= 4 ? guess_short(word, len) : guess_long(word, len);
    if (guess != MEMCACHE_N_COMMANDS && memcmp(word, commands[guess].word, len) != 0) {
        return MEMCACHE_N_COMMANDS;
    }
    return guess;
}

/* Everything but key_decoded, which is large and only read up to key_decoded_len. */
static void clear(struct memcache_request *out, struct slice line)
{
    const struct slice none = {line.data, 0};
    out->command = MEMCACHE_N_COMMANDS;
    out->noreply = false;
    out->quiet = false;
    out->base64_key = false;
    out->return_cas = false;
    out->vivify = false;
    out->verbatim = false;
    out->line = line;
    out->key = none;
    out->keys = none;
    out->n_keys = 0;
    out->args = none;
    out->value_len = 0;
    out->key_decoded_len = 0;
    out->error = NULL;
    out->swallow = 0;
}

static enum memcache_parse fail(struct memcache_request *out, const char *error)
{
    out->error = error;
    return MEMCACHE_PARSE_ERROR;
}

/* For errors that memcached finds after it has seen the noreply, and then keeps to itself. */
static enum memcache_parse fail_unless_noreply(struct memcache_request *out, const char *error)
{
    return fail(out, out->noreply ? NULL : error);
}

static enum memcache_parse close_with(struct memcache_request *out, const char *error)
{
    out->error = error;
    return MEMCACHE_PARSE_CLOSE;
}

/* Take the key off [rest], up to its first CR or NUL; *good: 1..250 bytes and neither in it. */
static struct slice take_key(struct slice *rest, bool *good)
{
    struct slice key = scan_key(rest);
    bool whole = rest->len == 0 || rest->data[0] == ' ';
    *good = key.len >= 1 && key.len <= MEMCACHE_KEY_MAX && whole;
    if (!whole) {
        scan_token(rest);
    }
    return key;
}

static bool ends_in_noreply(struct slice text)
{
    const size_t len = sizeof(" noreply") - 1;
    return text.len >= len && memcmp(text.data + text.len - len, " noreply", len) == 0;
}

/* Is the line, CRLF and single spaces, what its word and [len] bytes of tokens after it make? */
static bool is_canonical(const struct memcache_request *out, size_t len)
{
    len += commands[out->command].word_len + 2u;
    return out->line.len == len && out->line.data[len - 2] == '\r';
}

/* get, gets: keys. gat, gats: an exptime, then keys. */
static enum memcache_parse parse_retrieval(struct slice rest, struct memcache_request *out)
{
    size_t canonical = 0;
    bool touches = out->command == MEMCACHE_GAT || out->command == MEMCACHE_GATS;
    if (touches) {
        out->args = scan_token(&rest);
        canonical = 1 + out->args.len;
    }
    rest = scan_trim(rest);
    if (rest.len == 0) {
        return fail(out, BAD_FORMAT);
    }
    int64_t exptime = 0;
    if (touches && !scan_int32(out->args, &exptime)) {
        return fail(out, BAD_EXPTIME);
    }
    out->keys = rest;
    while (rest.len > 0) {
        bool good = false;
        struct slice key = take_key(&rest, &good);
        if (!good) {
            return fail(out, BAD_FORMAT);
        }
        out->key = out->n_keys == 0 ? key : out->key;
        out->n_keys++;
        canonical += 1 + key.len;
    }
    out->verbatim = is_canonical(out, canonical);
    return MEMCACHE_PARSE_REQUEST;
}

/* key flags exptime length [cas unique] [noreply]; anything else behind is ignored. */
static enum memcache_parse parse_storage(struct slice rest, struct memcache_request *out)
{
    out->noreply = ends_in_noreply(rest);
    bool good_key = false;
    out->key = take_key(&rest, &good_key);
    struct slice flags = scan_token(&rest);
    struct slice exptime = scan_token(&rest);
    struct slice last = scan_token(&rest);
    int64_t value_len = 0;
    if (last.len == 0 || !scan_int32(last, &value_len) || value_len < 0 || value_len > VALUE_MAX) {
        return fail(out, BAD_FORMAT);
    }
    out->value_len = (uint64_t)value_len;
    size_t canonical = 4 + out->key.len + flags.len + exptime.len + last.len;
    if (out->command == MEMCACHE_CAS) {
        last = scan_token(&rest);
        canonical += 1 + last.len;
    }
    if (!good_key || !scan_is_unsigned(flags) || !scan_is_signed(exptime) ||
        !scan_is_unsigned(last)) {
        out->swallow = out->value_len + 2;
        return fail_unless_noreply(out, BAD_FORMAT);
    }
    out->args = scan_between(flags.data, last.data + last.len);
    out->verbatim = is_canonical(out, canonical);
    return MEMCACHE_PARSE_REQUEST;
}

/* incr, decr, touch: a key and a number; anything but noreply behind is ignored. */
static enum memcache_parse parse_number(struct slice rest, struct memcache_request *out)
{
    bool noreply = ends_in_noreply(rest);
    bool good_key = false;
    out->key = take_key(&rest, &good_key);
    out->args = scan_token(&rest);
    if (out->args.len == 0) {
        return fail(out, BAD_FORMAT);
    }
    out->noreply = noreply;
    if (!good_key) {
        return fail_unless_noreply(out, BAD_FORMAT);
    }
    bool touch = out->command == MEMCACHE_TOUCH;
    if (touch ? !scan_is_signed(out->args) : !scan_is_unsigned(out->args)) {
        return fail_unless_noreply(out, touch ? BAD_EXPTIME : BAD_DELTA);
    }
    out->verbatim = is_canonical(out, 2 + out->key.len + out->args.len);
    return MEMCACHE_PARSE_REQUEST;
}

/*
 * key [0] [noreply]. The 0 is what some old clients send; nothing else may stand there.
 *
 * In `delete noreply` the word is key and noreply at once, as memcached has it. A shard must answer
 * all the same, so the 0 is put there.
 */
static enum memcache_parse parse_delete(struct slice rest, struct memcache_request *out)
{
    if (rest.len == 0) {
        return fail(out, BAD_FORMAT);
    }
    out->noreply = ends_in_noreply(rest);
    bool good_key = false;
    out->key = take_key(&rest, &good_key);
    if (!good_key) {
        return fail_unless_noreply(out, BAD_FORMAT);
    }
    size_t canonical = 1 + out->key.len;
    struct slice next = scan_token(&rest);
    if (slice_is(next, "0")) {
        out->args = next;
        canonical += 2;
        next = scan_token(&rest);
    } else if (slice_is(out->key, "noreply")) {
        out->args = slice_of("0");
    }
    if (out->noreply && slice_is(next, "noreply")) {
        next = scan_token(&rest);
    }
    if (next.len > 0) {
        return fail_unless_noreply(out, BAD_DELETE);
    }
    out->verbatim = !out->noreply && is_canonical(out, canonical);
    return MEMCACHE_PARSE_REQUEST;
}

static enum memcache_parse parse_single(struct slice rest, struct memcache_request *out)
{
    return out->command == MEMCACHE_DELETE ? parse_delete(rest, out) : parse_number(rest, out);
}

/* [exptime] [noreply]; anything behind is ignored. */
static enum memcache_parse parse_flush(struct slice rest, struct memcache_request *out)
{
    out->noreply = ends_in_noreply(rest);
    out->args = scan_token(&rest);
    if (out->noreply && scan_trim(rest).len == 0) {
        out->args.len = 0;
    }
    int64_t exptime = 0;
    if (out->args.len > 0 && !scan_int32(out->args, &exptime)) {
        return fail_unless_noreply(out, BAD_EXPTIME);
    }
    out->verbatim = !out->noreply && is_canonical(out, out->args.len > 0 ? 1 + out->args.len : 0);
    return MEMCACHE_PARSE_REQUEST;
}

/* Commands that the proxy answers itself; only verbosity is looked at further. */
static enum memcache_parse parse_local(struct slice rest, struct memcache_request *out)
{
    out->args = scan_trim(rest);
    if (out->command != MEMCACHE_VERBOSITY) {
        return MEMCACHE_PARSE_REQUEST;
    }
    out->noreply = ends_in_noreply(rest);
    struct slice level = scan_token(&rest);
    uint64_t number = 0;
    if (!scan_digits(level, &number) || number > UINT32_MAX) {
        return fail_unless_noreply(out, BAD_FORMAT);
    }
    out->args = level;
    return MEMCACHE_PARSE_REQUEST;
}

/* The last token of a line with two or more. */
static struct slice last_token(struct slice text)
{
    size_t at = text.len;
    while (at > 0 && text.data[at - 1] != ' ') {
        at--;
    }
    return at == 0 ? (struct slice){text.data, 0} : slice_skip(text, at);
}

/*
 * No command of ours. Silent with noreply, as newer memcached is: it reads a noreply before
 * it knows that there is no such command. What looks like HTTP is another protocol's request, made
 * by somebody's browser on behalf of somebody else, and its next lines must not be read as
 * commands.
 */
static enum memcache_parse parse_unknown(struct slice text, struct memcache_request *out)
{
    if (slice_starts_with(last_token(text), slice_of("HTTP/")) ||
        slice_starts_with(text, slice_of("POST /"))) {
        return close_with(out, NULL);
    }
    out->noreply = ends_in_noreply(text);
    return fail_unless_noreply(out, UNKNOWN);
}

/* [text]: the line without its end and without the spaces before it. */
static enum memcache_parse parse_text(struct slice text, struct memcache_request *out)
{
    size_t word_len = 0;
    while (word_len < text.len && text.data[word_len] != ' ') {
        word_len++;
    }
    out->command = find_command(text.data, word_len);
    if (out->command == MEMCACHE_N_COMMANDS) {
        return parse_unknown(text, out);
    }
    struct slice rest = slice_skip(text, word_len);
    switch (commands[out->command].class) {
    case MEMCACHE_CLASS_RETRIEVAL:
        return parse_retrieval(rest, out);
    case MEMCACHE_CLASS_STORAGE:
        return parse_storage(rest, out);
    case MEMCACHE_CLASS_SINGLE:
        return parse_single(rest, out);
    case MEMCACHE_CLASS_META:
    case MEMCACHE_CLASS_META_SET:
        return memcache_meta_parse(rest, out);
    case MEMCACHE_CLASS_LOCAL:
        return parse_local(rest, out);
    case MEMCACHE_CLASS_FANOUT:
        return parse_flush(rest, out);
    }
    return fail(out, UNKNOWN);
}

static enum memcache_parse parse_line(struct slice line, struct memcache_request *out)
{
    clear(out, line);
    if (line.len < LINE_MIN) {
        return fail(out, BAD_FORMAT);
    }
    size_t len = line.len - (line.data[line.len - 2] == '\r' ? 2 : 1);
    while (len > 0 && line.data[len - 1] == ' ') {
        len--;
    }
    return parse_text(slice_make(line.data, len), out);
}

static bool is_key_list(struct slice in)
{
    return slice_starts_with(in, slice_of("get ")) || slice_starts_with(in, slice_of("gets ")) ||
           slice_starts_with(in, slice_of("gat ")) || slice_starts_with(in, slice_of("gats "));
}

/* Only a list of keys may be longer than MEMCACHE_LINE_MAX. */
static bool is_too_long(struct slice line, size_t line_max)
{
    return line.len > MEMCACHE_LINE_MAX && (line.len > line_max || !is_key_list(line));
}

enum memcache_parse memcache_request_parse(struct slice in, size_t *scanned, size_t line_max,
                                           struct memcache_request *out)
{
    if (in.len == *scanned) {
        return MEMCACHE_PARSE_MORE;
    }
    if (in.data[0] == BINARY_MAGIC) {
        clear(out, in);
        return close_with(out, BINARY);
    }
    const uint8_t *end = memchr(in.data + *scanned, '\n', in.len - *scanned);
    struct slice line = end != NULL ? scan_between(in.data, end + 1) : in;
    if (is_too_long(line, line_max)) {
        clear(out, line);
        return close_with(out, is_key_list(line) ? LINE_TOO_LONG : NULL);
    }
    if (end == NULL) {
        *scanned = in.len;
        return MEMCACHE_PARSE_MORE;
    }
    *scanned = 0;
    return parse_line(line, out);
}

struct slice memcache_keys_next(struct slice *rest)
{
    return scan_key(rest);
}

struct slice memcache_request_route_key(const struct memcache_request *request)
{
    return request->base64_key ? slice_make(request->key_decoded, request->key_decoded_len)
                               : request->key;
}

static uint8_t *write_token(uint8_t *out, struct slice token)
{
    *out = ' ';
    memcpy(out + 1, token.data, token.len);
    return out + 1 + token.len;
}

size_t memcache_request_write_line(const struct memcache_request *request, uint8_t *out)
{
    if (request->verbatim) {
        memcpy(out, request->line.data, request->line.len);
        return request->line.len;
    }
    const struct command_info *info = &commands[request->command];
    bool key_last = info->class == MEMCACHE_CLASS_RETRIEVAL;
    uint8_t *p = out;
    memcpy(p, info->word, info->word_len);
    p += info->word_len;
    if (request->key.len > 0 && !key_last) {
        p = write_token(p, request->key);
    }
    struct slice rest = request->args;
    for (struct slice token = scan_token(&rest); token.len > 0; token = scan_token(&rest)) {
        if (!request->quiet || token.data[0] != 'q') {
            p = write_token(p, token);
        }
    }
    if (key_last) {
        p = write_token(p, request->key);
    }
    /* The 0 that `delete noreply` gets may leave no room; memcached takes a bare LF, too. */
    if ((size_t)(p - out) <= request->line.len) {
        *p++ = '\r';
    }
    *p++ = '\n';
    return (size_t)(p - out);
}
