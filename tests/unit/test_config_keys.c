/*
 * Key templates and networks: text to parts, and what is wrong with text that is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/key_template.h"
#include "config/network.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* --- Templates --- */

struct template_case {
    const char *text;
    struct config_key_part parts[6];
    size_t n_parts;
};

#define LITERAL(words)                                                                             \
    {                                                                                              \
        CONFIG_KEY_LITERAL, (char *)(words), 0                                                     \
    }
#define VARIABLE(kind)                                                                             \
    {                                                                                              \
        CONFIG_KEY_##kind, NULL, 0                                                                 \
    }
#define NAMED(kind, name)                                                                          \
    {                                                                                              \
        CONFIG_KEY_##kind, (char *)(name), 0                                                       \
    }
#define NUMBERED(kind, number)                                                                     \
    {                                                                                              \
        CONFIG_KEY_##kind, NULL, number                                                            \
    }

static const struct template_case good_templates[] = {
    {"{path}", {VARIABLE(PATH)}, 1},
    {"{path.1}", {NUMBERED(SEGMENT, 1)}, 1},
    {"{path.1000}", {NUMBERED(SEGMENT, 1000)}, 1},
    {"{path.1-2}", {NUMBERED(SEGMENTS, 2)}, 1},
    {"{path.1-1}", {NUMBERED(SEGMENTS, 1)}, 1},
    {"{query}", {VARIABLE(QUERY)}, 1},
    {"{query.user}", {NAMED(ARGUMENT, "user")}, 1},
    {"{query.a.b[]{}", {NAMED(ARGUMENT, "a.b[]{")}, 1},
    {"{fragment}", {VARIABLE(FRAGMENT)}, 1},
    {"{uri}", {VARIABLE(URI)}, 1},
    {"{host}", {VARIABLE(HOST)}, 1},
    {"{method}", {VARIABLE(METHOD)}, 1},
    {"{header.X-User}", {NAMED(HEADER, "X-User")}, 1},
    {"{cookie.session.id}", {NAMED(COOKIE, "session.id")}, 1},
    {"{client_ip}", {VARIABLE(CLIENT_IP)}, 1},
    {"one", {LITERAL("one")}, 1},
    {"{host}{path.1}", {VARIABLE(HOST), NUMBERED(SEGMENT, 1)}, 2},
    {"u:{query.u}/{path.2}.",
     {LITERAL("u:"), NAMED(ARGUMENT, "u"), LITERAL("/"), NUMBERED(SEGMENT, 2), LITERAL(".")},
     5},
    {"{{{uri}}", {LITERAL("{"), VARIABLE(URI), LITERAL("}")}, 3},
    {"a{{path}}", {LITERAL("a{path}}")}, 1},
    {"}", {LITERAL("}")}, 1},
    {"{{{{", {LITERAL("{{")}, 1},
    {"\xc3\xa9{uri}", {LITERAL("\xc3\xa9"), VARIABLE(URI)}, 2},
};

static void assert_parts(const struct config_key *key, const struct template_case *wanted)
{
    assert_int_equal(key->n_parts, wanted->n_parts);
    for (size_t i = 0; i < key->n_parts; i++) {
        const struct config_key_part *part = &key->parts[i];
        assert_int_equal(part->kind, wanted->parts[i].kind);
        assert_int_equal(part->n, wanted->parts[i].n);
        if (wanted->parts[i].text == NULL) {
            assert_null(part->text);
        } else {
            assert_string_equal(part->text, wanted->parts[i].text);
        }
    }
}

static void test_good_templates(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(good_templates); i++) {
        char wrong[KEY_TEMPLATE_WRONG_BYTES] = "";
        struct config_key key = {0};

        if (key_template_parse(&key, good_templates[i].text, wrong) != 0) {
            fail_msg("%s: %s", good_templates[i].text, wrong);
        }
        assert_string_equal(key.text, good_templates[i].text);
        assert_parts(&key, &good_templates[i]);
        key_template_deinit(&key);
        assert_null(key.parts);
    }
}

