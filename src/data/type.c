/* The stored types and their conversion to float, double and int64. */
#include "type.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    char letter;
    int bytes;
    bool wide;
} table[DATA_KINDS] = {
    [DATA_FLOAT16] = {"float16", 'f', 2, false}, [DATA_FLOAT32] = {"float32", 'f', 4, false},
    [DATA_FLOAT64] = {"float64", 'f', 8, true},  [DATA_INT8] = {"int8", 'i', 1, false},
    [DATA_INT16] = {"int16", 'i', 2, false},     [DATA_INT32] = {"int32", 'i', 4, true},
    [DATA_INT64] = {"int64", 'i', 8, true},      [DATA_UINT8] = {"uint8", 'u', 1, false},
    [DATA_UINT16] = {"uint16", 'u', 2, false},   [DATA_UINT32] = {"uint32", 'u', 4, true},
    [DATA_UINT64] = {"uint64", 'u', 8, true},    [DATA_BOOL] = {"bool", 'b', 1, false},
};

const char *const data_type_list =
    "float16, float32, float64, int8 to int64, uint8 to uint64, bool";

static const int64_t exact_limit = INT64_C(1) << 53;

const char *data_type_name(data_type type)
{
    return table[type.kind].name;
}

int data_type_bytes(data_type type)
{
    return table[type.kind].bytes;
}

bool data_type_wide(data_type type)
{
    return table[type.kind].wide;
}

bool data_type_is_float(data_type type)
{
    return table[type.kind].letter == 'f';
}

bool data_type_of(char letter, int64_t bytes, bool big_endian, data_type *type)
{
    const bool big_machine = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    for (int kind = 0; kind < DATA_KINDS; kind++) {
        if (table[kind].letter == letter && table[kind].bytes == bytes) {
            *type = (data_type){(data_kind)kind, bytes > 1 && big_endian != big_machine};
            return true;
        }
    }
    return false;
}

/* ---- byte order ------------------------------------------------------------------------------ */

static void swap_16(uint16_t *value, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        value[i] = __builtin_bswap16(value[i]);
}

static void swap_32(uint32_t *value, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        value[i] = __builtin_bswap32(value[i]);
}

static void swap_64(uint64_t *value, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        value[i] = __builtin_bswap64(value[i]);
}

void data_to_native(data_type type, void *raw, int64_t count)
{
    if (!type.swap)
        return;
    switch (data_type_bytes(type)) {
    case 2: swap_16(raw, count); break;
    case 4: swap_32(raw, count); break;
    case 8: swap_64(raw, count); break;
    default: break;
    }
}

/* ---- float16 --------------------------------------------------------------------------------- */

/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. Every value is a float. */
static float half_to_float(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000U) << 16;
    const uint32_t exponent = (half >> 10) & 0x1FU;
    const uint32_t fraction = half & 0x3FFU;
    uint32_t bits = 0;
    if (exponent == 0) {
        /* zero and subnormals: fraction * 2^-24 */
        const float magnitude = (float)fraction * 0x1p-24F;
        memcpy(&bits, &magnitude, sizeof bits);
    } else if (exponent == 31) {
        bits = 0x7F800000U | fraction << 13;
    } else {
        bits = (exponent + 127 - 15) << 23 | fraction << 13;
    }
    bits |= sign;
    float value = 0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ---- conversion ------------------------------------------------------------------------------ */

/* out[i] = value[i] for all i; the case label's type says how the bytes are read. */
#define CONVERT(kind, stored, expression)   \
    case kind: {                            \
        const stored *value = raw;          \
        for (int64_t i = 0; i < count; i++) \
            out[i] = expression;            \
        break;                              \
    }

void data_to_float(data_type type, const void *raw, int64_t count, float *out)
{
    switch (type.kind) {
        CONVERT(DATA_FLOAT16, uint16_t, half_to_float(value[i]))
        CONVERT(DATA_FLOAT32, float, value[i])
        CONVERT(DATA_INT8, int8_t, value[i])
        CONVERT(DATA_INT16, int16_t, value[i])
        CONVERT(DATA_UINT8, uint8_t, value[i])
        CONVERT(DATA_UINT16, uint16_t, value[i])
        CONVERT(DATA_BOOL, uint8_t, value[i])
    default: break; /* the wide types: never asked for */
    }
}

