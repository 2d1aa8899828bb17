#include "data/codec.h"

const struct codec *codec_of(enum config_protocol protocol)
{
    switch (protocol) {
    case CONFIG_MEMCACHED:
        break;
    }
    return &codec_memcached;
}
