/*
 * The meta commands of memcached: flags, their arguments, base64 keys.
 */
#include "support/memcache_cases.h"

#define BAD_TOKEN "CLIENT_ERROR bad token in command line format"
#define BAD_KEY   "CLIENT_ERROR error decoding key"
#define DUPLICATE "CLIENT_ERROR duplicate flag"
#define INVALID   "CLIENT_ERROR invalid flag"
#define MA_ERROR  "CLIENT_ERROR invalid or duplicate flag"
#define OPAQUE    "CLIENT_ERROR opaque token too long"
#define TOO_MANY  "CLIENT_ERROR options flags are too long"

#define O31 "O123456789012345678901234567890"

static const struct good_case get_cases[] = {
    {LINE("mg a\r\n"), MEMCACHE_MG, "a", "", VERBATIM, 0, "mg a\r\n"},
    {LINE("mg a\n"), MEMCACHE_MG, "a", "", 0, 0, "mg a\r\n"},
    {LINE("mg a v\r\n"), MEMCACHE_MG, "a", "v", VERBATIM, 0, "mg a v\r\n"},
    {LINE("mg  a  s  v \r\n"), MEMCACHE_MG, "a", "s  v", 0, 0, "mg a s v\r\n"},
    {LINE("mg a s v f t k Oabc q\r\n"), MEMCACHE_MG, "a", "s v f t k Oabc q", QUIET, 0,
     "mg a s v f t k Oabc\r\n"},
    {LINE("mg a q v\n"), MEMCACHE_MG, "a", "q v", QUIET, 0, "mg a v\r\n"},
    {LINE("mg a c\r\n"), MEMCACHE_MG, "a", "c", WANTS_CAS | VERBATIM, 0, "mg a c\r\n"},
    {LINE("mg a N30 t v c\r\n"), MEMCACHE_MG, "a", "N30 t v c", VIVIFY | WANTS_CAS | VERBATIM, 0,
     NULL},
    {LINE("mg a R-1 E5\r\n"), MEMCACHE_MG, "a", "R-1 E5", VIVIFY | VERBATIM, 0, NULL},
    {LINE("mg a T+60 h l u\r\n"), MEMCACHE_MG, "a", "T+60 h l u", VERBATIM, 0, NULL},
    {LINE("mg a k10\r\n"), MEMCACHE_MG, "a", "k10", VERBATIM, 0, "mg a k10\r\n"},
    {LINE("mg a P/some/path Lx\r\n"), MEMCACHE_MG, "a", "P/some/path Lx", VERBATIM, 0, NULL},
    {LINE("mg a " O31 "1\r\n"), MEMCACHE_MG, "a", O31 "1", VERBATIM, 0, NULL},
    {LINE("mg a Z i y9 MX\r\n"), MEMCACHE_MG, "a", "Z i y9 MX", VERBATIM, 0, NULL},
    {LINE("mg a A B G H K Q U V W X Y Z a d e g i\r\n"), MEMCACHE_MG, "a",
     "A B G H K Q U V W X Y Z a d e g i", VERBATIM, 0, NULL},
    {LINE("mg " K250 "\r\n"), MEMCACHE_MG, K250, "", VERBATIM, 0, NULL},
    {LINE("mg Zm9vYmFy b k\r\n"), MEMCACHE_MG, "Zm9vYmFy", "b k", BASE64 | VERBATIM, 0, NULL},
    {LINE("me a\r\n"), MEMCACHE_ME, "a", "", VERBATIM, 0, "me a\r\n"},
    {LINE("me Zm9vYmFy b\r\n"), MEMCACHE_ME, "Zm9vYmFy", "b", BASE64 | VERBATIM, 0, NULL},
    {LINE("me a q q q\r\n"), MEMCACHE_ME, "a", "q q q", VERBATIM, 0, "me a q q q\r\n"},
    {LINE("mn\r\n"), MEMCACHE_MN, "", "", 0, 0, NULL},
    {LINE("mn foo\r\n"), MEMCACHE_MN, "", "foo", 0, 0, NULL},
};

