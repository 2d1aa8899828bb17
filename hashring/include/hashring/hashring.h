/**
 * hashring: consistent hashing. A key goes in, indexes of shards come out.
 *
 * It is a pure C17 library: no I/O, no clock, no threads, no global state. It does not know what a
 * shard is (a name and a weight), where it lives or whether it is up.
 *
 * A ring is built once by hashring_create() and never changes afterwards. Every function that takes
 * a `const struct hashring *` may be called from any number of threads at the same time, allocates
 * nothing and cannot fail.
 *
 *     uint64_t hash = hashring_hash(ring, key, key_len);
 *     uint32_t shard = hashring_home(ring, hash);
 *
 * A placement is a promise: the shard that a key gets from the same names, weights and options is
 * the same on every machine and in every release.
 */
#ifndef HASHRING_HASHRING_H
#define HASHRING_HASHRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most shards of one ring. The lookup table holds 16-bit indexes and keeps one value as a mark. */
#define HASHRING_MAX_SHARDS 65534u
/** Longest name of a shard, in bytes, without the closing NUL. */
#define HASHRING_MAX_NAME_BYTES 255u
/** Heaviest shard. */
#define HASHRING_MAX_WEIGHT 1000000u
/** Most shards of "slots" and "maglev": the lightest of equals has 16 slots. */
#define HASHRING_MAX_TABLE_SHARDS 4096u
/** Most points per unit of weight. */
#define HASHRING_MAX_POINTS 16384u
/** Most points of one ring, all shards together: about 0.4 GiB of tables. */
#define HASHRING_MAX_TOTAL_POINTS (UINT32_C(1) << 24)

/**
 * How a hash finds its shard: on a ring of points, in a table of slots, or by computing. Accepted in
 * text by hashring_algorithm_parse(). The numbers are fixed.
 */
enum hashring_algorithm {
    /** "xxring", the default: weight * points points a shard, XXH3-64 of "name-i". */
    HASHRING_XXRING = 0,
    /** "ketama": MD5 of "name-i", four points a digest. With a preset, bit for bit as elsewhere. */
    HASHRING_KETAMA = 1,
    /**
     * "crcring": weight * points points a shard, a chain of CRC-32 that begins with the name. With
     * the preset nginx, bit for bit as there.
     */
    HASHRING_CRCRING = 2,
    /**
     * "xx64ring": weight * points points a shard, all 64 bits of XXH64 of "name_i". With the preset
     * envoy, bit for bit as there.
     */
    HASHRING_XX64RING = 3,
    /**
     * "slots": 65536 slots, each of which goes to the shard with the best score there, but none
     * takes more than 1.05 times its part. The evenest that moves hardly a key without need.
     */
    HASHRING_SLOTS = 4,
    /** "maglev": the table of 65537 slots of the publication, weighted as in Envoy. */
    HASHRING_MAGLEV = 5,
    /** "jump": jump consistent hash over the shards by name. Weights must be equal. */
    HASHRING_JUMP = 6,
    /** "rendezvous": the shard with the best score for the key; a look-up takes O(shards). */
    HASHRING_RENDEZVOUS = 7,
    /**
     * "modulo": hash mod n over the shards by name, for comparison; with the preset libmemcached
     * by position. Weights must be equal.
     */
    HASHRING_MODULO = 8,
};

/**
 * How keys are hashed. Accepted in text by hashring_hash_kind_parse(). The numbers are fixed.
 *
 * Use XXH3 unless keys must go where another program sends them: the older functions are slower
 * and scatter keys less well. The functions called hashkit_* are what libmemcached and twemproxy
 * run on x86 under the same name without the prefix: they take bytes above 0x7f as negative numbers
 * and some cut their result short. A preset uses them by itself.
 */