static int64_t first_rounded(data_type type, const void *raw, int64_t count)
{
    if (type.kind == DATA_INT64) {
        const int64_t *value = raw;
        for (int64_t i = 0; i < count; i++)
            if (value[i] > exact_limit || value[i] < -exact_limit)
                return i;
    } else if (type.kind == DATA_UINT64) {
        const uint64_t *value = raw;
        for (int64_t i = 0; i < count; i++)
            if (value[i] > (uint64_t)exact_limit)
                return i;
    }
    return -1;
}

int64_t data_to_double(data_type type, const void *raw, int64_t count, double *out)
{
    switch (type.kind) {
        CONVERT(DATA_FLOAT16, uint16_t, (double)half_to_float(value[i]))
        CONVERT(DATA_FLOAT32, float, (double)value[i])
        CONVERT(DATA_FLOAT64, double, value[i])
        CONVERT(DATA_INT8, int8_t, value[i])
        CONVERT(DATA_INT16, int16_t, value[i])
        CONVERT(DATA_INT32, int32_t, value[i])
        CONVERT(DATA_INT64, int64_t, (double)value[i])
        CONVERT(DATA_UINT8, uint8_t, value[i])
        CONVERT(DATA_UINT16, uint16_t, value[i])
        CONVERT(DATA_UINT32, uint32_t, value[i])
        CONVERT(DATA_UINT64, uint64_t, (double)value[i])
        CONVERT(DATA_BOOL, uint8_t, value[i])
    case DATA_KINDS: break;
    }
    return first_rounded(type, raw, count);
}

/* One value of any type as a double, where rounding does not matter. */
static double one_value(data_type type, const void *raw, int64_t position)
{
    double value = 0;
    data_to_double(type, (const char *)raw + position * data_type_bytes(type), 1, &value);
    return value;
}

static int64_t floats_to_integer(data_type type, const void *raw, int64_t count, int64_t *out)
{
    for (int64_t i = 0; i < count; i++) {
        const double value = one_value(type, raw, i);
        /* also false for NaN; -2^63 is an int64, 2^63 is not */
        if (!(value >= -0x1p63 && value < 0x1p63) || value != floor(value))
            return i;
        out[i] = (int64_t)value;
    }
    return -1;
}

int64_t data_to_integer(data_type type, const void *raw, int64_t count, int64_t *out)
{
    switch (type.kind) {
        CONVERT(DATA_INT8, int8_t, value[i])
        CONVERT(DATA_INT16, int16_t, value[i])
        CONVERT(DATA_INT32, int32_t, value[i])
        CONVERT(DATA_INT64, int64_t, value[i])
        CONVERT(DATA_UINT8, uint8_t, value[i])
        CONVERT(DATA_UINT16, uint16_t, value[i])
        CONVERT(DATA_UINT32, uint32_t, value[i])
        CONVERT(DATA_BOOL, uint8_t, value[i])
    case DATA_UINT64:
        for (int64_t i = 0; i < count; i++) {
            const uint64_t value = ((const uint64_t *)raw)[i];
            if (value > INT64_MAX)
                return i;
            out[i] = (int64_t)value;
        }
        break;
    default: return floats_to_integer(type, raw, count, out);
    }
    return -1;
}

void data_add_value(ist_text *out, data_type type, const void *raw, int64_t position)
{
    char buffer[IST_REAL_TEXT];
    const double value = one_value(type, raw, position);
    if (type.kind == DATA_INT64)
        ist_text_add(out, "%lld", (long long)((const int64_t *)raw)[position]);
    else if (type.kind == DATA_UINT64)
        ist_text_add(out, "%llu", (unsigned long long)((const uint64_t *)raw)[position]);
    else if (!isfinite(value))
        ist_text_add(out, isnan(value) ? "NaN" : value > 0 ? "Inf" : "-Inf");
    else
        ist_text_add(out, "%s", ist_format_short(value, buffer));
}
