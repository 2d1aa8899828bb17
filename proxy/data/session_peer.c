#include "data/session.h"

#include <netinet/in.h>
#include <stdio.h>

#include "base/memory.h"

struct slice session_ip(const struct session *session, char room[SESSION_IP_BYTES])
{
    room[0] = '\0';
    if (session->address.any.sa_family == AF_INET6) {
        uv_ip6_name(&session->address.v6, room, SESSION_IP_BYTES);
    } else if (session->address.any.sa_family == AF_INET) {
        uv_ip4_name(&session->address.v4, room, SESSION_IP_BYTES);
    }
    return slice_of(room);
}

static void format_peer(struct session *session, char *text, size_t size)
{
    const union session_address *address = &session->address;
    char ip[SESSION_IP_BYTES];

    (void)session_ip(session, ip);
    if (address->any.sa_family == AF_INET6) {
        snprintf(text, size, "[%s]:%u", ip, (unsigned)ntohs(address->v6.sin6_port));
    } else if (address->any.sa_family == AF_INET) {
        snprintf(text, size, "%s:%u", ip, (unsigned)ntohs(address->v4.sin_port));
    } else {
        snprintf(text, size, "unix:");
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
