/*
 * The classic memcached commands and the framing of lines. Meta commands: test_memcache_meta.c.
 */
#include "support/memcache_cases.h"

#define USAGE       BCLF ".  Usage: delete <key> [noreply]"
#define BAD_EXPTIME "CLIENT_ERROR invalid exptime argument"
#define BAD_DELTA   "CLIENT_ERROR invalid numeric delta argument"

static const struct good_case retrieval_cases[] = {
    {LINE("get a\r\n"), MEMCACHE_GET, "a", "", VERBATIM, 0, "get a\r\n"},
    {LINE("get a\n"), MEMCACHE_GET, "a", "", 0, 0, "get a\r\n"},
    {LINE("get   a  \r\n"), MEMCACHE_GET, "a", "", 0, 0, "get a\r\n"},
    {LINE("get  a\n"), MEMCACHE_GET, "a", "", 0, 0, "get a\r\n"},
    {LINE("gets abcdefghijklmnop\r\n"), MEMCACHE_GETS, "abcdefghijklmnop", "", VERBATIM, 0,
     "gets abcdefghijklmnop\r\n"},
    {LINE("get noreply\r\n"), MEMCACHE_GET, "noreply", "", VERBATIM, 0, "get noreply\r\n"},
    {LINE("get / HTTP/1.1\r\n"), MEMCACHE_GET, "/", "", VERBATIM, 0, NULL},
    {LINE("get " K250 "\r\n"), MEMCACHE_GET, K250, "", VERBATIM, 0, "get " K250 "\r\n"},
    {LINE("get \x01\t\x1b\x7f\xc3\xbc\r\n"), MEMCACHE_GET, "\x01\t\x1b\x7f\xc3\xbc", "", VERBATIM,
     0, "get \x01\t\x1b\x7f\xc3\xbc\r\n"},
    {LINE("gat 100 a\r\n"), MEMCACHE_GAT, "a", "100", VERBATIM, 0, "gat 100 a\r\n"},
    {LINE("gat  -1  a \r\n"), MEMCACHE_GAT, "a", "-1", 0, 0, "gat -1 a\r\n"},
    {LINE("gats 0 a\n"), MEMCACHE_GATS, "a", "0", 0, 0, "gats 0 a\r\n"},
    {LINE("gat 100 noreply\r\n"), MEMCACHE_GAT, "noreply", "100", VERBATIM, 0,
     "gat 100 noreply\r\n"},
};

static const struct bad_case retrieval_errors[] = {
    {LINE("get\r\n"), BCLF, 0},
    {LINE("get \r\n"), BCLF, 0},
    {LINE("get\n"), BCLF, 0},
    {LINE("gets\r\n"), BCLF, 0},
    {LINE("gets   \r\n"), BCLF, 0},
    {LINE("gat\r\n"), BCLF, 0},
    {LINE("gat 100\r\n"), BCLF, 0},
    {LINE("gats 100 \r\n"), BCLF, 0},
    {LINE("gat abc a\r\n"), BAD_EXPTIME, 0},
    {LINE("gat 100000000000 a\r\n"), BAD_EXPTIME, 0},
    {LINE("gat abc " K251 "\r\n"), BAD_EXPTIME, 0},
    {LINE("gat 1 a " K251 "\r\n"), BCLF, 0},
    {LINE("get " K251 "\r\n"), BCLF, 0},
    {LINE("gets a " K251 " b\r\n"), BCLF, 0},
    {LINE("get a\0b\r\n"), BCLF, 0},
    {LINE("get \0\r\n"), BCLF, 0},
    {LINE("get a\rb\r\n"), BCLF, 0},
    {LINE("get a\r\r\n"), BCLF, 0},
    {LINE("get a b\0 c\r\n"), BCLF, 0},
    {LINE("get abcdefghijklmnopq\0\r\n"), BCLF, 0},
};

