/*
 * The application of deploy/local/demo: an ordinary libmemcached client that believes it talks to
 * one memcached. Results go to standard output for the script to read; progress goes to standard
 * error for people: a bar on a terminal, four lines elsewhere.
 *
 *     ringway-demo-client set HOST:PORT N      store user:1 … user:N; prints "N SECONDS"
 *     ringway-demo-client get HOST:PORT N      read them; prints "HITS SECONDS"
 *     ringway-demo-client refill HOST:PORT N   read them, store what is missing; likewise
 *     ringway-demo-client items HOST:PORT...   prints "HOST:PORT ITEMS" for each server
 *     ringway-demo-client ports N              prints N free loopback ports
 *
 * Exit codes: 0 done, 1 wrong usage or a failed request.
 */
#include <libmemcached/memcached.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define KEY_BYTES   32
#define VALUE_BYTES 64
#define BAR_WIDTH   32
#define PORTS_MAX   16

struct progress {
    const char *what;
    unsigned long total;
    unsigned long shown; /* steps of the bar, or quarters, already printed */
    bool is_terminal;
};

static void progress_init(struct progress *progress, const char *what, unsigned long total)
{
    *progress = (struct progress){.what = what, .total = total, .shown = 0};
    progress->is_terminal = isatty(STDERR_FILENO) == 1;
}

static void progress_bar(const struct progress *progress, unsigned long done, unsigned long step)
{
    char bar[BAR_WIDTH + 1];
    for (unsigned long i = 0; i < BAR_WIDTH; i++) {
        bar[i] = i < step ? '#' : '.';
    }
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r   %-6s [%s] %3lu %%  %lu of %lu", progress->what, bar,
            done * 100 / progress->total, done, progress->total);
    if (done == progress->total) {
        fputc('\n', stderr);
    }
}

