#include "data/endpoint.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define KEEPALIVE_S 60u
#define FRESH_MS    1000u /* addresses younger than this that have not failed need no look-up */

/* ---- addresses --------------------------------------------------------------------------- */

/* Not valid as an address: no address is known, and connecting fails. */
static void parse_numeric(struct endpoint *endpoint)
{
    const struct config_address *address = endpoint->address;
    void *to = &endpoint->addresses[0];

    if (uv_ip4_addr(address->host, address->port, to) == 0 ||
        uv_ip6_addr(address->host, address->port, to) == 0) {
        endpoint->n_addresses = 1;
    }
}

static bool is_unix(const struct endpoint *endpoint)
{
    return endpoint->address->kind == CONFIG_ADDRESS_UNIX;
}

static bool is_name(const struct endpoint *endpoint)
{
    return !is_unix(endpoint) && !endpoint->address->is_numeric;
}

void endpoint_init(struct endpoint *endpoint, uv_loop_t *loop, const struct config_address *address)
{
    *endpoint = (struct endpoint){.loop = loop, .address = address};
    list_init(&endpoint->waiting);
    if (!is_unix(endpoint) && address->is_numeric) {
        parse_numeric(endpoint);
    }
}

bool endpoint_is_known(const struct endpoint *endpoint)
{
    return is_unix(endpoint) || endpoint->n_addresses > 0;
}

bool endpoint_has_more(const struct endpoint *endpoint)
{
    return endpoint->n_addresses > 1 && endpoint->next_address % endpoint->n_addresses != 0;
}

/* Attempts that failed at one address together go to the next one together. */
static void note_failure(struct dial *dial)
{
    struct endpoint *endpoint = dial->endpoint;

    endpoint->fresh_until_ms = 0;
    if (endpoint->next_address == dial->tried) {
        endpoint->next_address++;
    }
}

/* ---- connecting -------------------------------------------------------------------------- */

static void on_connect(uv_connect_t *connect, int status)
{
    struct dial *dial = connect->data;

    if (status == UV_ECANCELED) {
        return; /* io is being closed */
    }
    if (status == 0) {
        dial->state = DIAL_OPEN;
    } else {
        note_failure(dial);
    }
    if (dial->done != NULL) {
        dial->done(dial, status);
    }
}

static int connect_unix(struct dial *dial)
{
    int err = uv_pipe_init(dial->endpoint->loop, &dial->io->pipe, 0);

    if (err != 0) {
        return err;
    }
    dial->state = DIAL_CONNECTING;
    uv_pipe_connect(&dial->connect, &dial->io->pipe, dial->endpoint->address->host, on_connect);
    return 0;
}

static int connect_tcp(struct dial *dial)
{
    struct endpoint *endpoint = dial->endpoint;
    uint32_t next = endpoint->next_address % endpoint->n_addresses;
    int err = uv_tcp_init(endpoint->loop, &dial->io->tcp);

    if (err != 0) {
        return err;
    }
    dial->state = DIAL_CONNECTING;
    dial->tried = endpoint->next_address;
    err = uv_tcp_connect(&dial->connect, &dial->io->tcp,
                         (const struct sockaddr *)&endpoint->addresses[next], on_connect);
    if (err != 0) {
        note_failure(dial);
        return err;
    }
    uv_tcp_nodelay(&dial->io->tcp, 1);
    uv_tcp_keepalive(&dial->io->tcp, 1, KEEPALIVE_S);
    return 0;
}

/* ---- looking up -------------------------------------------------------------------------- */

static void keep_addresses(struct endpoint *endpoint, const struct addrinfo *found)
{
    endpoint->n_addresses = 0;
    for (; found != NULL && endpoint->n_addresses < ENDPOINT_MAX_ADDRESSES;
         found = found->ai_next) {
        if (found->ai_addrlen <= sizeof(endpoint->addresses[0])) {
            memcpy(&endpoint->addresses[endpoint->n_addresses++], found->ai_addr,
                   found->ai_addrlen);
        }
    }
    endpoint->fresh_until_ms = uv_now(endpoint->loop) + FRESH_MS;
}

/* Those that waited connect or fail; one that begins to wait now waits for the next look-up. */
static void end_waiting(struct endpoint *endpoint, int status)
{
    struct list waiting, *link;

    list_init(&waiting);
    while ((link = list_pop(&endpoint->waiting)) != NULL) {
        list_append(&waiting, link);
    }
    while ((link = list_pop(&waiting)) != NULL) {
        struct dial *dial = LIST_ENTRY(link, struct dial, waiting);
        int err = status != 0 ? status : UV_EAI_NONAME;

        dial->state = DIAL_NONE;
        if (endpoint->n_addresses > 0) {
            err = connect_tcp(dial);
        }
        if (err != 0) {
            dial->done(dial, err);
        }
    }
}

/* An answer is kept however late it comes: the next attempt needs no look-up. */
static void on_found(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct endpoint *endpoint = lookup->data;
    bool was_known = endpoint->n_addresses > 0;

    endpoint->looking_up = false;
    if (status == 0) {
        keep_addresses(endpoint, found);
    }
    uv_freeaddrinfo(found);
    end_waiting(endpoint, status);
    if (!was_known && endpoint->n_addresses > 0 && endpoint->on_known != NULL) {
        endpoint->on_known(endpoint);
    }
}

static int look_up(struct endpoint *endpoint)
{
    const struct config_address *address = endpoint->address;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char service[8];
    int err;

    if (endpoint->looking_up) {
        return 0; /* the last look-up has not come back yet: its answer will do */
    }
    if (endpoint->n_addresses > 0 && uv_now(endpoint->loop) < endpoint->fresh_until_ms) {
        return 0;
    }
    snprintf(service, sizeof(service), "%u", (unsigned)address->port);
    endpoint->lookup.data = endpoint;
    err =
        uv_getaddrinfo(endpoint->loop, &endpoint->lookup, on_found, address->host, service, &hints);
    endpoint->looking_up = err == 0;
    return err;
}

/* With addresses from an earlier look-up: connect to the next, and look up again meanwhile. */
static int connect_name(struct dial *dial)
{
    struct endpoint *endpoint = dial->endpoint;
    int err = look_up(endpoint);

    if (endpoint->n_addresses > 0) {
        return connect_tcp(dial);
    }
    if (err == 0) {
        dial->state = DIAL_LOOKING_UP;
        list_append(&endpoint->waiting, &dial->waiting);
    }
    return err;
}

/* ---- an attempt -------------------------------------------------------------------------- */

int dial_start(struct dial *dial, struct endpoint *endpoint, union stream_io *io, void *data,
               dial_done_fn done)
{
    *dial = (struct dial){.endpoint = endpoint, .io = io, .done = done, .state = DIAL_NONE};
    list_init(&dial->waiting);
    dial->connect.data = dial;
    io->handle.data = data; /* libuv leaves it alone when the handle is initialised */
    if (is_unix(endpoint)) {
        return connect_unix(dial);
    }
    if (is_name(endpoint)) {
        return connect_name(dial);
    }
    return endpoint->n_addresses > 0 ? connect_tcp(dial) : UV_EINVAL;
}

void dial_cancel(struct dial *dial)
{
    dial->done = NULL;
    if (dial->state == DIAL_LOOKING_UP) {
        list_remove(&dial->waiting);
        dial->state = DIAL_NONE;
    } else if (dial->state == DIAL_CONNECTING) {
        note_failure(dial);
    }
}
