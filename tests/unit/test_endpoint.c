/*
 * Where a replica is and attempts to connect there: numeric, Unix and named addresses, look-ups that
 * are shared, late, cancelled or fail, and several addresses in turn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/un.h>

#include "data/endpoint.h"
#include "support/fake_resolver.h"

#define PORTS 3u

/* An owner of connections, as a session or an upstream is. */
struct caller {
    struct dial dial;
    union stream_io io;
    unsigned n_done, n_closed;
    int status;
    bool starting; /* within dial_start() */
};

static uv_loop_t loop;
static struct endpoint endpoint;
static struct caller first, second, third;
static int fds[PORTS];
static uint16_t ports[PORTS]; /* all refuse until somebody listens */
static unsigned n_known;
static char host[112];
static struct config_address address;

static int start(void **state)
{
    (void)state;
    memset(&first, 0, sizeof(first));
    memset(&second, 0, sizeof(second));
    memset(&third, 0, sizeof(third));
    memset(&resolver, 0, sizeof(resolver));
    n_known = 0;
    for (size_t i = 0; i < PORTS; i++) {
        fds[i] = resolver_bind(&ports[i]);
    }
    return uv_loop_init(&loop);
}

/* Every handle is closed by now, or the loop cannot be. */
static int stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < PORTS; i++) {
        (void)close(fds[i]);
    }
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

static void on_known(struct endpoint *of)
{
    assert_ptr_equal(of, &endpoint);
    assert_true(endpoint_is_known(of));
    n_known++;
}

static void init(const char *at, uint16_t port, bool is_numeric)
{
    snprintf(host, sizeof(host), "%s", at);
    address = (struct config_address){.host = host, .port = port, .is_numeric = is_numeric};
    address.kind = at[0] == '/' ? CONFIG_ADDRESS_UNIX : CONFIG_ADDRESS_TCP;
    endpoint_init(&endpoint, &loop, &address);
    endpoint.on_known = on_known;
}

static void on_closed(uv_handle_t *handle)
{
    struct caller *caller = handle->data;

    caller->n_closed++;
}

static void on_done(struct dial *dial, int status)
{
    struct caller *caller = LIST_ENTRY(dial, struct caller, dial);

    assert_false(caller->starting);
    caller->n_done++;
    caller->status = status;
}

static int dial(struct caller *caller)
{
    int err;

    caller->starting = true;
    err = dial_start(&caller->dial, &endpoint, &caller->io, caller, on_done);
    caller->starting = false;
    return err;
}

static void hang_up(struct caller *caller)
{
    dial_cancel(&caller->dial);
    if (dial_has_handle(&caller->dial)) {
        uv_close(&caller->io.handle, on_closed);
        (void)uv_run(&loop, UV_RUN_DEFAULT);
        assert_int_equal(caller->n_closed, 1);
    }
    memset(caller, 0, sizeof(*caller));
}

/* Runs until nothing is under way: a connection that is open but not read from is not. */
static void run(void)
{
    (void)uv_run(&loop, UV_RUN_DEFAULT);
}

static void dial_and_expect(struct caller *caller, int status)
{
    assert_int_equal(dial(caller), 0);
    run();
    assert_int_equal(caller->n_done, 1);
    assert_int_equal(caller->status, status);
}

/* The port that [caller] is connected to. */
static uint16_t port_of(const struct caller *caller)
{
    struct sockaddr_in peer = {0};
    int len = sizeof(peer);

    assert_int_equal(caller->dial.state, DIAL_OPEN);
    assert_int_equal(uv_tcp_getpeername(&caller->io.tcp, (struct sockaddr *)&peer, &len), 0);
    return ntohs(peer.sin_port);
}

static void find(size_t n_ports)
{
    resolver_answer(0, ports, n_ports);
    run();
}

/* ---- addresses that are known ------------------------------------------------------------ */

