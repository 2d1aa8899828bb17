#include "wire/memcache_meta.h"

#include "wire/memcache_scan.h"

#define BAD_FORMAT        "CLIENT_ERROR bad command line format"
#define BAD_TOKEN         "CLIENT_ERROR bad token in command line format"
#define BAD_KEY           "CLIENT_ERROR error decoding key"
#define BAD_INITIAL       "CLIENT_ERROR invalid numeric initial value"
#define BAD_DELTA         "CLIENT_ERROR invalid numeric delta value"
#define BAD_MODE_MS       "CLIENT_ERROR invalid mode for ms M token"
#define BAD_MODE_MA       "CLIENT_ERROR invalid mode for ma M token"
#define BAD_OPAQUE        "CLIENT_ERROR opaque token too long"
#define DUPLICATE_FLAG    "CLIENT_ERROR duplicate flag"
#define INVALID_FLAG      "CLIENT_ERROR invalid flag"
#define INVALID_OR_DOUBLE "CLIENT_ERROR invalid or duplicate flag"
#define TOO_MANY_FLAGS    "CLIENT_ERROR options flags are too long"

/* memcached looks at no token after this one. */
#define TOKENS_SEEN 23u
/* The longest ms line, in tokens, that every release takes: 1.6.18 answers an error to a longer one
 * and then takes its value for commands. */
#define MS_TOKENS_SAFE 19u

/* What stands after a flag's letter. */
enum meta_argument {
    META_ARGUMENT_ANY = 0, /* nothing, or what memcached does not look at */
    META_ARGUMENT_SIGNED,
    META_ARGUMENT_UNSIGNED,
    META_ARGUMENT_FORBIDDEN, /* the letter once meant something else */
};

struct meta_flag {
    enum meta_argument argument;
    const char *error; /* NULL: the error found before stays */
};

/* Letters that are not here are passed on for the shard to judge: newer releases add some. `S` once
 * held the length of the value, and two lengths on one line must not be. */
static const struct meta_flag meta_flags[128] = {
    ['N'] = {META_ARGUMENT_SIGNED, BAD_TOKEN},       ['T'] = {META_ARGUMENT_SIGNED, BAD_TOKEN},
    ['R'] = {META_ARGUMENT_SIGNED, BAD_TOKEN},       ['C'] = {META_ARGUMENT_UNSIGNED, BAD_TOKEN},
    ['E'] = {META_ARGUMENT_UNSIGNED, BAD_TOKEN},     ['F'] = {META_ARGUMENT_UNSIGNED, NULL},
    ['J'] = {META_ARGUMENT_UNSIGNED, BAD_INITIAL},   ['D'] = {META_ARGUMENT_UNSIGNED, BAD_DELTA},
    ['S'] = {META_ARGUMENT_FORBIDDEN, INVALID_FLAG},
};

/* The line as tokens; flags[] are those after the key and, for ms, the length. */
struct meta_line {
    struct slice key;
    struct slice length;
    struct slice flags[TOKENS_SEEN];
    uint32_t n_flags;  /* in flags[] */
    uint32_t n_tokens; /* on the line, the word included */
    size_t tight_len;  /* of the line, with single spaces and without its end */
    bool bad_bytes;    /* CR or NUL somewhere */
};

static bool is_letter(uint8_t c)
{
    return (uint8_t)((c | 0x20) - 'a') < 26;
}

/* memcached's tokenizer takes only these at the start of a flag, and judges them later. */
static bool starts_flag(uint8_t c)
{
    return (c >= 'A' && c <= 'z') || (c >= '0' && c <= '9');
}

static struct slice take_token(struct slice *rest, struct meta_line *line)
{
    struct slice token = scan_token(rest);
    if (token.len > 0) {
        line->n_tokens++;
        line->tight_len += 1 + token.len;
    }
    return token;
}