static const struct good_case storage_cases[] = {
    {LINE("set a 0 0 5\r\n"), MEMCACHE_SET, "a", "0 0 5", VERBATIM, 5, "set a 0 0 5\r\n"},
    {LINE("set a 0 0 0\r\n"), MEMCACHE_SET, "a", "0 0 0", VERBATIM, 0, "set a 0 0 0\r\n"},
    {LINE("set  a  0  0  5 \r\n"), MEMCACHE_SET, "a", "0  0  5", 0, 5, "set a 0 0 5\r\n"},
    {LINE("set a 0 0 5\n"), MEMCACHE_SET, "a", "0 0 5", 0, 5, "set a 0 0 5\r\n"},
    {LINE("set a 0 0 5 noreply\r\n"), MEMCACHE_SET, "a", "0 0 5", NOREPLY, 5, "set a 0 0 5\r\n"},
    {LINE("set a 0 0 5 noreply \n"), MEMCACHE_SET, "a", "0 0 5", NOREPLY, 5, "set a 0 0 5\r\n"},
    {LINE("set a 0 0 5 foo\r\n"), MEMCACHE_SET, "a", "0 0 5", 0, 5, "set a 0 0 5\r\n"},
    {LINE("set a 0 0 5 foo bar noreply\r\n"), MEMCACHE_SET, "a", "0 0 5", NOREPLY, 5,
     "set a 0 0 5\r\n"},
    {LINE("set a 0 0 5 noreply foo\r\n"), MEMCACHE_SET, "a", "0 0 5", 0, 5, "set a 0 0 5\r\n"},
    {LINE("set noreply 0 0 5\r\n"), MEMCACHE_SET, "noreply", "0 0 5", VERBATIM, 5,
     "set noreply 0 0 5\r\n"},
    {LINE("set a 4294967295 -1 5\r\n"), MEMCACHE_SET, "a", "4294967295 -1 5", VERBATIM, 5,
     "set a 4294967295 -1 5\r\n"},
    {LINE("set a 4294967296 0 5\r\n"), MEMCACHE_SET, "a", "4294967296 0 5", VERBATIM, 5, NULL},
    {LINE("set a 18446744073709551615 0 5\r\n"), MEMCACHE_SET, "a", "18446744073709551615 0 5",
     VERBATIM, 5, NULL},
    {LINE("set a +1 +60 00000000005\r\n"), MEMCACHE_SET, "a", "+1 +60 00000000005", VERBATIM, 5,
     NULL},
    {LINE("set a 0 9223372036854775807 2147483645\r\n"), MEMCACHE_SET, "a",
     "0 9223372036854775807 2147483645", VERBATIM, 2147483645, NULL},
    {LINE("set " K250 " 0 0 1\r\n"), MEMCACHE_SET, K250, "0 0 1", VERBATIM, 1, NULL},
    {LINE("add a 1 2 3\r\n"), MEMCACHE_ADD, "a", "1 2 3", VERBATIM, 3, "add a 1 2 3\r\n"},
    {LINE("replace a 1 2 3\r\n"), MEMCACHE_REPLACE, "a", "1 2 3", VERBATIM, 3,
     "replace a 1 2 3\r\n"},
    {LINE("append a 1 2 3 noreply\r\n"), MEMCACHE_APPEND, "a", "1 2 3", NOREPLY, 3,
     "append a 1 2 3\r\n"},
    {LINE("prepend a 1 2 3\r\n"), MEMCACHE_PREPEND, "a", "1 2 3", VERBATIM, 3,
     "prepend a 1 2 3\r\n"},
    {LINE("cas a 0 0 5 7\r\n"), MEMCACHE_CAS, "a", "0 0 5 7", VERBATIM, 5, "cas a 0 0 5 7\r\n"},
    {LINE("cas a 0 0 5 18446744073709551615 noreply\r\n"), MEMCACHE_CAS, "a",
     "0 0 5 18446744073709551615", NOREPLY, 5, "cas a 0 0 5 18446744073709551615\r\n"},
    {LINE("cas a 0 0 5 7 foo bar\r\n"), MEMCACHE_CAS, "a", "0 0 5 7", 0, 5, "cas a 0 0 5 7\r\n"},
};