/* [done] of the total is finished; prints only when that changes what is seen. */
static void progress_update(struct progress *progress, unsigned long done)
{
    const unsigned long steps = progress->is_terminal ? BAR_WIDTH : 4;
    const unsigned long step = done * steps / progress->total;
    if (step == progress->shown && done != progress->total) {
        return;
    }
    progress->shown = step;
    if (progress->is_terminal) {
        progress_bar(progress, done, step);
    } else {
        fprintf(stderr, "   %-6s %3lu %%  %lu of %lu\n", progress->what,
                done * 100 / progress->total, done, progress->total);
    }
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Split HOST:PORT in place; returns the port, or 0 when there is none. */
static in_port_t split_address(char *address)
{
    char *colon = strrchr(address, ':');
    if (colon == NULL) {
        return 0;
    }
    *colon = '\0';
    char *end = NULL;
    const unsigned long port = strtoul(colon + 1, &end, 10);
    return *end == '\0' && port <= UINT16_MAX ? (in_port_t)port : 0;
}

/* A client of the one server at [text]; NULL after a message. The caller frees it. */
static memcached_st *client_create(const char *text)
{
    char address[256];
    if (snprintf(address, sizeof address, "%s", text) >= (int)sizeof address) {
        fprintf(stderr, "ringway-demo-client: address is too long: %s\n", text);
        return NULL;
    }
    const in_port_t port = split_address(address);
    memcached_st *client = port == 0 ? NULL : memcached_create(NULL);
    if (client == NULL) {
        fprintf(stderr, "ringway-demo-client: not HOST:PORT: %s\n", text);
        return NULL;
    }
    memcached_behavior_set(client, MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
    memcached_server_add(client, address, port);
    return client;
}

/* Store user:[i]. Returns 0, or -1 after a message. */
static int set_one(memcached_st *client, unsigned long i)
{
    char key[KEY_BYTES];
    char value[VALUE_BYTES];
    const int key_len = snprintf(key, sizeof key, "user:%lu", i);
    const int value_len = snprintf(value, sizeof value, "{\"id\": %lu, \"plan\": \"basic\"}", i);
    const memcached_return_t rc =
        memcached_set(client, key, (size_t)key_len, value, (size_t)value_len, 0, 0);
    if (rc == MEMCACHED_SUCCESS) {
        return 0;
    }
    fprintf(stderr, "\nringway-demo-client: set %s: %s\n", key,
            memcached_last_error_message(client));
    return -1;
}

/* Read user:[i]. Returns 1 for a hit, 0 for a miss, -1 after a message. */
static int get_one(memcached_st *client, unsigned long i)
{
    char key[KEY_BYTES];
    const int key_len = snprintf(key, sizeof key, "user:%lu", i);
    size_t value_len = 0;
    uint32_t flags = 0;
    memcached_return_t rc = MEMCACHED_FAILURE;
    char *value = memcached_get(client, key, (size_t)key_len, &value_len, &flags, &rc);
    free(value);
    if (rc == MEMCACHED_SUCCESS) {
        return 1;
    }
    if (rc == MEMCACHED_NOTFOUND) {
        return 0;
    }
    fprintf(stderr, "\nringway-demo-client: get %s: %s\n", key,
            memcached_last_error_message(client));
    return -1;
}

/* One request of the command [verb] for key [i]. Returns 1 done or hit, 0 miss, -1 failed. */
static int request(memcached_st *client, const char *verb, unsigned long i)
{
    if (strcmp(verb, "set") == 0) {
        return set_one(client, i) == 0 ? 1 : -1;
    }
    const int hit = get_one(client, i);
    if (hit == 0 && strcmp(verb, "refill") == 0 && set_one(client, i) < 0) {
        return -1;
    }
    return hit;
}

static int run_requests(const char *verb, const char *address, const char *count)
{
    const unsigned long n_keys = strtoul(count, NULL, 10);
    memcached_st *client = n_keys == 0 ? NULL : client_create(address);
    if (client == NULL) {
        return 1;
    }
    struct progress progress;
    progress_init(&progress, strcmp(verb, "set") == 0 ? "set" : "get", n_keys);
    const double start = seconds_now();
    unsigned long n_hits = 0;
    int rc = 0;
    for (unsigned long i = 1; i <= n_keys && rc >= 0; i++) {
        rc = request(client, verb, i);
        n_hits += rc == 1;
        progress_update(&progress, i);
    }
    memcached_free(client);
    printf("%lu %.2f\n", n_hits, seconds_now() - start);
    return rc < 0 ? 1 : 0;
}

static int print_items(const char *address)
{
    memcached_st *client = client_create(address);
    if (client == NULL) {
        return 1;
    }
    memcached_return_t rc = MEMCACHED_FAILURE;
    memcached_stat_st *stats = memcached_stat(client, NULL, &rc);
    char *items =
        rc == MEMCACHED_SUCCESS ? memcached_stat_get_value(client, stats, "curr_items", &rc) : NULL;
    if (items == NULL) {
        fprintf(stderr, "ringway-demo-client: stats of %s: %s\n", address,
                memcached_strerror(client, rc));
    } else {
        printf("%s %s\n", address, items);
    }
    free(items);
    memcached_stat_free(client, stats);
    memcached_free(client);
    return items == NULL ? 1 : 0;
}

/* A loopback port that nobody has, held open by [fd] until the caller closes it; 0: none. */
static unsigned free_port(int *fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0 || bind(*fd, (struct sockaddr *)&address, len) < 0 ||
        getsockname(*fd, (struct sockaddr *)&address, &len) < 0) {
        perror("ringway-demo-client: no free port");
        return 0;
    }
    return ntohs(address.sin_port);
}

static int print_ports(const char *count)
{
    const unsigned long n_ports = strtoul(count, NULL, 10);
    int fds[PORTS_MAX];
    unsigned long n_open = 0;
    int rc = n_ports <= PORTS_MAX ? 0 : 1;
    while (rc == 0 && n_open < n_ports) {
        const unsigned port = free_port(&fds[n_open]);
        rc = port == 0;
        n_open += fds[n_open] >= 0;
        if (port != 0) {
            printf("%u\n", port);
        }
    }
    while (n_open > 0) {
        close(fds[--n_open]);
    }
    return rc;
}

int main(int argc, char **argv)
{
    const char *verb = argc >= 3 ? argv[1] : "";
    if (argc == 4 &&
        (strcmp(verb, "set") == 0 || strcmp(verb, "get") == 0 || strcmp(verb, "refill") == 0)) {
        return run_requests(verb, argv[2], argv[3]);
    }
    if (strcmp(verb, "ports") == 0) {
        return print_ports(argv[2]);
    }
    if (strcmp(verb, "items") == 0) {
        int rc = 0;
        for (int i = 2; i < argc; i++) {
            rc |= print_items(argv[i]);
        }
        return rc;
    }
    fputs("usage: ringway-demo-client set|get|refill HOST:PORT N | items HOST:PORT... | ports N\n",
          stderr);
    return 1;
}
