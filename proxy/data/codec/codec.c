#include "data/codec.h"

const struct codec *codec_of(enum config_protocol protocol)
{
    switch (protocol) {
    case CONFIG_MEMCACHED:
        break;
    case CONFIG_HTTP:
        return &codec_http;
    }
    return &codec_memcached;
}