static const struct bad_case storage_errors[] = {
    /* No length that could be trusted: nothing is swallowed, and a noreply is not believed. */
    {LINE("set\r\n"), BCLF, 0},
    {LINE("set a\r\n"), BCLF, 0},
    {LINE("set a 0 0\r\n"), BCLF, 0},
    {LINE("set a 0 0 noreply\r\n"), BCLF, 0},
    {LINE("set a 0 0 -1\r\n"), BCLF, 0},
    {LINE("set a 0 0 -1 noreply\r\n"), BCLF, 0},
    {LINE("set a 0 0 -\r\n"), BCLF, 0},
    {LINE("set a 0 0 abc\r\n"), BCLF, 0},
    {LINE("set a 0 0 5x\r\n"), BCLF, 0},
    {LINE("set a 0 0 +5\r\n"), BCLF, 0},
    {LINE("set a 0 0 000000000005\r\n"), BCLF, 0},
    {LINE("set a 0 0 2147483646\r\n"), BCLF, 0},
    {LINE("set a 0 0 2147483647\r\n"), BCLF, 0},
    {LINE("set a 0 0 4294967296\r\n"), BCLF, 0},
    {LINE("set a 0 0 99999999999999999999999\r\n"), BCLF, 0},
    {LINE("set a 0 0 5\0\r\n"), BCLF, 0},
    {LINE("cas a 0 0\r\n"), BCLF, 0},
    /* The length stands: the value is swallowed, and a noreply silences the error. */
    {LINE("set " K251 " 0 0 5\r\n"), BCLF, 7},
    {LINE("set " K251 " 0 0 5 noreply\r\n"), NULL, 7},
    {LINE("set a\0b 0 0 5\r\n"), BCLF, 7},
    {LINE("set a\rb 0 0 5\r\n"), BCLF, 7},
    {LINE("set a -1 0 5\r\n"), BCLF, 7},
    {LINE("set a abc 0 5\r\n"), BCLF, 7},
    {LINE("set a abc 0 5 noreply\r\n"), NULL, 7},
    {LINE("set a 1x 0 5\r\n"), BCLF, 7},
    {LINE("set a 18446744073709551616 0 5\r\n"), BCLF, 7},
    {LINE("set a 0 abc 5\r\n"), BCLF, 7},
    {LINE("set a 0 9223372036854775808 5\r\n"), BCLF, 7},
    {LINE("set a 0 0\r 5\r\n"), BCLF, 7},
    {LINE("add a 0 - 2147483645\r\n"), BCLF, 2147483647},
    {LINE("cas a 0 0 5\r\n"), BCLF, 7},
    {LINE("cas a 0 0 5 \r\n"), BCLF, 7},
    {LINE("cas a 0 0 5 abc\r\n"), BCLF, 7},
    {LINE("cas a 0 0 5 -7\r\n"), BCLF, 7},
    {LINE("cas a 0 0 5 noreply\r\n"), NULL, 7},
};

static const struct good_case single_cases[] = {
    {LINE("delete a\r\n"), MEMCACHE_DELETE, "a", "", VERBATIM, 0, "delete a\r\n"},
    {LINE("delete a \n"), MEMCACHE_DELETE, "a", "", 0, 0, "delete a\r\n"},
    {LINE("delete a 0\r\n"), MEMCACHE_DELETE, "a", "0", VERBATIM, 0, "delete a 0\r\n"},
    {LINE("delete a noreply\r\n"), MEMCACHE_DELETE, "a", "", NOREPLY, 0, "delete a\r\n"},
    {LINE("delete a 0 noreply\r\n"), MEMCACHE_DELETE, "a", "0", NOREPLY, 0, "delete a 0\r\n"},
    /* A shard must see that the key is not the option. */
    {LINE("delete noreply\r\n"), MEMCACHE_DELETE, "noreply", "0", NOREPLY, 0,
     "delete noreply 0\r\n"},
    {LINE("delete noreply\n"), MEMCACHE_DELETE, "noreply", "0", NOREPLY, 0, "delete noreply 0\n"},
    {LINE("delete noreply noreply\r\n"), MEMCACHE_DELETE, "noreply", "0", NOREPLY, 0,
     "delete noreply 0\r\n"},
    {LINE("incr a 1\r\n"), MEMCACHE_INCR, "a", "1", VERBATIM, 0, "incr a 1\r\n"},
    {LINE("incr  a  1 \r\n"), MEMCACHE_INCR, "a", "1", 0, 0, "incr a 1\r\n"},
    {LINE("decr a 18446744073709551615 noreply\r\n"), MEMCACHE_DECR, "a", "18446744073709551615",
     NOREPLY, 0, "decr a 18446744073709551615\r\n"},
    {LINE("incr a 1 foo bar\r\n"), MEMCACHE_INCR, "a", "1", 0, 0, "incr a 1\r\n"},
    {LINE("incr noreply 1\r\n"), MEMCACHE_INCR, "noreply", "1", VERBATIM, 0, NULL},
    {LINE("touch a 100\r\n"), MEMCACHE_TOUCH, "a", "100", VERBATIM, 0, "touch a 100\r\n"},
    {LINE("touch a -1 noreply\r\n"), MEMCACHE_TOUCH, "a", "-1", NOREPLY, 0, "touch a -1\r\n"},
    {LINE("touch a 1 foo bar\n"), MEMCACHE_TOUCH, "a", "1", 0, 0, "touch a 1\r\n"},
};

