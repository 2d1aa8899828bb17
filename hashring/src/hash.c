#include "hash.h"

enum { HASHRING_NONE = -1 };

#define HASHRING_HASH(id, name, bits, preset_id)                                                   \
    [HASHRING_##id] = {ring_hash_##name, bits, HASHRING_##preset_id},
static const struct ring_hash rows[] = {
#include "hashes.def"
};
#undef HASHRING_HASH

const struct ring_hash *ring_hash_row(enum hashring_hash_kind kind)
{
    return (size_t)kind < sizeof(rows) / sizeof(rows[0]) ? &rows[kind] : NULL;
}