static int option(const struct caller *caller, int level, int name)
{
    socklen_t len = sizeof(int);
    uv_os_fd_t fd;
    int value = 0;

    assert_int_equal(uv_fileno(&caller->io.handle, &fd), 0);
    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void test_a_numeric_address(void **state)
{
    (void)state;
    init("127.0.0.1", ports[0], true);
    assert_true(endpoint_is_known(&endpoint));
    assert_false(endpoint_has_more(&endpoint));
    assert_false(dial_has_handle(&first.dial));
    listen(fds[0], 8);
    dial_and_expect(&first, 0);
    assert_int_equal(port_of(&first), ports[0]);
    assert_ptr_equal(first.io.handle.data, &first);
    assert_true(option(&first, IPPROTO_TCP, TCP_NODELAY));
    assert_true(option(&first, SOL_SOCKET, SO_KEEPALIVE));
    assert_int_equal(option(&first, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    assert_int_equal(resolver.n_lookups, 0);
    hang_up(&first);
}

static void test_an_ipv6_address(void **state)
{
    (void)state;
    init("::1", 4242, true);
    assert_true(endpoint_is_known(&endpoint));
    assert_int_equal(endpoint.addresses[0].ss_family, AF_INET6);
}

static void test_an_address_that_is_none(void **state)
{
    (void)state;
    init("1.2.3.4.5", 1, true);
    assert_false(endpoint_is_known(&endpoint));
    assert_int_equal(dial(&first), UV_EINVAL);
    assert_false(dial_has_handle(&first.dial));
}

static void test_a_refused_connection(void **state)
{
    (void)state;
    init("127.0.0.1", ports[0], true);
    dial_and_expect(&first, UV_ECONNREFUSED);
    assert_true(dial_has_handle(&first.dial)); /* to be closed by the owner */
    assert_false(endpoint_has_more(&endpoint));
    hang_up(&first);
    listen(fds[0], 8);
    dial_and_expect(&first, 0); /* the same dial again */
    hang_up(&first);
}

static void test_a_unix_socket(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/ringway-endpoint-%ld", (long)getpid());
    init(at.sun_path, 0, false);
    assert_true(endpoint_is_known(&endpoint));
    dial_and_expect(&first, UV_ENOENT);
    hang_up(&first);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 8), 0);
    dial_and_expect(&first, 0);
    assert_ptr_equal(first.io.handle.data, &first);
    assert_int_equal(resolver.n_lookups, 0);
    hang_up(&first);
    (void)close(fd);
    (void)unlink(at.sun_path);
}

/* ---- names ------------------------------------------------------------------------------- */

static void test_one_look_up_for_all_that_wait(void **state)
{
    (void)state;
    init("replica.test", 11211, false);
    listen(fds[0], 8);
    assert_false(endpoint_is_known(&endpoint));
    assert_int_equal(dial(&first), 0);
    assert_int_equal(dial(&second), 0);
    assert_string_equal(resolver.host, "replica.test");
    assert_string_equal(resolver.service, "11211");
    assert_int_equal(first.dial.state, DIAL_LOOKING_UP);
    assert_false(dial_has_handle(&first.dial));
    assert_true(endpoint.looking_up);
    find(1);
    assert_false(endpoint.looking_up);
    assert_int_equal(resolver.n_lookups, 1);
    assert_int_equal(first.n_done + second.n_done, 2);
    assert_int_equal(port_of(&first), ports[0]);
    assert_int_equal(port_of(&second), ports[0]);
    assert_int_equal(n_known, 1);
    hang_up(&first);
    hang_up(&second);
}

static void test_a_name_that_is_not_found(void **state)
{
    (void)state;
    init("replica.test", 1, false);
    assert_int_equal(dial(&first), 0);
    resolver_answer(UV_EAI_NONAME, NULL, 0);
    assert_int_equal(first.n_done, 1);
    assert_int_equal(first.status, UV_EAI_NONAME);
    assert_false(dial_has_handle(&first.dial));
    assert_int_equal(dial(&second), 0); /* and again */
    resolver_answer(0, NULL, 0);
    assert_int_equal(second.status, UV_EAI_NONAME);
    assert_int_equal(n_known, 0);
    resolver.error = UV_ENAMETOOLONG;
    assert_int_equal(dial(&third), UV_ENAMETOOLONG);
    assert_false(dial_has_handle(&third.dial));
    assert_int_equal(third.n_done, 0);
}

static void test_a_late_answer_is_kept(void **state)
{
    (void)state;
    init("replica.test", 1, false);
    listen(fds[0], 8);
    assert_int_equal(dial(&first), 0);
    hang_up(&first);
    assert_true(endpoint.looking_up);
    find(1);
    assert_int_equal(first.n_done, 0);
    assert_int_equal(n_known, 1);
    assert_true(endpoint_is_known(&endpoint));
    dial_and_expect(&first, 0); /* with what was found */
    assert_int_equal(resolver.n_lookups, 1);
    hang_up(&first);
}

static void test_one_of_several_gives_up(void **state)
{
    (void)state;
    init("replica.test", 1, false);
    listen(fds[0], 8);
    assert_int_equal(dial(&first), 0);
    assert_int_equal(dial(&second), 0);
    assert_int_equal(dial(&third), 0);
    hang_up(&second);
    find(1);
    assert_int_equal(first.n_done + third.n_done, 2);
    assert_int_equal(second.n_done, 0);
    hang_up(&first);
    hang_up(&third);
}

/* Addresses that are known are used at once; they are looked up again when a connection failed. */
static void test_known_names_need_no_look_up(void **state)
{
    (void)state;
    init("replica.test", 1, false);
    assert_int_equal(dial(&first), 0);
    find(1);
    assert_int_equal(first.status, UV_ECONNREFUSED);
    hang_up(&first);
    dial_and_expect(&first, UV_ECONNREFUSED);
    assert_int_equal(resolver.n_lookups, 2);
    hang_up(&first);
    listen(fds[1], 8);
    resolver_answer(0, &ports[1], 1); /* it has moved */
    dial_and_expect(&first, 0);
    assert_int_equal(port_of(&first), ports[1]);
    assert_int_equal(resolver.n_lookups, 2); /* found just now, and good */
    hang_up(&first);
    endpoint.fresh_until_ms = 0; /* a second later */
    dial_and_expect(&first, 0);
    assert_int_equal(resolver.n_lookups, 3);
    hang_up(&first);
    resolver_answer(UV_EAI_AGAIN, NULL, 0);
    dial_and_expect(&first, 0); /* a failure of the resolver is not one of the replica */
    assert_int_equal(n_known, 1);
    hang_up(&first);
    resolver_answer(UV_EAI_AGAIN, NULL, 0);
}

/* ---- several addresses ------------------------------------------------------------------- */

static void test_addresses_are_tried_in_turn(void **state)
{
    (void)state;
    init("replica.test", 1, false);
    listen(fds[2], 8);
    assert_int_equal(dial(&first), 0);
    find(3);
    assert_int_equal(first.status, UV_ECONNREFUSED);
    assert_true(endpoint_has_more(&endpoint));
    hang_up(&first);
    dial_and_expect(&first, UV_ECONNREFUSED);
    assert_true(endpoint_has_more(&endpoint));
    hang_up(&first);
    find(3); /* the same again: the turn goes on */
    dial_and_expect(&first, 0);
    assert_int_equal(port_of(&first), ports[2]);
    dial_and_expect(&second, 0); /* stays where it is good */
    assert_int_equal(port_of(&second), ports[2]);
    hang_up(&first);
    hang_up(&second);
}

static void test_no_more_after_a_round(void **state)
{
    (void)state;
    init("replica.test", 1, false);
    assert_int_equal(dial(&first), 0);
    find(2);
    hang_up(&first);
    dial_and_expect(&first, UV_ECONNREFUSED);
    assert_false(endpoint_has_more(&endpoint));
    hang_up(&first);
    find(2);
}

/* Two that fail at one address do not skip the next. */
static void test_failures_together_count_once(void **state)
{
    (void)state;
    init("replica.test", 1, false);
    listen(fds[1], 8);
    assert_int_equal(dial(&first), 0);
    assert_int_equal(dial(&second), 0);
    find(2);
    assert_int_equal(first.status, UV_ECONNREFUSED);
    assert_int_equal(second.status, UV_ECONNREFUSED);
    hang_up(&first);
    hang_up(&second);
    dial_and_expect(&first, 0);
    assert_int_equal(port_of(&first), ports[1]);
    hang_up(&first);
    find(2);
}

static void test_too_many_addresses(void **state)
{
    uint16_t many[ENDPOINT_MAX_ADDRESSES + 2] = {0};

    (void)state;
    init("replica.test", 1, false);
    assert_int_equal(dial(&first), 0);
    hang_up(&first);
    resolver_answer(0, many, ENDPOINT_MAX_ADDRESSES + 2);
    assert_int_equal(endpoint.n_addresses, ENDPOINT_MAX_ADDRESSES);
}

/* ---- giving up --------------------------------------------------------------------------- */

static void test_closing_while_connecting(void **state)
{
    (void)state;
    init("127.0.0.1", ports[0], true);
    listen(fds[0], 8);
    assert_int_equal(dial(&first), 0);
    assert_int_equal(first.dial.state, DIAL_CONNECTING);
    uv_close(&first.io.handle, on_closed); /* libuv ends the attempt with UV_ECANCELED */
    run();
    assert_int_equal(first.n_closed, 1);
    assert_int_equal(first.n_done, 0);
}

/* The owner closes io later than it cancels: what comes meanwhile does not reach it. */
static void test_cancelled_but_not_closed_yet(void **state)
{
    (void)state;
    init("127.0.0.1", ports[0], true);
    listen(fds[0], 8);
    assert_int_equal(dial(&first), 0);
    dial_cancel(&first.dial);
    assert_true(dial_has_handle(&first.dial));
    run();
    assert_int_equal(first.n_done, 0);
    dial_cancel(&first.dial); /* twice is harmless */
    hang_up(&first);
}

static void test_an_address_that_was_given_up_is_not_the_next(void **state)
{
    (void)state;
    init("replica.test", 1, false);
    listen(fds[0], 8);
    listen(fds[1], 8);
    assert_int_equal(dial(&first), 0);
    resolver_answer(0, ports, 2);
    assert_int_equal(first.dial.state, DIAL_CONNECTING);
    hang_up(&first);
    dial_and_expect(&first, 0);
    assert_int_equal(port_of(&first), ports[1]);
    hang_up(&first);
    find(2);
}

static void test_cancel_without_an_attempt(void **state)
{
    (void)state;
    dial_cancel(&first.dial); /* zeroed: never started */
    assert_false(dial_has_handle(&first.dial));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_numeric_address),
        TEST(test_an_ipv6_address),
        TEST(test_an_address_that_is_none),
        TEST(test_a_refused_connection),
        TEST(test_a_unix_socket),
        TEST(test_one_look_up_for_all_that_wait),
        TEST(test_a_name_that_is_not_found),
        TEST(test_a_late_answer_is_kept),
        TEST(test_one_of_several_gives_up),
        TEST(test_known_names_need_no_look_up),
        TEST(test_addresses_are_tried_in_turn),
        TEST(test_no_more_after_a_round),
        TEST(test_failures_together_count_once),
        TEST(test_too_many_addresses),
        TEST(test_closing_while_connecting),
        TEST(test_cancelled_but_not_closed_yet),
        TEST(test_an_address_that_was_given_up_is_not_the_next),
        TEST(test_cancel_without_an_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