static const struct {
    const char *text, *wrong;
} bad_templates[] = {
    {"", "0 bytes, not 1..1024"},
    {"a\tb", "a control character"},
    {"{", "a { without its }; {{ stands for a brace"},
    {"{uri", "a { without its }; {{ stands for a brace"},
    {"{{{uri", "a { without its }; {{ stands for a brace"},
    {"{}", "\"\" is no variable"},
    {"{pth}", "\"pth\" is no variable, did you mean path?"},
    {"{Path}", "\"Path\" is no variable, did you mean path?"},
    {"{client-ip}", "\"client-ip\" is no variable, did you mean client_ip?"},
    {"{remote_address}", "\"remote_address\" is no variable"},
    {"{pth.1}", "\"pth.1\" is no variable, did you mean path?"},
    {" {uri }", "\"uri \" is no variable, did you mean uri?"},
    {"{path.0}", "\"path.0\" has no segment N or 1-N of 1..1000"},
    {"{path.1001}", "\"path.1001\" has no segment N or 1-N of 1..1000"},
    {"{path.01}", "\"path.01\" has no segment N or 1-N of 1..1000"},
    {"{path.-1}", "\"path.-1\" has no segment N or 1-N of 1..1000"},
    {"{path.}", "\"path.\" has no segment N or 1-N of 1..1000"},
    {"{path.2-3}", "\"path.2-3\" has no segment N or 1-N of 1..1000"},
    {"{path.1-0}", "\"path.1-0\" has no segment N or 1-N of 1..1000"},
    {"{path.1-}", "\"path.1-\" has no segment N or 1-N of 1..1000"},
    {"{path.4294967297}", "\"path.4294967297\" has no segment N or 1-N of 1..1000"},
    {"{path.user}", "\"path.user\" has no segment N or 1-N of 1..1000"},
    {"{header}", "\"header\" wants a name after a dot"},
    {"{cookie}", "\"cookie\" wants a name after a dot"},
    {"{header.}", "\"header.\" has no name that is a token"},
    {"{header.X User}", "\"header.X User\" has no name that is a token"},
    {"{header.X:}", "\"header.X:\" has no name that is a token"},
    {"{cookie.a=b}", "\"cookie.a=b\" has no name that is a token"},
    {"{query.}", "\"query.\" has no name that an argument can have"},
    {"{query.a=b}", "\"query.a=b\" has no name that an argument can have"},
    {"{query.a&b}", "\"query.a&b\" has no name that an argument can have"},
    {"{host.1}", "\"host.1\" is no variable, it has nothing after a dot"},
    {"{uri.}", "\"uri.\" is no variable, it has nothing after a dot"},
    {"{.}", "\".\" is no variable"},
};

static void test_bad_templates(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(bad_templates); i++) {
        char wrong[KEY_TEMPLATE_WRONG_BYTES] = "";
        struct config_key key = {0};

        if (key_template_parse(&key, bad_templates[i].text, wrong) == 0) {
            fail_msg("%s is accepted", bad_templates[i].text);
        }
        assert_string_equal(wrong, bad_templates[i].wrong);
        assert_null(key.parts);
    }
}

static void test_template_bounds(void **state)
{
    char wrong[KEY_TEMPLATE_WRONG_BYTES];
    char text[KEY_TEMPLATE_MAX_BYTES + 2] = "";
    struct config_key key;

    (void)state;
    memset(text, 'x', KEY_TEMPLATE_MAX_BYTES);
    assert_int_equal(key_template_parse(&key, text, wrong), 0);
    assert_int_equal(strlen(key.parts[0].text), KEY_TEMPLATE_MAX_BYTES);
    key_template_deinit(&key);
    text[KEY_TEMPLATE_MAX_BYTES] = 'x';
    assert_int_equal(key_template_parse(&key, text, wrong), -1);
    assert_string_equal(wrong, "1025 bytes, not 1..1024");

    text[0] = '\0';
    for (size_t i = 0; i < KEY_TEMPLATE_MAX_PARTS; i++) {
        strcat(text, "{uri}");
    }
    assert_int_equal(key_template_parse(&key, text, wrong), 0);
    assert_int_equal(key.n_parts, KEY_TEMPLATE_MAX_PARTS);
    key_template_deinit(&key);
    strcat(text, "x");
    assert_int_equal(key_template_parse(&key, text, wrong), -1);
    assert_string_equal(wrong, "more than 32 parts");
}