static const struct bad_case get_errors[] = {
    {LINE("mg\r\n"), BCLF, 0},
    {LINE("mg  \r\n"), BCLF, 0},
    {LINE("mg " K251 "\r\n"), BCLF, 0},
    {LINE("mg a\0b\r\n"), BCLF, 0},
    {LINE("mg a\rb v\r\n"), BCLF, 0},
    {LINE("mg a O\0\r\n"), BCLF, 0},
    {LINE("mg a !\r\n"), BCLF, 0},
    {LINE("mg a v \xc3\r\n"), BCLF, 0},
    {LINE("mg a v {\r\n"), BCLF, 0},
    {LINE("mg a 1\r\n"), INVALID, 0},
    {LINE("mg a [\r\n"), INVALID, 0},
    {LINE("mg a S1\r\n"), INVALID, 0},
    {LINE("mg a v v\r\n"), DUPLICATE, 0},
    {LINE("mg a v v q\r\n"), DUPLICATE, 0},
    {LINE("mg a O1 O2\r\n"), DUPLICATE, 0},
    {LINE("mg a Tx\r\n"), BAD_TOKEN, 0},
    {LINE("mg a T\r\n"), BAD_TOKEN, 0},
    {LINE("mg a N1x\r\n"), BAD_TOKEN, 0},
    {LINE("mg a R99999999999999999999\r\n"), BAD_TOKEN, 0},
    {LINE("mg a C-1\r\n"), BAD_TOKEN, 0},
    {LINE("mg a Ex\r\n"), BAD_TOKEN, 0},
    {LINE("mg a Tx v v\r\n"), DUPLICATE, 0},
    {LINE("mg a Jx\r\n"), "CLIENT_ERROR invalid numeric initial value", 0},
    {LINE("mg a Tx Dx\r\n"), "CLIENT_ERROR invalid numeric delta value", 0},
    {LINE("mg a Dx Tx\r\n"), BAD_TOKEN, 0},
    {LINE("mg a Fx\r\n"), BCLF, 0},
    {LINE("mg a Tx Fx\r\n"), BAD_TOKEN, 0},
    {LINE("mg a " O31 "12\r\n"), OPAQUE, 0},
    {LINE("mg a " O31 "12 q\r\n"), OPAQUE, 0},
    {LINE("mg a A B G H K Q U V W X Y Z a d e g i j m\r\n"), TOO_MANY, 0},
    {LINE("mg a A B G H K Q U V W X Y Z a d e g i j m n o p r w x y z ! !\r\n"), TOO_MANY, 0},
    {LINE("mg foo! b\r\n"), BAD_KEY, 0},
    {LINE("mg abc b\r\n"), BAD_KEY, 0},
    {LINE("mg !!!! b\r\n"), BAD_KEY, 0},
    {LINE("mg ==== b\r\n"), BAD_KEY, 0},
    {LINE("me\r\n"), BCLF, 0},
    {LINE("me " K251 "\r\n"), BCLF, 0},
    {LINE("me abc b\r\n"), BCLF, 0},
    {LINE("me a !\r\n"), BCLF, 0},
    {LINE("me a\0\r\n"), BCLF, 0},
};

static const struct good_case set_cases[] = {
    {LINE("ms a 5\r\n"), MEMCACHE_MS, "a", "5", VERBATIM, 5, "ms a 5\r\n"},
    {LINE("ms  a  5 \n"), MEMCACHE_MS, "a", "5", 0, 5, "ms a 5\r\n"},
    {LINE("ms a 5 T60 F0 q\r\n"), MEMCACHE_MS, "a", "5 T60 F0 q", QUIET, 5, "ms a 5 T60 F0\r\n"},
    {LINE("ms a 0 I C12 c\r\n"), MEMCACHE_MS, "a", "0 I C12 c", VERBATIM, 0, NULL},
    {LINE("ms a 5 N60 MA\r\n"), MEMCACHE_MS, "a", "5 N60 MA", VERBATIM, 5, NULL},
    {LINE("ms a 5 ME\r\n"), MEMCACHE_MS, "a", "5 ME", VERBATIM, 5, NULL},
    {LINE("ms a 5 MP\r\n"), MEMCACHE_MS, "a", "5 MP", VERBATIM, 5, NULL},
    {LINE("ms a 5 MR\r\n"), MEMCACHE_MS, "a", "5 MR", VERBATIM, 5, NULL},
    {LINE("ms a 5 MSET\r\n"), MEMCACHE_MS, "a", "5 MSET", VERBATIM, 5, NULL},
    {LINE("ms a 2147483645\r\n"), MEMCACHE_MS, "a", "2147483645", VERBATIM, 2147483645, NULL},
    {LINE("ms a 5 k c s Oq1 E7\r\n"), MEMCACHE_MS, "a", "5 k c s Oq1 E7", VERBATIM, 5, NULL},
    {LINE("ms Zm9vYmFy 3 b\r\n"), MEMCACHE_MS, "Zm9vYmFy", "3 b", BASE64 | VERBATIM, 3, NULL},
    {LINE("ms a 5 A B G H K Q U V W X Y Z a d e g\r\n"), MEMCACHE_MS, "a",
     "5 A B G H K Q U V W X Y Z a d e g", VERBATIM, 5, NULL},
    {LINE("ms a 5 A B G H K Q U V W X Y Z a d e g q\r\n"), MEMCACHE_MS, "a",
     "5 A B G H K Q U V W X Y Z a d e g q", QUIET, 5, NULL},
};

