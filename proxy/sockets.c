#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"

/* What sockets_bind() works on. */
struct binding {
    struct sockets *sockets;
    const struct sockets_options *options;
    char *problem;
    size_t problem_max;
};

static int fail(const struct binding *b, const char *why)
{
    (void)snprintf(b->problem, b->problem_max, "cannot bind %s: %s", b->options->address->text,
                   why);
    return -1;
}

/* A name for an error that a person meets often, else the system's. */
static const char *error_text(int error)
{
    return error == EADDRINUSE ? "address in use" : strerror(error);
}

static int set_option(int fd, int level, int name)
{
    int on = 1;

    return setsockopt(fd, level, name, &on, sizeof on);
}

/* A TCP socket bound to [address], shared with our other descriptors if [shared]. */
static int bind_tcp(const struct sockaddr *address, socklen_t len, bool shared)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error;

    if (fd < 0) {
        return -errno;
    }
    if (set_option(fd, SOL_SOCKET, SO_REUSEADDR) != 0 ||
        (shared && set_option(fd, SOL_SOCKET, SO_REUSEPORT) != 0) ||
        (address->sa_family == AF_INET6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) != 0) ||
        bind(fd, address, len) != 0) {
        error = errno;
        (void)close(fd);
        return -error;
    }
    return fd;
}

/*
 * With SO_REUSEPORT alone a second instance would quietly take half of the connections of the
 * first. A socket without it cannot be bound where anybody listens.
 */
static int check_unused(const struct sockaddr *address, socklen_t len)
{
    int fd = bind_tcp(address, len, false);

    if (fd < 0) {
        return fd;
    }
    (void)close(fd);
    return 0;
}

static int bind_all_tcp(struct sockets *sockets, const struct addrinfo *info)
{
    struct sockaddr_storage address;
    socklen_t len = info->ai_addrlen;
    uint32_t i;
    int result = check_unused(info->ai_addr, len);

    if (result < 0) {
        return result;
    }
    memcpy(&address, info->ai_addr, len);
    for (i = 0; i < sockets->n_fds; i++) {
        result = bind_tcp((struct sockaddr *)&address, len, true);
        if (result < 0) {
            goto err_after_bind;
        }
        sockets->fds[i] = result;
        /* Port 0: the first learns its port and the others follow. */
        if (i == 0 && getsockname(result, (struct sockaddr *)&address, &len) != 0) {
            result = -errno;
            goto err_after_bind;
        }
    }
    return 0;

err_after_bind:
    for (i = 0; i < sockets->n_fds; i++) {
        if (sockets->fds[i] >= 0) {
            (void)close(sockets->fds[i]);
            sockets->fds[i] = -1;
        }
    }
    return result;
}

/* Write down where the first socket really is. */
static void name_tcp(struct sockets *sockets)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof address;
    char host[INET6_ADDRSTRLEN + 32] = "?", port[8] = "?";
    bool is_v6;

    if (getsockname(sockets->fds[0], (struct sockaddr *)&address, &len) == 0) {
        (void)getnameinfo((struct sockaddr *)&address, len, host, sizeof host, port, sizeof port,
                          NI_NUMERICHOST | NI_NUMERICSERV);
    }
    is_v6 = address.ss_family == AF_INET6;
    (void)snprintf(sockets->text, sizeof sockets->text, "%s%s%s:%s", is_v6 ? "[" : "", host,
                   is_v6 ? "]" : "", port);
}

static int bind_host(const struct binding *b)
{
    const struct config_address *address = b->options->address;
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list, *info;
    char port[8];
    int result;

    hints.ai_flags |= address->is_numeric ? AI_NUMERICHOST : 0;
    (void)snprintf(port, sizeof port, "%u", (unsigned)address->port);
    result = getaddrinfo(address->host, port, &hints, &list);
    if (result != 0) {
        return fail(b, result == EAI_SYSTEM ? strerror(errno) : gai_strerror(result));
    }
    result = -EADDRNOTAVAIL;
    for (info = list; info != NULL; info = info->ai_next) {
        result = bind_all_tcp(b->sockets, info);
        if (result == 0) {
            break;
        }
    }
    freeaddrinfo(list);
    if (result < 0) {
        return fail(b, error_text(-result));
    }
    name_tcp(b->sockets);
    return 0;
}

