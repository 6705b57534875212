#include "infostrata/base.h"

/* Lower limbs hold 32 bits each, unsigned; the top one is signed. */
void ist_wide_add(int64_t limbs[IST_WIDE_LIMBS], ist_int128 value)
{
    for (int i = 0; i < IST_WIDE_LIMBS - 1; i++) {
        limbs[i] += (int64_t)(uint32_t)value;
        value >>= 32;
    }
    limbs[IST_WIDE_LIMBS - 1] += (int64_t)value;
}

ist_int128 ist_wide_value(const int64_t limbs[IST_WIDE_LIMBS])
{
    ist_int128 value = 0;
    for (int i = IST_WIDE_LIMBS - 1; i >= 0; i--)
        value = value * ((ist_int128)1 << 32) + limbs[i];
    return value;
}

int64_t ist_share(int64_t n, int64_t parts, int64_t part)
{
    return (int64_t)((ist_int128)n * part / parts);
}