enum hashring_hash_kind {
    HASHRING_XXH3 = 0,          /**< "xxh3", 64 bits, the default */
    HASHRING_MD5 = 1,           /**< "md5", the first 4 bytes of the digest, little-endian */
    HASHRING_FNV1A_64 = 2,      /**< "fnv1a_64", 64 bits */
    HASHRING_FNV1_64 = 3,       /**< "fnv1_64", 64 bits */
    HASHRING_FNV1A_32 = 4,      /**< "fnv1a_32" */
    HASHRING_FNV1_32 = 5,       /**< "fnv1_32" */
    HASHRING_CRC32 = 6,         /**< "crc32", of IEEE 802.3 */
    HASHRING_ONE_AT_A_TIME = 7, /**< "one_at_a_time", Jenkins 1997 */
    HASHRING_MURMUR = 8,        /**< "murmur", MurmurHash2, seed 0xdeadbeef * length */
    HASHRING_JENKINS = 9,       /**< "jenkins", lookup3, initial value 13 */
    HASHRING_HSIEH = 10,        /**< "hsieh", SuperFastHash, initial value 0 */
    HASHRING_CRC16 = 11,        /**< "crc16", twemproxy's: CRC-16/XMODEM in the low half */
    HASHRING_CRC32A = 12,       /**< "crc32a", twemproxy's name for the true CRC-32 */

    HASHRING_HASHKIT_FNV1A_64 = 13,      /**< "hashkit_fnv1a_64", computed in 32 bits */
    HASHRING_HASHKIT_FNV1_64 = 14,       /**< "hashkit_fnv1_64", the low 32 bits */
    HASHRING_HASHKIT_FNV1A_32 = 15,      /**< "hashkit_fnv1a_32" */
    HASHRING_HASHKIT_FNV1_32 = 16,       /**< "hashkit_fnv1_32" */
    HASHRING_HASHKIT_CRC32 = 17,         /**< "hashkit_crc32", 15 bits only */
    HASHRING_HASHKIT_ONE_AT_A_TIME = 18, /**< "hashkit_one_at_a_time" */

    HASHRING_XXH64 = 19, /**< "xxh64", 64 bits, XXH3's predecessor, seed 0 */
};

/**
 * Whose placement to reproduce, key for key. Accepted in text by hashring_preset_parse().
 *
 * In libmemcached and twemproxy a name that ends in ":11211" is placed without that ending. The
 * order of the original decides where two points fall on the same value.
 */
enum hashring_preset {
    /** "none": Ringway's own rings. The order of the shards never matters. */
    HASHRING_PRESET_NONE = 0,
    /**
     * "libmemcached-weighted": MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED of libmemcached 1.x. Shards are
     * named "host" or "host:port" and stand in the order of its server list. A name that begins
     * with "/" is a Unix socket. [hash] stands for MEMCACHED_BEHAVIOR_HASH set after
     * KETAMA_WEIGHTED, md5 as a rule.
     */
    HASHRING_PRESET_LIBMEMCACHED_WEIGHTED = 1,
    /**
     * "twemproxy": `distribution: ketama` of twemproxy (nutcracker). Shards are named as configured
     * there, or "host:port" where no name is. A name that begins with "/" is a Unix socket without
     * a name. The order of the shards does not matter: twemproxy sorts them by length and bytes of
     * the name. [hash] stands for `hash:`, fnv1a_64 unless set. Names of more than 74 bytes, which
     * overrun a buffer there, are not reproduced.
     */
    HASHRING_PRESET_TWEMPROXY = 2,
    /**
     * "nginx": `hash KEY consistent` of nginx's module ngx_http_upstream_hash. Shards are named as
     * its `server` lines do, "host", "host:port" or "unix:/path", and stand in their order. [hash]
     * is crc32. What follows the home is the server that nginx tries next, as long as it walks:
     * after twenty points in vain it takes the servers in turn. So it does for an empty key, which
     * has one home here.
     */
    HASHRING_PRESET_NGINX = 3,
    /**
     * "envoy": the ring_hash load balancer of Envoy with its own sizes of the ring (1024 to 8388608
     * points) and one hash policy for the header, cookie or query parameter that is the key. Shards
     * are named as Envoy prints the addresses, "10.0.0.1:8080", "[::1]:8080" or the path of a
     * socket, and stand in its order: that decides where shares are rounded. [hash] is xxh64.
     */
    HASHRING_PRESET_ENVOY = 4,
    /**
     * "libmemcached": MEMCACHED_DISTRIBUTION_MODULA, what memcached_create() has before any
     * behaviour is set. The position in the list is all that counts. [hash] stands for
     * MEMCACHED_BEHAVIOR_HASH, one_at_a_time unless set. Weights, which libmemcached ignores here,
     * must be equal. What follows the home is where it keeps its replicas.
     */
    HASHRING_PRESET_LIBMEMCACHED = 5,
};