/* Whether anybody listens at [address]: 0 if not, EADDRINUSE or another errno. */
static int probe_unix(const struct sockaddr_un *address)
{
    struct stat status;
    int fd, error = 0;

    if (lstat(address->sun_path, &status) != 0) {
        return errno == ENOENT ? 0 : errno;
    }
    if (!S_ISSOCK(status.st_mode)) {
        return EEXIST;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN) {
        error = EADDRINUSE;
    } else if (errno != ECONNREFUSED && errno != ENOENT) {
        error = errno;
    }
    (void)close(fd);
    if (error == 0 && unlink(address->sun_path) != 0 && errno != ENOENT) {
        error = errno;
    }
    return error;
}

static int open_unix(const struct sockaddr_un *address, uint32_t mode)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error;

    if (fd < 0) {
        return -errno;
    }
    /* The mode is right before anybody can connect, because nobody can before listen(2). */
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) != 0 ||
        chmod(address->sun_path, (mode_t)mode) != 0) {
        error = errno;
        (void)close(fd);
        return -error;
    }
    return fd;
}

/* Remember which file is ours, so that a successor's is not removed at exit. */
static void own_unix_file(struct sockets *sockets, const char *path)
{
    struct stat status;

    sockets->unix_path = xstrdup(path);
    if (lstat(path, &status) == 0) {
        sockets->unix_device = status.st_dev;
        sockets->unix_inode = status.st_ino;
    }
}

static int bind_unix(const struct binding *b)
{
    struct sockets *sockets = b->sockets;
    const char *path = b->options->address->host;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    uint32_t i;
    int result;

    if (strlen(path) >= sizeof address.sun_path) {
        return fail(b, "path too long for a Unix socket (107 bytes)");
    }
    memcpy(address.sun_path, path, strlen(path));
    result = probe_unix(&address);
    if (result != 0) {
        return fail(b,
                    result == EEXIST ? "the file exists and is not a socket" : error_text(result));
    }
    result = open_unix(&address, b->options->mode);
    if (result < 0) {
        return fail(b, error_text(-result));
    }
    sockets->fds[0] = result;
    own_unix_file(sockets, path);
    for (i = 1; i < sockets->n_fds; i++) {
        sockets->fds[i] = fcntl(sockets->fds[0], F_DUPFD_CLOEXEC, 3);
        if (sockets->fds[i] < 0) {
            return fail(b, strerror(errno));
        }
    }
    (void)snprintf(sockets->text, sizeof sockets->text, "unix:%s", path);
    return 0;
}

int sockets_bind(struct sockets *out, const struct sockets_options *options, char *problem,
                 size_t max)
{
    struct binding b = {out, options, problem, max};
    uint32_t i;
    int result;

    out->n_fds = options->n_fds;
    out->fds = xcalloc(options->n_fds, sizeof *out->fds);
    for (i = 0; i < options->n_fds; i++) {
        out->fds[i] = -1;
    }
    result = options->address->kind == CONFIG_ADDRESS_UNIX ? bind_unix(&b) : bind_host(&b);
    if (result < 0) {
        sockets_deinit(out);
    }
    return result;
}

int sockets_take(struct sockets *sockets, uint32_t index)
{
    int fd = sockets->fds[index];

    sockets->fds[index] = -1;
    return fd;
}

static void unlink_if_ours(const struct sockets *sockets)
{
    struct stat status;

    if (lstat(sockets->unix_path, &status) == 0 && status.st_dev == sockets->unix_device &&
        status.st_ino == sockets->unix_inode) {
        (void)unlink(sockets->unix_path);
    }
}

void sockets_deinit(struct sockets *sockets)
{
    uint32_t i;

    for (i = 0; i < sockets->n_fds; i++) {
        if (sockets->fds[i] >= 0) {
            (void)close(sockets->fds[i]);
        }
    }
    if (sockets->unix_path != NULL) {
        unlink_if_ours(sockets);
    }
    free(sockets->unix_path);
    free(sockets->fds);
    memset(sockets, 0, sizeof *sockets);
}