static const struct bad_case set_errors[] = {
    /* No length that could be trusted: nothing is swallowed. */
    {LINE("ms\r\n"), BCLF, 0},
    {LINE("ms a\r\n"), BCLF, 0},
    {LINE("ms a abc\r\n"), BCLF, 0},
    {LINE("ms a S2\r\n"), BCLF, 0},
    {LINE("ms a -1\r\n"), BCLF, 0},
    {LINE("ms a +2\r\n"), BCLF, 0},
    {LINE("ms a 2147483646\r\n"), BCLF, 0},
    {LINE("ms a 4294967296 q\r\n"), BCLF, 0},
    {LINE("ms a 5 !\r\n"), BCLF, 0},
    {LINE("ms a T5 5\r\n"), BCLF, 0},
    /* The length stands. */
    {LINE("ms " K251 " 5\r\n"), BCLF, 7},
    {LINE("ms a\0b 5\r\n"), BCLF, 7},
    {LINE("ms a 5 P\r1\r\n"), BCLF, 7},
    {LINE("ms a 5 1\r\n"), INVALID, 7},
    {LINE("ms a 5 S5\r\n"), INVALID, 7},
    {LINE("ms a 5 T0 T0\r\n"), DUPLICATE, 7},
    {LINE("ms a 5 q q\r\n"), DUPLICATE, 7},
    {LINE("ms a 5 Tx\r\n"), BAD_TOKEN, 7},
    {LINE("ms a 5 Cx\r\n"), BAD_TOKEN, 7},
    {LINE("ms a 5 Fx\r\n"), BCLF, 7},
    {LINE("ms a 5 F-1 q\r\n"), BCLF, 7},
    {LINE("ms abc 5 b\r\n"), BAD_KEY, 7},
    {LINE("ms a 5 M\r\n"), "CLIENT_ERROR invalid mode for ms M token", 7},
    {LINE("ms a 5 MX\r\n"), "CLIENT_ERROR invalid mode for ms M token", 7},
    {LINE("ms a 5 Me\r\n"), "CLIENT_ERROR invalid mode for ms M token", 7},
    {LINE("ms a 5 " O31 "12 MX\r\n"), "CLIENT_ERROR invalid mode for ms M token", 7},
    {LINE("ms a 5 " O31 "12\r\n"), OPAQUE, 7},
    /* Older releases lose their place after an error for a line of 20 tokens. */
    {LINE("ms a 5 A B G H K Q U V W X Y Z a d e g i\r\n"), TOO_MANY, 7},
    {LINE("ms a 5 A B G H K Q U V W X Y Z a d e g i j\r\n"), TOO_MANY, 7},
};

static const struct good_case other_cases[] = {
    {LINE("md a\r\n"), MEMCACHE_MD, "a", "", VERBATIM, 0, "md a\r\n"},
    {LINE("md a I T30 C7 x q\r\n"), MEMCACHE_MD, "a", "I T30 C7 x q", QUIET, 0,
     "md a I T30 C7 x\r\n"},
    {LINE("ma a\r\n"), MEMCACHE_MA, "a", "", VERBATIM, 0, "ma a\r\n"},
    {LINE("ma a N30 J13 D2 v c\r\n"), MEMCACHE_MA, "a", "N30 J13 D2 v c", VERBATIM, 0, NULL},
    {LINE("ma a MI\r\n"), MEMCACHE_MA, "a", "MI", VERBATIM, 0, NULL},
    {LINE("ma a MDECR\r\n"), MEMCACHE_MA, "a", "MDECR", VERBATIM, 0, NULL},
    {LINE("ma a M+ q\r\n"), MEMCACHE_MA, "a", "M+ q", QUIET, 0, "ma a M+\r\n"},
    {LINE("ma a M-\r\n"), MEMCACHE_MA, "a", "M-", VERBATIM, 0, NULL},
};