/* What messages name is what is accepted. */
static void test_template_variables(void **state)
{
    char text[KEY_TEMPLATE_VARIABLES_BYTES];

    (void)state;
    key_template_variables(text);
    assert_string_equal(text, "{path} {path.N} {path.1-N} {query} {query.NAME} {fragment} {uri} "
                              "{host} {method} {header.NAME} {cookie.NAME} {client_ip}");
}

static void test_template_uses(void **state)
{
    char wrong[KEY_TEMPLATE_WRONG_BYTES];
    struct config_key key;

    (void)state;
    assert_int_equal(key_template_parse(&key, "x{host}{fragment}", wrong), 0);
    assert_true(key_template_uses(&key, CONFIG_KEY_FRAGMENT));
    assert_false(key_template_uses(&key, CONFIG_KEY_URI));
    key_template_deinit(&key);
}

/* --- Networks --- */

static const struct {
    const char *text, *canonical;
    uint8_t prefix_bits;
} good_networks[] = {
    {"10.0.0.0/8", "10.0.0.0/8", 104},
    {"10.1.2.3/8", "10.0.0.0/8", 104},
    {"192.0.2.129/25", "192.0.2.128/25", 121},
    {"127.0.0.1", "127.0.0.1", 128},
    {"127.0.0.1/32", "127.0.0.1", 128},
    {"0.0.0.0/0", "0.0.0.0/0", 96},
    {"::/0", "::/0", 0},
    {"::1", "::1", 128},
    {"FD00:0::1/8", "fd00::/8", 8},
    {"2001:db8::ffff/113", "2001:db8::8000/113", 113},
    {"::ffff:10.0.0.1", "10.0.0.1", 128},
    {"::ffff:10.0.0.0/104", "10.0.0.0/8", 104},
};

static void test_good_networks(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(good_networks); i++) {
        char text[NETWORK_TEXT_BYTES];
        struct config_network network;
        struct config_network again;
        const char *wrong = network_parse(&network, good_networks[i].text);

        if (wrong != NULL) {
            fail_msg("%s: %s", good_networks[i].text, wrong);
        }
        assert_int_equal(network.prefix_bits, good_networks[i].prefix_bits);
        network_write(&network, text);
        assert_string_equal(text, good_networks[i].canonical);
        assert_null(network_parse(&again, text));
        assert_memory_equal(again.address, network.address, sizeof(again.address));
        assert_int_equal(again.prefix_bits, network.prefix_bits);
    }
}

static void test_network_address(void **state)
{
    static const uint8_t v4[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 0x80};
    struct config_network network;

    (void)state;
    assert_null(network_parse(&network, "10.255.255.255/9"));
    assert_memory_equal(network.address, v4, sizeof(v4));
}

static const struct {
    const char *text, *wrong;
} bad_networks[] = {
    {"", "not an IP address"},
    {"/8", "not an IP address"},
    {"localhost", "not an IP address"},
    {"10.0.0", "not an IP address"},
    {"10.0.0.0:80", "not an IP address"},
    {"[::1]", "not an IP address"},
    {"fe80::1%eth0", "not an IP address"},
    {" 10.0.0.0", "not an IP address"},
    {"0000:0000:0000:0000:0000:0000:0000:0000:0000", "not an IP address"},
    {"0000:0000:0000:0000:0000:0000:0000:0000:0000:00", "too long for an address"},
    {"10.0.0.0/", "the prefix length is not a number up to 32"},
    {"10.0.0.0/33", "the prefix length is not a number up to 32"},
    {"10.0.0.0/08", "the prefix length is not a number up to 32"},
    {"10.0.0.0/-1", "the prefix length is not a number up to 32"},
    {"10.0.0.0/255.0.0.0", "the prefix length is not a number up to 32"},
    {"::/129", "the prefix length is not a number up to 128"},
};

static void test_bad_networks(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(bad_networks); i++) {
        struct config_network network;
        const char *wrong = network_parse(&network, bad_networks[i].text);

        if (wrong == NULL) {
            fail_msg("%s is accepted", bad_networks[i].text);
        }
        assert_string_equal(wrong, bad_networks[i].wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_templates),  cmocka_unit_test(test_bad_templates),
        cmocka_unit_test(test_template_bounds), cmocka_unit_test(test_template_variables),
        cmocka_unit_test(test_template_uses),   cmocka_unit_test(test_good_networks),
        cmocka_unit_test(test_network_address), cmocka_unit_test(test_bad_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
