#include "data/session.h"

#include <stdio.h>

struct slice session_ip(const struct session *session, char room[SESSION_IP_BYTES])
{
    room[0] = '\0';
    if (session->address.family != 0) {
        (void)uv_inet_ntop(session->address.family, session->address.ip, room, SESSION_IP_BYTES);
    }
    return slice_of(room);
}

static void format_peer(const struct session *session, char *text, size_t size)
{
    char ip[SESSION_IP_BYTES];

    (void)session_ip(session, ip);
    if (session->address.family == AF_INET6) {
        snprintf(text, size, "[%s]:%u", ip, (unsigned)session->address.port);
    } else if (session->address.family == AF_INET) {
        snprintf(text, size, "%s:%u", ip, (unsigned)session->address.port);
    } else {
        snprintf(text, size, "unix:");
    }
}

const char *session_peer(const struct session *session)
{
    format_peer(session, session->plane->peer, sizeof(session->plane->peer));
    return session->plane->peer;
}