/** X(NAME, number, text) for each error. */
#define HASHRING_ERRORS(X)                                                                         \
    X(HASHRING_ERR_INVALID, -1, "invalid argument")                                                \
    X(HASHRING_ERR_UNKNOWN_NAME, -2, "unknown name")                                               \
    X(HASHRING_ERR_NO_SHARDS, -3, "no shards")                                                     \
    X(HASHRING_ERR_TOO_MANY_SHARDS, -4, "too many shards")                                         \
    X(HASHRING_ERR_BAD_NAME, -5, "the name of a shard is empty or too long")                       \
    X(HASHRING_ERR_DUPLICATE_NAME, -6, "two shards have the same name")                            \
    X(HASHRING_ERR_BAD_WEIGHT, -7, "the weight of a shard is out of range")                        \
    X(HASHRING_ERR_BAD_POINTS, -8, "the number of points is out of range or set by the preset")    \
    X(HASHRING_ERR_TOO_MANY_POINTS, -9, "weights and points make too many points")                 \
    X(HASHRING_ERR_BAD_ALGORITHM, -10, "the preset has another algorithm")                         \
    X(HASHRING_ERR_BAD_HASH, -11, "the preset does not have this hash")                            \
    X(HASHRING_ERR_NO_MEMORY, -12, "out of memory")                                                \
    X(HASHRING_ERR_UNEQUAL_WEIGHTS, -13, "the algorithm takes shards of equal weight only")

#define HASHRING_ERROR_ENUMERATOR(name, number, text) name = number,
enum hashring_error { HASHRING_ERRORS(HASHRING_ERROR_ENUMERATOR) };
#undef HASHRING_ERROR_ENUMERATOR

/** One member of a ring. */
struct hashring_shard {
    const char *name; /**< 1..HASHRING_MAX_NAME_BYTES bytes and a NUL, unique in the ring */
    uint32_t weight;  /**< 1..HASHRING_MAX_WEIGHT; twice the weight, twice the keys */
};

/** How to build a ring. Begin with hashring_options_init(). */
struct hashring_options {
    enum hashring_preset preset;
    enum hashring_algorithm algorithm;
    enum hashring_hash_kind hash;
    /**
     * Points per unit of weight, 1..HASHRING_MAX_POINTS; 0 is the algorithm's default, and all that
     * an algorithm without points takes. A preset has a number of its own, in envoy the least size
     * of the whole ring.
     */
    uint32_t points;
    /** Hash only what stands between hash_tag[0] and hash_tag[1]; see hashring_key_part(). */
    bool has_hash_tag;
    unsigned char hash_tag[2];
};

/** An immutable ring. */
struct hashring;

/**
 * Text for an error of this library.
 *
 * [error] 0 or any enum hashring_error; other values are allowed.
 *
 * Returns a constant string, never NULL.
 */
const char *hashring_strerror(int error);

/**
 * Set the defaults: no preset, xxring, xxh3, the algorithm's own number of points (xxring and
 * xx64ring 512, ketama and crcring 160), no hash tag.
 *
 * [options] Not NULL. Overwritten.
 */
void hashring_options_init(struct hashring_options *options);