/* Returns false for a line that memcached cannot split: a flag that starts with another byte. */
static bool split_line(struct slice rest, bool has_length, struct meta_line *line)
{
    line->n_tokens = 1;
    line->n_flags = 0;
    line->tight_len = sizeof("mg") - 1;
    line->bad_bytes = rest.len > 0 && (memchr(rest.data, '\r', rest.len) != NULL ||
                                       memchr(rest.data, '\0', rest.len) != NULL);
    line->length = (struct slice){NULL, 0};
    line->key = take_token(&rest, line);
    if (has_length) {
        line->length = take_token(&rest, line);
    }
    struct slice token = take_token(&rest, line);
    for (; token.len > 0; token = take_token(&rest, line)) {
        if (line->n_tokens > TOKENS_SEEN) {
            continue;
        }
        if (!starts_flag(token.data[0])) {
            return false;
        }
        line->flags[line->n_flags++] = token;
    }
    return true;
}

/* The six bits of a base64 digit; 0x80 for every other byte. Padding counts as zero. */
static uint8_t base64_bits(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return (uint8_t)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (uint8_t)(c - 'a' + 26);
    }
    if (c >= '0' && c <= '9') {
        return (uint8_t)(c - '0' + 52);
    }
    return c == '+' ? 62 : c == '/' ? 63 : c == '=' ? 0 : 0x80;
}

static size_t count_base64(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += base64_bits(text.data[i]) != 0x80;
    }
    return count;
}

/*
 * Decode as memcached does, so that both route and store by the same bytes: bytes outside the
 * alphabet are skipped, what follows the padding is ignored. Returns the length, 0 on failure;
 * [out] needs three quarters of [text].
 */
static uint32_t decode_base64(struct slice text, uint8_t *out)
{
    if (count_base64(text) % 4 != 0) {
        return 0;
    }
    uint32_t bits = 0;
    uint32_t n_digits = 0;
    uint32_t n_padding = 0;
    uint32_t n_out = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t six = base64_bits(text.data[i]);
        if (six == 0x80) {
            continue;
        }
        bits = bits << 6 | six;
        n_padding += text.data[i] == '=';
        if (++n_digits % 4 != 0) {
            continue;
        }
        out[n_out++] = (uint8_t)(bits >> 16);
        out[n_out++] = (uint8_t)(bits >> 8);
        out[n_out++] = (uint8_t)bits;
        if (n_padding > 0) {
            break;
        }
    }
    return n_padding > 2 ? 0 : n_out - n_padding;
}

static bool decode_key(struct memcache_request *out)
{
    out->base64_key = true;
    out->key_decoded_len = decode_base64(out->key, out->key_decoded);
    return out->key_decoded_len > 0;
}

/* What a proxy must know of one flag. */
static void note_flag(uint8_t letter, struct memcache_request *out)
{
    bool get = out->command == MEMCACHE_MG;
    switch (letter) {
    case 'q':
        out->quiet = true;
        break;
    case 'c':
        out->return_cas = get;
        break;
    case 'N':
    case 'R':
        out->vivify = out->vivify || get;
        break;
    }
}

static bool argument_ok(enum meta_argument kind, struct slice argument)
{
    switch (kind) {
    case META_ARGUMENT_ANY:
        return true;
    case META_ARGUMENT_SIGNED:
        return scan_is_signed(argument);
    case META_ARGUMENT_UNSIGNED:
        return scan_is_unsigned(argument);
    case META_ARGUMENT_FORBIDDEN:
        return false;
    }
    return false;
}

/*
 * Check the flags from left to right. A double or impossible flag ends the search; of the other
 * errors the last one is answered.
 */
static const char *check_flags(const struct meta_line *line, struct memcache_request *out)
{
    uint64_t seen[2] = {0, 0};
    bool failed = false;
    const char *error = BAD_FORMAT;
    for (uint32_t i = 0; i < line->n_flags; i++) {
        struct slice flag = line->flags[i];
        uint8_t letter = flag.data[0];
        uint64_t bit = UINT64_C(1) << (letter & 63);
        if ((seen[letter >> 6] & bit) != 0) {
            return DUPLICATE_FLAG;
        }
        seen[letter >> 6] |= bit;
        const struct meta_flag *known = &meta_flags[letter];
        if (!is_letter(letter) || known->argument == META_ARGUMENT_FORBIDDEN) {
            return INVALID_FLAG;
        }
        if (letter == 'b' && !decode_key(out)) {
            failed = true;
            error = BAD_KEY;
        }
        if (!argument_ok(known->argument, slice_skip(flag, 1))) {
            failed = true;
            error = known->error != NULL ? known->error : error;
        }
        note_flag(letter, out);
    }
    return failed ? error : NULL;
}