static const struct bad_case single_errors[] = {
    {LINE("delete\r\n"), BCLF, 0},
    {LINE("delete \r\n"), BCLF, 0},
    {LINE("delete a 10\r\n"), USAGE, 0},
    {LINE("delete a 10 noreply\r\n"), NULL, 0},
    {LINE("delete a noreply foo\r\n"), USAGE, 0},
    {LINE("delete a 0 0\r\n"), USAGE, 0},
    {LINE("delete " K251 "\r\n"), BCLF, 0},
    {LINE("delete " K251 " noreply\r\n"), NULL, 0},
    {LINE("delete a\0\r\n"), BCLF, 0},
    {LINE("incr a\r\n"), BCLF, 0},
    {LINE("incr\r\n"), BCLF, 0},
    {LINE("incr a noreply\r\n"), NULL, 0},
    {LINE("incr a abc\r\n"), BAD_DELTA, 0},
    {LINE("incr a -1\r\n"), BAD_DELTA, 0},
    {LINE("incr a 18446744073709551616\r\n"), BAD_DELTA, 0},
    {LINE("decr a abc noreply\r\n"), NULL, 0},
    {LINE("decr " K251 " abc\r\n"), BCLF, 0},
    {LINE("decr a\rb 1\r\n"), BCLF, 0},
    {LINE("touch a\r\n"), BCLF, 0},
    {LINE("touch a abc\r\n"), BAD_EXPTIME, 0},
    {LINE("touch a noreply\r\n"), NULL, 0},
    {LINE("touch " K251 " 1\r\n"), BCLF, 0},
};

static const struct good_case other_cases[] = {
    {LINE("version\r\n"), MEMCACHE_VERSION, "", "", 0, 0, NULL},
    {LINE("version foo noreply\r\n"), MEMCACHE_VERSION, "", "foo noreply", 0, 0, NULL},
    {LINE("quit\r\n"), MEMCACHE_QUIT, "", "", 0, 0, NULL},
    {LINE("quit foo\n"), MEMCACHE_QUIT, "", "foo", 0, 0, NULL},
    {LINE("stats\r\n"), MEMCACHE_STATS, "", "", 0, 0, NULL},
    {LINE("stats  shards \r\n"), MEMCACHE_STATS, "", "shards", 0, 0, NULL},
    {LINE("verbosity 1\r\n"), MEMCACHE_VERBOSITY, "", "1", 0, 0, NULL},
    {LINE("verbosity 1 noreply\r\n"), MEMCACHE_VERBOSITY, "", "1", NOREPLY, 0, NULL},
    {LINE("flush_all\r\n"), MEMCACHE_FLUSH_ALL, "", "", VERBATIM, 0, "flush_all\r\n"},
    {LINE("flush_all\n"), MEMCACHE_FLUSH_ALL, "", "", 0, 0, "flush_all\r\n"},
    {LINE("flush_all noreply\r\n"), MEMCACHE_FLUSH_ALL, "", "", NOREPLY, 0, "flush_all\r\n"},
    {LINE("flush_all 0\r\n"), MEMCACHE_FLUSH_ALL, "", "0", VERBATIM, 0, "flush_all 0\r\n"},
    {LINE("flush_all -1\r\n"), MEMCACHE_FLUSH_ALL, "", "-1", VERBATIM, 0, "flush_all -1\r\n"},
    {LINE("flush_all  10  noreply\r\n"), MEMCACHE_FLUSH_ALL, "", "10", NOREPLY, 0,
     "flush_all 10\r\n"},
};