/**
 * Set preset, algorithm, hash and points to what [preset] means. The hash tag is left alone.
 *
 * A caller may change [options]->hash afterwards where the original program has a choice.
 *
 * [options] Not NULL, initialised.
 * [preset]  Any; HASHRING_PRESET_NONE sets the defaults of hashring_options_init().
 *
 * Returns 0, or HASHRING_ERR_INVALID if [preset] is not one of the enumeration.
 */
int hashring_options_preset(struct hashring_options *options, enum hashring_preset preset);

/**
 * Read the configuration name of an algorithm, a hash function or a preset.
 *
 * [name] Not NULL, NUL-terminated, lower case as in the tables above.
 * [out]  Not NULL. Set on success only.
 *
 * Returns 0, or HASHRING_ERR_UNKNOWN_NAME.
 */
int hashring_algorithm_parse(const char *name, enum hashring_algorithm *out);
int hashring_hash_kind_parse(const char *name, enum hashring_hash_kind *out);
int hashring_preset_parse(const char *name, enum hashring_preset *out);

/**
 * The configuration name.
 *
 * Returns a constant string, or NULL past the last value: count up from 0 to meet them all.
 */
const char *hashring_algorithm_name(enum hashring_algorithm algorithm);
const char *hashring_hash_kind_name(enum hashring_hash_kind kind);
const char *hashring_preset_name(enum hashring_preset preset);

/**
 * All configuration names as one constant string, "xxring, ketama…", for messages.
 */
const char *hashring_algorithm_names(void);
const char *hashring_hash_kind_names(void);
const char *hashring_preset_names(void);

/**
 * Build a ring.
 *
 * [out]      Not NULL. Receives a ring that the caller owns, or NULL on error.
 * [shards]   [n_shards] of them. Borrowed for the call only: nothing of it is kept. Results are
 *            indexes into this array, in this order.
 * [n_shards] 1..HASHRING_MAX_SHARDS.
 * [options]  NULL for the defaults. Borrowed for the call only.
 *
 * Returns 0 or
 *   HASHRING_ERR_INVALID          [out] or [shards] is NULL, or an option is not of its enumeration
 *   HASHRING_ERR_NO_SHARDS        [n_shards] is 0
 *   HASHRING_ERR_TOO_MANY_SHARDS  [n_shards] is above HASHRING_MAX_SHARDS, or for slots and maglev
 *                                 above HASHRING_MAX_TABLE_SHARDS
 *   HASHRING_ERR_BAD_NAME         a name is NULL, empty or too long
 *   HASHRING_ERR_DUPLICATE_NAME   two names are equal
 *   HASHRING_ERR_BAD_WEIGHT       a weight is 0 or above HASHRING_MAX_WEIGHT
 *   HASHRING_ERR_BAD_POINTS       points are out of range, not what the preset has, or given to an
 *                                 algorithm without points
 *   HASHRING_ERR_TOO_MANY_POINTS  more than HASHRING_MAX_TOTAL_POINTS points in all
 *   HASHRING_ERR_BAD_ALGORITHM    the preset has another algorithm
 *   HASHRING_ERR_BAD_HASH         the preset has no such hash function
 *   HASHRING_ERR_UNEQUAL_WEIGHTS  jump or modulo with shards of different weights
 *   HASHRING_ERR_NO_MEMORY
 *
 * Cost: O(points), about 1 ms for 100 shards of 512 points; slots O(65536 * shards), about 10 ms for
 * 100 shards. Allocates.
 */
int hashring_create(struct hashring **out, const struct hashring_shard *shards, size_t n_shards,
                    const struct hashring_options *options);

/**
 * Build a ring with the help of another: exactly what hashring_create() builds, but sooner where
 * [old] is a ring of slots whose shards are all among [shards], under the same names and weights.
 * Then it costs O(65536) for each that is new.
 *
 * [old] NULL, or any ring. Borrowed for the call only.
 *
 * The other arguments, the result and the errors are those of hashring_create().
 */