static const struct bad_case other_errors[] = {
    {LINE("md\r\n"), BCLF, 0},
    {LINE("md a v v\r\n"), DUPLICATE, 0},
    {LINE("md a " O31 "12\r\n"), OPAQUE, 0},
    {LINE("ma\r\n"), BCLF, 0},
    {LINE("ma a !\r\n"), BCLF, 0},
    {LINE("ma a v v\r\n"), MA_ERROR, 0},
    {LINE("ma a 1\r\n"), MA_ERROR, 0},
    {LINE("ma a Dx\r\n"), MA_ERROR, 0},
    {LINE("ma a J-5\r\n"), MA_ERROR, 0},
    {LINE("ma abc b\r\n"), MA_ERROR, 0},
    {LINE("ma " K251 "\r\n"), MA_ERROR, 0},
    {LINE("ma a MX\r\n"), "CLIENT_ERROR invalid mode for ma M token", 0},
    {LINE("ma a M\r\n"), "CLIENT_ERROR invalid mode for ma M token", 0},
    {LINE("ma a MA\r\n"), "CLIENT_ERROR invalid mode for ma M token", 0},
    {LINE("ma a " O31 "12\r\n"), OPAQUE, 0},
};

static void test_get(void **state)
{
    (void)state;
    CHECK_ALL(check_good, get_cases);
    CHECK_ALL(check_bad, get_errors);
}

static void test_set(void **state)
{
    (void)state;
    CHECK_ALL(check_good, set_cases);
    CHECK_ALL(check_bad, set_errors);
}

static void test_others(void **state)
{
    (void)state;
    CHECK_ALL(check_good, other_cases);
    CHECK_ALL(check_bad, other_errors);
}

struct base64_case {
    struct slice line;
    struct slice key;
};

static const struct base64_case base64_cases[] = {
    {LINE("mg Zm9vYmFy b\r\n"), LINE("foobar")},
    {LINE("mg Zm9vYmE= b\r\n"), LINE("fooba")},
    {LINE("mg Zm9vYg== b\r\n"), LINE("foob")},
    {LINE("mg Zg== b v\r\n"), LINE("f")},
    {LINE("mg AAAA b\r\n"), LINE("\0\0\0")},
    {LINE("mg Cg== b\r\n"), LINE("\n")},
    {LINE("mg +/+/ b\r\n"), LINE("\xfb\xff\xbf")},
    /* memcached skips what is no base64, and what follows the padding. */
    {LINE("mg Zm9v!!Ym.Fy b\r\n"), LINE("foobar")},
    {LINE("mg Zm9vYg==YmFy b\r\n"), LINE("foob")},
    /* Without b it is a key like any other. */
    {LINE("mg Zm9vYmFy v\r\n"), LINE("Zm9vYmFy")},
    {LINE("me Zm9vYmFy b\r\n"), LINE("foobar")},
    {LINE("me Zm9vYmFy x b\r\n"), LINE("Zm9vYmFy")},
    {LINE("ms Zm9vYmFy 3 T0 b\r\n"), LINE("foobar")},
};

static void test_route_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(base64_cases) / sizeof(base64_cases[0]); i++) {
        struct memcache_request request;
        uint8_t *copy = NULL;
        enum memcache_parse parse = parse_copy(base64_cases[i].line, &copy, &request);
        assert_int_equal(parse, MEMCACHE_PARSE_REQUEST);
        assert_true(slice_equal(memcache_request_route_key(&request), base64_cases[i].key));
        free(copy);
    }
}

/* The longest key decodes to 187 bytes. */
static void test_longest_base64_key(void **state)
{
    (void)state;
    char line[300];
    int len = snprintf(line, sizeof(line), "mg %.248s b\r\n", K250);
    struct memcache_request request;
    uint8_t *copy = NULL;
    assert_int_equal(parse_copy(slice_make(line, (size_t)len), &copy, &request),
                     MEMCACHE_PARSE_REQUEST);
    assert_int_equal(memcache_request_route_key(&request).len, 186);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_route_key),
        cmocka_unit_test(test_longest_base64_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
