#include "data/session.h"

#include <netinet/in.h>
#include <stdio.h>

#include "base/memory.h"

static void format_peer(struct session *session, char *text, size_t size)
{
    struct sockaddr_storage address;
    int len = sizeof(address);
    char host[INET6_ADDRSTRLEN];

    if (session->listener->config->bind.kind != CONFIG_ADDRESS_TCP) {
        snprintf(text, size, "unix:");
        return;
    }
    if (uv_tcp_getpeername(&session->io.tcp, (struct sockaddr *)&address, &len) != 0) {
        snprintf(text, size, "?");
        return;
    }
    if (address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;

        uv_ip6_name(v6, host, sizeof(host));
        snprintf(text, size, "[%s]:%u", host, (unsigned)ntohs(v6->sin6_port));
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;

        uv_ip4_name(v4, host, sizeof(host));
        snprintf(text, size, "%s:%u", host, (unsigned)ntohs(v4->sin_port));
    }
}

const char *session_peer(struct session *session)
{
    if (session->peer == NULL) {
        char text[INET6_ADDRSTRLEN + 16];

        format_peer(session, text, sizeof(text));
        session->peer = xstrdup(text);
    }
    return session->peer;
}
