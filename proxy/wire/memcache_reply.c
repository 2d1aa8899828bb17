#include "wire/memcache_reply.h"

#include "wire/memcache_scan.h"

#define VALUE_MAX           INT32_MAX /* bytes in a value that a shard may announce */
#define MAY_OVERFLOW_DIGITS 20        /* shorter numbers always fit 64 bits */

/* What may stand between a reply's word and its CRLF. */
enum reply_tail {
    TAIL_NONE,
    TAIL_TEXT,     /* nothing, or a space and anything */
    TAIL_REQUIRED, /* a space and anything */
    TAIL_LENGTH,   /* a space, a length, nothing or a space and anything */
};

struct reply_word {
    const char *word;
    uint8_t len;
    uint8_t type;
    uint8_t tail;
};

/* VALUE and numbers are not here. The frequent ones come first. */
static const struct reply_word reply_words[] = {
#define WORD(word, type, tail)                                                                     \
    {                                                                                              \
        word, sizeof(word) - 1, MEMCACHE_REPLY_##type, tail                                        \
    }
    WORD("END", END, TAIL_NONE),
    WORD("STORED", STORED, TAIL_NONE),
    WORD("HD", HD, TAIL_TEXT),
    WORD("VA", VA, TAIL_LENGTH),
    WORD("EN", EN, TAIL_TEXT),
    WORD("NOT_FOUND", NOT_FOUND, TAIL_NONE),
    WORD("DELETED", DELETED, TAIL_NONE),
    WORD("TOUCHED", TOUCHED, TAIL_NONE),
    WORD("NOT_STORED", NOT_STORED, TAIL_NONE),
    WORD("EXISTS", EXISTS, TAIL_NONE),
    WORD("NF", NF, TAIL_TEXT),
    WORD("NS", NS, TAIL_TEXT),
    WORD("EX", EX, TAIL_TEXT),
    WORD("MN", MN, TAIL_TEXT),
    WORD("ME", ME, TAIL_REQUIRED),
    WORD("OK", OK, TAIL_NONE),
    WORD("VERSION", VERSION, TAIL_REQUIRED),
    WORD("ERROR", ERROR, TAIL_TEXT),
    WORD("CLIENT_ERROR", CLIENT_ERROR, TAIL_TEXT),
    WORD("SERVER_ERROR", SERVER_ERROR, TAIL_TEXT),
#undef WORD
};

/* A space and a decimal number at [p]; returns what follows it, or NULL. */
static const uint8_t *parse_number(const uint8_t *p, const uint8_t *end, uint64_t *value)
{
    uint64_t sum = 0;
    if (p == end || *p != ' ') {
        return NULL;
    }
    const uint8_t *start = ++p;
    for (; p < end && (uint8_t)(*p - '0') <= 9; p++) {
        sum = sum * 10 + (uint64_t)(*p - '0');
    }
    *value = sum;
    if (p - start >= MAY_OVERFLOW_DIGITS) {
        return scan_digits(scan_between(start, p), value) ? p : NULL;
    }
    return p > start ? p : NULL;
}

/* key flags bytes [cas unique]; [p] stands after VALUE and its space. */
static int parse_value(const uint8_t *p, const uint8_t *end, struct memcache_reply *out)
{
    uint64_t number = 0;
    const uint8_t *key_end = scan_key_end(p, end);
    out->key = scan_between(p, key_end);
    if (out->key.len == 0 || out->key.len > MEMCACHE_KEY_MAX) {
        return -1;
    }
    p = parse_number(key_end, end, &number);
    p = p != NULL ? parse_number(p, end, &out->value_len) : NULL;
    if (p == NULL || out->value_len > VALUE_MAX) {
        return -1;
    }
    if (p < end) {
        out->has_cas = true;
        p = parse_number(p, end, &number);
    }
    out->type = MEMCACHE_REPLY_VALUE;
    return p == end ? 1 : -1;
}

/* incr and decr: digits, then the spaces that fill up a number that became shorter. */
static int parse_counter(struct slice text, struct memcache_reply *out)
{
    uint64_t number = 0;
    out->type = MEMCACHE_REPLY_NUMBER;
    return scan_digits(scan_trim(text), &number) ? 1 : -1;
}

static bool tail_ok(enum reply_tail kind, struct slice tail, struct memcache_reply *out)
{
    bool spaced = tail.len > 0 && tail.data[0] == ' ';
    switch (kind) {
    case TAIL_NONE:
        return tail.len == 0;
    case TAIL_TEXT:
        return tail.len == 0 || spaced;
    case TAIL_REQUIRED:
        return spaced;
    case TAIL_LENGTH: {
        const uint8_t *end = tail.data + tail.len;
        const uint8_t *p = parse_number(tail.data, end, &out->value_len);
        return p != NULL && out->value_len <= VALUE_MAX && (p == end || *p == ' ');
    }
    }
    return false;
}

