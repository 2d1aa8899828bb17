/*
 * crcring: weight * points points a shard, each the CRC-32 of HOST, a zero byte, PORT and the four
 * bytes of the point before, little-endian; before the first stands 0.
 *
 * A name ends in its port if that is a colon and nothing but digits. "unix:" in front of the path
 * of a socket is not part of the host. This is what nginx does for `hash KEY consistent`, and a
 * point depends on its own shard alone, so it is a sound ring without the preset, too.
 *
 * Source: ngx_http_upstream_hash_module of nginx, after Cache::Memcached::Fast; compared with the
 * running nginx 1.22 in the tests.
 */
#include <string.h>

#include "algorithm.h"
#include "hash.h"

#define VALUE_BYTES 4u

static const char socket_prefix[] = "unix:";

static bool is_socket(const char *name)
{
    for (size_t i = 0; socket_prefix[i] != '\0'; i++) {
        unsigned char c = (unsigned char)name[i];

        if (c >= 'A' && c <= 'Z') {
            c = (unsigned char)(c - 'A' + 'a');
        }
        if (c != (unsigned char)socket_prefix[i]) {
            return false;
        }
    }
    return true;
}

/* Length of the host at the head of [name], which a colon follows; or all of it without a port. */
static size_t host_length(const char *name, size_t name_len)
{
    size_t i = name_len;

    while (i > 0 && name[i - 1] >= '0' && name[i - 1] <= '9') {
        i--;
    }
    return i > 0 && name[i - 1] == ':' ? i - 1 : name_len;
}

/* The CRC-32 register after HOST, the zero byte and PORT. */
static uint32_t feed_name(const char *name, size_t name_len)
{
    bool socket = is_socket(name);
    size_t skip = socket ? strlen(socket_prefix) : 0;
    size_t host_end = socket ? name_len : host_length(name, name_len);
    const unsigned char *bytes = (const unsigned char *)name;
    uint32_t crc = ring_crc32_feed(UINT32_MAX, bytes + skip, host_end - skip);

    crc = ring_crc32_feed(crc, (const unsigned char *)"", 1);
    if (host_end < name_len) {
        crc = ring_crc32_feed(crc, bytes + host_end + 1, name_len - host_end - 1);
    }
    return crc;
}

static void crcring_place(const struct ring_member *member, struct ring_point *points)
{
    uint32_t base = feed_name(member->name, member->name_len);
    uint32_t value = 0;

    for (size_t i = 0; i < member->n_points; i++) {
        unsigned char before[VALUE_BYTES];

        for (unsigned b = 0; b < VALUE_BYTES; b++) {
            before[b] = (unsigned char)(value >> 8 * b);
        }
        value = ring_crc32_feed(base, before, sizeof(before)) ^ UINT32_MAX;
        points[i] = (struct ring_point){.value = value, .shard = member->shard};
    }
}

const struct ring_algorithm ring_algorithm_crcring = {
    .count = ring_count_by_weight,
    .place = crcring_place,
};
