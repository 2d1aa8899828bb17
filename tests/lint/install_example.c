/* What a user of the installed library writes: check-install builds and runs it. */
#include <hashring/hashring.h>
#include <stdio.h>

int main(void)
{
    const struct hashring_shard shards[] = {{"a", 1}, {"b", 1}, {"c", 2}};
    struct hashring *ring = NULL;
    const int rc = hashring_create(&ring, shards, 3, NULL);
    if (rc != 0) {
        fprintf(stderr, "hashring_create: %s\n", hashring_strerror(rc));
        return 1;
    }
    const uint64_t hash = hashring_hash(ring, "user:42", 7);
    uint32_t picked[3];
    const size_t n_picked = hashring_pick(ring, hash, picked, 3);
    for (size_t i = 0; i < n_picked; i++) {
        printf("%s%s", i == 0 ? "user:42 lives on " : ", then ", shards[picked[i]].name);
    }
    putchar('\n');
    hashring_destroy(&ring);
    return 0;
}