static int parse_word(struct slice text, struct memcache_reply *out)
{
    size_t len = 0;
    while (len < text.len && text.data[len] != ' ') {
        len++;
    }
    for (size_t i = 0; i < sizeof(reply_words) / sizeof(reply_words[0]); i++) {
        const struct reply_word *known = &reply_words[i];
        if (known->len == len && memcmp(known->word, text.data, len) == 0) {
            out->type = (enum memcache_reply_type)known->type;
            return tail_ok((enum reply_tail)known->tail, slice_skip(text, len), out) ? 1 : -1;
        }
    }
    return -1;
}

/* Every reply starts with a capital letter or a digit: an answer in another protocol shows early.
 */
static bool may_start_reply(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int memcache_reply_parse(struct slice in, struct memcache_reply *out)
{
    if (in.len == 0) {
        return 0;
    }
    if (!may_start_reply(in.data[0])) {
        return -1;
    }
    size_t searched = in.len < MEMCACHE_REPLY_LINE_MAX ? in.len : MEMCACHE_REPLY_LINE_MAX;
    const uint8_t *lf = memchr(in.data, '\n', searched);
    if (lf == NULL) {
        return searched < MEMCACHE_REPLY_LINE_MAX ? 0 : -1;
    }
    if (lf == in.data || lf[-1] != '\r') {
        return -1;
    }
    out->line = scan_between(in.data, lf + 1);
    out->key = slice_make(in.data, 0);
    out->has_cas = false;
    out->value_len = 0;
    struct slice text = scan_between(in.data, lf - 1);
    if (text.len > 6 && memcmp(text.data, "VALUE ", 6) == 0) {
        return parse_value(text.data + 6, text.data + text.len, out);
    }
    if (text.len > 0 && text.data[0] <= '9') {
        return parse_counter(text, out);
    }
    return parse_word(text, out);
}

#define BIT(type)    (UINT32_C(1) << MEMCACHE_REPLY_##type)
#define ERROR_BITS   (BIT(ERROR) | BIT(CLIENT_ERROR) | BIT(SERVER_ERROR))
#define STORE_BITS   (BIT(STORED) | BIT(NOT_STORED))
#define VALUES_BITS  (BIT(VALUE) | BIT(END))
#define COUNTER_BITS (BIT(NUMBER) | BIT(NOT_FOUND))

static const uint32_t fitting[MEMCACHE_N_COMMANDS] = {
    [MEMCACHE_GET] = VALUES_BITS,
    [MEMCACHE_GETS] = VALUES_BITS,
    [MEMCACHE_GAT] = VALUES_BITS,
    [MEMCACHE_GATS] = VALUES_BITS,
    [MEMCACHE_SET] = STORE_BITS,
    [MEMCACHE_ADD] = STORE_BITS,
    [MEMCACHE_REPLACE] = STORE_BITS,
    [MEMCACHE_APPEND] = STORE_BITS,
    [MEMCACHE_PREPEND] = STORE_BITS,
    [MEMCACHE_CAS] = STORE_BITS | BIT(EXISTS) | BIT(NOT_FOUND),
    [MEMCACHE_DELETE] = BIT(DELETED) | BIT(NOT_FOUND),
    [MEMCACHE_INCR] = COUNTER_BITS,
    [MEMCACHE_DECR] = COUNTER_BITS,
    [MEMCACHE_TOUCH] = BIT(TOUCHED) | BIT(NOT_FOUND),
    [MEMCACHE_MG] = BIT(HD) | BIT(VA) | BIT(EN),
    [MEMCACHE_MS] = BIT(HD) | BIT(NS) | BIT(EX) | BIT(NF),
    [MEMCACHE_MD] = BIT(HD) | BIT(NF) | BIT(EX) | BIT(NS),
    [MEMCACHE_MA] = BIT(HD) | BIT(VA) | BIT(NF) | BIT(EX) | BIT(NS),
    [MEMCACHE_ME] = BIT(ME) | BIT(EN),
    [MEMCACHE_MN] = BIT(MN),
    [MEMCACHE_VERSION] = BIT(VERSION),
    [MEMCACHE_VERBOSITY] = BIT(OK),
    [MEMCACHE_FLUSH_ALL] = BIT(OK),
};

/* A miss of md or ma is shown even when quiet, and so is every hit of mg. */
static const uint32_t hidden_when_quiet[MEMCACHE_N_COMMANDS] = {
    [MEMCACHE_MG] = BIT(EN),
    [MEMCACHE_MS] = BIT(HD),
    [MEMCACHE_MD] = BIT(HD),
    [MEMCACHE_MA] = BIT(HD) | BIT(VA),
};

bool memcache_reply_fits(enum memcache_command command, enum memcache_reply_type type)
{
    return (((fitting[command] | ERROR_BITS) >> type) & 1) != 0;
}

bool memcache_reply_is_error(enum memcache_reply_type type)
{
    return ((ERROR_BITS >> type) & 1) != 0;
}

bool memcache_reply_shown_when_quiet(enum memcache_command command, enum memcache_reply_type type)
{
    return ((hidden_when_quiet[command] >> type) & 1) == 0;
}