static const struct bad_case other_errors[] = {
    {LINE("verbosity\r\n"), BCLF, 0},
    {LINE("verbosity foo\r\n"), BCLF, 0},
    {LINE("verbosity -1\r\n"), BCLF, 0},
    {LINE("verbosity noreply\r\n"), NULL, 0},
    {LINE("flush_all abc\r\n"), BAD_EXPTIME, 0},
    {LINE("flush_all abc noreply\r\n"), NULL, 0},
    {LINE("\r\n"), BCLF, 0},
    {LINE("\n"), BCLF, 0},
    {LINE("a\r\n"), BCLF, 0},
    {LINE("mn\n"), BCLF, 0},
    {LINE("ab\r\n"), "ERROR", 0},
    {LINE("foo\r\n"), "ERROR", 0},
    {LINE("foo bar baz\n"), "ERROR", 0},
    {LINE("foo noreply\r\n"), NULL, 0},
    {LINE("noreply\r\n"), "ERROR", 0},
    {LINE("  \r\n"), "ERROR", 0},
    {LINE("  get k\r\n"), "ERROR", 0},
    {LINE("GET a\r\n"), "ERROR", 0},
    {LINE("Set a 0 0 1\r\n"), "ERROR", 0},
    {LINE("getx a\r\n"), "ERROR", 0},
    {LINE("gxt a\r\n"), "ERROR", 0},
    {LINE("get\ta\r\n"), "ERROR", 0},
    {LINE("get\0 a\r\n"), "ERROR", 0},
    {LINE("flush_alm\r\n"), "ERROR", 0},
    {LINE("shutdown\r\n"), "ERROR", 0},
    {LINE("watch fetchers\r\n"), "ERROR", 0},
    {LINE("lru_crawler metadump all\r\n"), "ERROR", 0},
    {LINE("lru mode flat\r\n"), "ERROR", 0},
    {LINE("slabs automove 1\r\n"), "ERROR", 0},
    {LINE("slabs_automove 1\r\n"), "ERROR", 0},
    {LINE("cache_memlimit 64\r\n"), "ERROR", 0},
    {LINE("misbehave\r\n"), "ERROR", 0},
    {LINE("debugtime 1\r\n"), "ERROR", 0},
    {LINE("debugitem ref a\r\n"), "ERROR", 0},
    {LINE("extstore free_memchunks 1 1\r\n"), "ERROR", 0},
    {LINE("refresh_certs\r\n"), "ERROR", 0},
};

static void test_retrieval(void **state)
{
    (void)state;
    CHECK_ALL(check_good, retrieval_cases);
    CHECK_ALL(check_bad, retrieval_errors);
}

static void test_storage(void **state)
{
    (void)state;
    CHECK_ALL(check_good, storage_cases);
    CHECK_ALL(check_bad, storage_errors);
}

static void test_single(void **state)
{
    (void)state;
    CHECK_ALL(check_good, single_cases);
    CHECK_ALL(check_bad, single_errors);
}

static void test_others(void **state)
{
    (void)state;
    CHECK_ALL(check_good, other_cases);
    CHECK_ALL(check_bad, other_errors);
}

static void test_multi_get(void **state)
{
    (void)state;
    static const struct slice line = LINE("get a  bb noreply a   " K250 " \r\n");
    static const char *const keys[] = {"a", "bb", "noreply", "a", K250};
    struct memcache_request request;
    uint8_t *copy = NULL;
    assert_int_equal(parse_copy(line, &copy, &request), MEMCACHE_PARSE_REQUEST);
    assert_int_equal(request.n_keys, 5);
    assert_slice(request.key, "a");
    assert_slice(request.keys, "a  bb noreply a   " K250);
    assert_false(request.noreply);
    assert_false(request.verbatim);
    struct slice rest = request.keys;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_slice(memcache_keys_next(&rest), keys[i]);
    }
    assert_int_equal(memcache_keys_next(&rest).len, 0);
    assert_int_equal(memcache_keys_next(&rest).len, 0);
    free(copy);

    static const struct slice tight = LINE("gats -1 a b\r\n");
    assert_int_equal(parse_copy(tight, &copy, &request), MEMCACHE_PARSE_REQUEST);
    assert_int_equal(request.n_keys, 2);
    assert_slice(request.args, "-1");
    assert_true(request.verbatim);
    free(copy);
}

static void test_closes(void **state)
{
    (void)state;
    static const struct slice lines[] = {
        LINE("GET / HTTP/1.1\r\n"), LINE("PUT /a HTTP/1.0\r\n"), LINE("POST /\r\n"),
        LINE("POST /x y\n"),        LINE("x HTTP/ \r\n"),        LINE("foo noreply HTTP/2\r\n"),
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct memcache_request request;
        uint8_t *copy = NULL;
        assert_int_equal(parse_copy(lines[i], &copy, &request), MEMCACHE_PARSE_CLOSE);
        assert_null(request.error);
        free(copy);
    }
}

static void test_binary_protocol(void **state)
{
    (void)state;
    struct memcache_request request;
    size_t scanned = 0;
    struct slice in = LINE("\x80");
    assert_int_equal(memcache_request_parse(in, &scanned, 4096, &request), MEMCACHE_PARSE_CLOSE);
    assert_string_equal(request.error, "CLIENT_ERROR the binary protocol is not supported");
}

