/*
 * XXH3, 64 bits, and the older XXH64, as hashes of keys both with seed 0: XXH3 is final since xxHash 0.8.0. Compiled
 * into this file alone, so that neither the library nor its users need libxxhash at run time.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "hash.h"

#if XXH_VERSION_NUMBER < 800
#error "xxHash 0.8.0 or newer is needed: earlier XXH3 gives other values"
#endif

uint64_t ring_hash_xxh3(const unsigned char *key, size_t len)
{
    return XXH3_64bits(key, len);
}

/* XXH64 reads nothing of no bytes, but static analysis takes its test for NULL as a sign of more. */
uint64_t ring_xxh64(const unsigned char *data, size_t len, uint64_t seed)
{
    static const unsigned char no_bytes[1];

    return XXH64(data != NULL ? data : no_bytes, len, seed);
}

uint64_t ring_hash_xxh64(const unsigned char *key, size_t len)
{
    return ring_xxh64(key, len, 0);
}