int hashring_create_from(struct hashring **out, const struct hashring *old,
                         const struct hashring_shard *shards, size_t n_shards,
                         const struct hashring_options *options);

/**
 * Free a ring and clear the pointer.
 *
 * [ring] Not NULL; *[ring] may be NULL.
 */
void hashring_destroy(struct hashring **ring);

/**
 * The part of a key that decides its place: what stands between the two bytes of the hash tag, or
 * the whole key if the ring has no tag, if one of the bytes is missing, or if nothing is between.
 * The first opening byte counts, and the first closing byte after it.
 *
 * [ring]     Not NULL.
 * [key]      [key_len] bytes. May be NULL if [key_len] is 0.
 * [part_len] Not NULL. Receives the length of the part in bytes.
 *
 * Returns a pointer into [key].
 */
const void *hashring_key_part(const struct hashring *ring, const void *key, size_t key_len,
                              size_t *part_len);

/**
 * Hash a key for a ring: hashring_key_part(), then the ring's hash function.
 *
 * [ring] Not NULL.
 * [key]  [key_len] bytes, any values. May be NULL if [key_len] is 0.
 *
 * Returns all hashring_hash_bits() bits of the hash; the upper half of a 32-bit hash is zero.
 */
uint64_t hashring_hash(const struct hashring *ring, const void *key, size_t key_len);

/**
 * Pick up to [max] distinct shards for [hash], best first.
 *
 * The sequence of a hash is fixed: a larger [max] continues it. The first is the home. The rest is
 * what the walk along the ring meets, so that the second takes the keys over if the first leaves.
 * So it does with rendezvous, and mostly with slots and maglev; not with jump and modulo.
 *
 * [ring] Not NULL.
 * [hash] From hashring_hash() of the same ring.
 * [out]  At least [max] slots; receives indexes into the array given to hashring_create().
 * [max]  Any. 1 is the fast path.
 *
 * Returns the number written: [max], or fewer if fewer shards have points on the ring. Only
 * the formula of a preset leaves a shard of very small relative weight without points.
 * Cost: one load and compare for the first; O(points walked) for the rest. Slots know four by
 * heart; more, and those of maglev and rendezvous, cost O(shards).
 * Source: Karger et al., STOC 1997; the walk: DeCandia et al. (Dynamo), SOSP 2007, 4.3.
 */
size_t hashring_pick(const struct hashring *ring, uint64_t hash, uint32_t *out, size_t max);

/**
 * The home of [hash]: the first that hashring_pick() gives.
 *
 * [ring] Not NULL.
 * [hash] From hashring_hash() of the same ring.
 */
uint32_t hashring_home(const struct hashring *ring, uint64_t hash);

/** How many shards the ring was built from. */
size_t hashring_n_shards(const struct hashring *ring);

/**
 * How many points the ring has, all shards together; 0 if the algorithm has none. With the preset
 * nginx a value counts once, as only its first server has a point there.
 */
size_t hashring_n_points(const struct hashring *ring);

/** How many slots the table of slots and maglev has; otherwise 0. */
size_t hashring_n_slots(const struct hashring *ring);

/** Width of what hashring_hash() returns: 64 or 32 bits. The topmost bits decide the place. */
unsigned hashring_hash_bits(const struct hashring *ring);

/**
 * The fraction of all hashes whose home is [shard]. Exact with points and slots, but in xx64ring each
 * point may be off by 2^-32. Without a table it is the shard's part of the weight, which many hashes
 * approach. The sum over all shards is 1, but for rounding.
 *
 * [shard] Below hashring_n_shards(); 0.0 is returned beyond.
 */
double hashring_share(const struct hashring *ring, uint32_t shard);

/** Heap memory of the ring, in bytes. */
size_t hashring_memory_bytes(const struct hashring *ring);

#ifdef __cplusplus
}
#endif

#endif