static void test_pieces(void **state)
{
    (void)state;
    struct memcache_request request;
    size_t scanned = 0;
    struct slice in = LINE("get abc\r\nget d\r\n");
    for (size_t n = 0; n < 9; n++) {
        struct slice piece = {in.data, n};
        assert_int_equal(memcache_request_parse(piece, &scanned, 4096, &request),
                         MEMCACHE_PARSE_MORE);
        assert_int_equal(scanned, n);
    }
    assert_int_equal(memcache_request_parse(in, &scanned, 4096, &request), MEMCACHE_PARSE_REQUEST);
    assert_int_equal(request.line.len, 9);
    assert_int_equal(scanned, 0);
}

/* Feed [prefix] and as many 'k' as make [len] bytes, then perhaps an LF. */
static enum memcache_parse parse_long(const char *prefix, size_t len, bool lf, size_t line_max,
                                      struct memcache_request *request)
{
    uint8_t *line = malloc(len);
    assert_non_null(line);
    memset(line, 'k', len);
    memcpy(line, prefix, strlen(prefix));
    for (size_t i = strlen(prefix); i < len; i += 10) {
        line[i] = ' ';
    }
    line[len - 1] = lf ? '\n' : 'k';
    size_t scanned = 0;
    enum memcache_parse parse =
        memcache_request_parse(slice_make(line, len), &scanned, line_max, request);
    free(line);
    return parse;
}

static void test_long_lines(void **state)
{
    (void)state;
    struct memcache_request r;
    /* Not a list of keys: closed in silence. */
    assert_int_equal(parse_long("foo", 2048, false, 1 << 20, &r), MEMCACHE_PARSE_MORE);
    assert_int_equal(parse_long("foo", 2048, true, 1 << 20, &r), MEMCACHE_PARSE_ERROR);
    assert_int_equal(parse_long("foo", 2049, false, 1 << 20, &r), MEMCACHE_PARSE_CLOSE);
    assert_null(r.error);
    assert_int_equal(parse_long("foo", 2049, true, 1 << 20, &r), MEMCACHE_PARSE_CLOSE);
    assert_null(r.error);
    assert_int_equal(parse_long("mg a ", 3000, false, 1 << 20, &r), MEMCACHE_PARSE_CLOSE);
    assert_null(r.error);
    /* A list of keys: as long as was configured. */
    static const char *const words[] = {"get ", "gets ", "gat 1 ", "gats 1 "};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_int_equal(parse_long(words[i], 400000, false, 1 << 20, &r), MEMCACHE_PARSE_MORE);
        assert_int_equal(parse_long(words[i], 400000, true, 1 << 20, &r), MEMCACHE_PARSE_REQUEST);
        assert_true(r.n_keys >= 39999);
        assert_int_equal(parse_long(words[i], 4096, true, 4096, &r), MEMCACHE_PARSE_REQUEST);
        assert_int_equal(parse_long(words[i], 4097, true, 4096, &r), MEMCACHE_PARSE_CLOSE);
        assert_string_equal(r.error, "CLIENT_ERROR line too long");
        assert_int_equal(parse_long(words[i], 4097, false, 4096, &r), MEMCACHE_PARSE_CLOSE);
        assert_string_equal(r.error, "CLIENT_ERROR line too long");
    }
}

static void test_names_and_classes(void **state)
{
    (void)state;
    for (int i = 0; i < MEMCACHE_N_COMMANDS; i++) {
        /* Every command of the table is found by its word. */
        enum memcache_command command = (enum memcache_command)i;
        char line[64];
        int len = snprintf(line, sizeof(line), "%s 1 2 3 4 5\r\n", memcache_command_name(command));
        struct memcache_request request;
        size_t scanned = 0;
        memcache_request_parse(slice_make(line, (size_t)len), &scanned, 4096, &request);
        assert_int_equal(request.command, command);
    }
    assert_string_equal(memcache_command_name(MEMCACHE_FLUSH_ALL), "flush_all");
    assert_int_equal(memcache_command_class(MEMCACHE_GATS), MEMCACHE_CLASS_RETRIEVAL);
    assert_int_equal(memcache_command_class(MEMCACHE_MS), MEMCACHE_CLASS_META_SET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retrieval),       cmocka_unit_test(test_storage),
        cmocka_unit_test(test_single),          cmocka_unit_test(test_others),
        cmocka_unit_test(test_multi_get),       cmocka_unit_test(test_closes),
        cmocka_unit_test(test_binary_protocol), cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_long_lines),      cmocka_unit_test(test_names_and_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
