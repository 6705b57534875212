#include <inttypes.h>
#include <string.h>
#include <xxhash.h>

#include "infostrata/base.h"

ist_hash ist_hash_bytes(const void *bytes, size_t count, uint64_t seed)
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(bytes, count, seed);
    return (ist_hash){hash.low64, hash.high64};
}

int ist_hash_compare(ist_hash a, ist_hash b)
{
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return (a.low > b.low) - (a.low < b.low);
}

const char *ist_hash_format(ist_hash hash, char buffer[IST_HASH_TEXT])
{
    snprintf(buffer, IST_HASH_TEXT, "%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
    return buffer;
}

static bool parse_half(const char *text, uint64_t *half)
{
    static const char digits[] = "0123456789abcdef";
    *half = 0;
    for (int i = 0; i < 16; i++) {
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit)
            return false;
        *half = *half << 4 | (uint64_t)(digit - digits);
    }
    return true;
}

bool ist_hash_parse(const char *text, ist_hash *hash)
{
    return parse_half(text, &hash->high) && parse_half(text + 16, &hash->low) && text[32] == '\0';
}