/* The mode and the opaque token are looked at after all flags were found good. */
static const char *check_arguments(const struct meta_line *line, enum memcache_command command)
{
    const char *modes = command == MEMCACHE_MS ? "EAPRS" : "ID+-";
    const char *error = NULL;
    for (uint32_t i = 0; i < line->n_flags; i++) {
        struct slice flag = line->flags[i];
        if (flag.data[0] == 'O' && flag.len > MEMCACHE_OPAQUE_MAX && error == NULL) {
            error = BAD_OPAQUE;
        }
        if (flag.data[0] == 'M' && (command == MEMCACHE_MS || command == MEMCACHE_MA) &&
            (flag.len < 2 || strchr(modes, flag.data[1]) == NULL)) {
            error = command == MEMCACHE_MS ? BAD_MODE_MS : BAD_MODE_MA;
        }
    }
    return error;
}

static const char *check_line(const struct meta_line *line, struct memcache_request *out)
{
    if (line->key.len > MEMCACHE_KEY_MAX) {
        return out->command == MEMCACHE_MA ? INVALID_OR_DOUBLE : BAD_FORMAT;
    }
    if (line->bad_bytes) {
        return BAD_FORMAT;
    }
    if (line->n_tokens > MEMCACHE_FLAGS_MAX) {
        return out->command == MEMCACHE_MA ? INVALID_OR_DOUBLE : TOO_MANY_FLAGS;
    }
    const char *error = check_flags(line, out);
    if (error != NULL) {
        return out->command == MEMCACHE_MA ? INVALID_OR_DOUBLE : error;
    }
    error = check_arguments(line, out->command);
    if (error == NULL && out->command == MEMCACHE_MS &&
        line->n_tokens - (out->quiet ? 1 : 0) > MS_TOKENS_SAFE) {
        error = TOO_MANY_FLAGS;
    }
    return error;
}

/* me looks at its first flag only, and takes any number of them. */
static const char *check_debug_line(const struct meta_line *line, struct memcache_request *out)
{
    if (line->key.len > MEMCACHE_KEY_MAX || line->bad_bytes) {
        return BAD_FORMAT;
    }
    if (line->n_flags > 0 && slice_is(line->flags[0], "b") && !decode_key(out)) {
        return BAD_FORMAT;
    }
    return NULL;
}

static bool parse_length(struct slice text, struct memcache_request *out)
{
    int64_t length = 0;
    if (!scan_int32(text, &length) || length < 0 || length > INT32_MAX - 2) {
        return false;
    }
    out->value_len = (uint64_t)length;
    return true;
}

/* Single spaces, CRLF, and nothing to take out? */
static bool is_verbatim(const struct meta_line *line, const struct memcache_request *out)
{
    size_t len = line->tight_len;
    return !out->quiet && out->line.len == len + 2 && out->line.data[len] == '\r';
}

enum memcache_parse memcache_meta_parse(struct slice rest, struct memcache_request *out)
{
    struct meta_line line;
    bool set = out->command == MEMCACHE_MS;
    out->error = BAD_FORMAT;
    if (!split_line(rest, set, &line) || line.key.len == 0 ||
        (set && !parse_length(line.length, out))) {
        return MEMCACHE_PARSE_ERROR;
    }
    out->key = line.key;
    out->args = scan_trim(scan_between(line.key.data + line.key.len, rest.data + rest.len));
    bool debug = out->command == MEMCACHE_ME;
    out->error = debug ? check_debug_line(&line, out) : check_line(&line, out);
    if (out->error != NULL) {
        out->swallow = set ? out->value_len + 2 : 0;
        return MEMCACHE_PARSE_ERROR;
    }
    out->verbatim = is_verbatim(&line, out);
    return MEMCACHE_PARSE_REQUEST;
}
