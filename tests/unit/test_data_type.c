/* The stored types: every conversion against plain C. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "../../src/data/type.h"

static data_type type_of(char letter, int bytes)
{
    data_type type;
    cr_assert(data_type_of(letter, bytes, false, &type));
    return type;
}

/* The definition: (-1)^s 2^(e-15) (1 + f/1024), subnormal 2^-14 f/1024. */
static double half_value(unsigned half)
{
    const double sign = half & 0x8000 ? -1 : 1;
    const int exponent = (half >> 10) & 31;
    const double fraction = (half & 1023) / 1024.0;
    if (exponent == 31)
        return fraction > 0 ? NAN : sign * INFINITY;
    return sign * (exponent ? ldexp(1 + fraction, exponent - 15) : ldexp(fraction, -14));
}

Test(data_type, every_float16)
{
    const data_type type = type_of('f', 2);
    for (unsigned half = 0; half < 65536; half++) {
        const uint16_t raw = (uint16_t)half;
        const double expected = half_value(half);
        float narrow = 0;
        double wide = 0;
        data_to_float(type, &raw, 1, &narrow);
        cr_assert(data_to_double(type, &raw, 1, &wide) == -1);
        if (isnan(expected)) {
            cr_assert(isnan(narrow) && isnan(wide), "half %#x", half);
            continue;
        }
        cr_assert((double)narrow == expected && wide == expected, "half %#x", half);
        cr_assert(!signbit(narrow) == !signbit(expected) && !signbit(wide) == !signbit(expected));
    }
}

Test(data_type, names_and_widths)
{
    static const struct {
        char letter;
        int bytes;
        const char *name;
        bool wide;
    } rows[] = {
        {'f', 2, "float16", false}, {'f', 4, "float32", false}, {'f', 8, "float64", true},
        {'i', 1, "int8", false},    {'i', 2, "int16", false},   {'i', 4, "int32", true},
        {'i', 8, "int64", true},    {'u', 1, "uint8", false},   {'u', 2, "uint16", false},
        {'u', 4, "uint32", true},   {'u', 8, "uint64", true},   {'b', 1, "bool", false},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        const data_type type = type_of(rows[k].letter, rows[k].bytes);
        cr_expect(strcmp(data_type_name(type), rows[k].name) == 0);
        cr_expect(data_type_wide(type) == rows[k].wide, "%s", rows[k].name);
        cr_expect(data_type_bytes(type) == rows[k].bytes);
        cr_expect(data_type_is_float(type) == (rows[k].letter == 'f'));
    }
    data_type type;
    cr_expect(!data_type_of('f', 16, false, &type) && !data_type_of('f', 1, false, &type));
    cr_expect(!data_type_of('i', 3, false, &type) && !data_type_of('b', 2, false, &type));
    cr_expect(!data_type_of('c', 8, false, &type));
}

Test(data_type, byte_order)
{
    data_type type;
    const unsigned char big[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08};
    const int64_t expected[] = {0x0102, 0x01020304, 0x0102030405060708};
    for (int k = 0; k < 3; k++) {
        unsigned char raw[8];
        int64_t value = 0;
        memcpy(raw, big, sizeof raw);
        cr_assert(data_type_of('i', 2 << k, true, &type));
        data_to_native(type, raw, 1);
        cr_assert(data_to_integer(type, raw, 1, &value) == -1);
        cr_expect(value == expected[k]);
    }
    cr_assert(data_type_of('i', 1, true, &type));
    cr_expect(!type.swap);
}

Test(data_type, integers_at_their_ends)
{
    double wide[4];
    int64_t whole[4];
    const int8_t i8[] = {INT8_MIN, -1, 0, INT8_MAX};
    const int16_t i16[] = {INT16_MIN, -1, 0, INT16_MAX};
    const int32_t i32[] = {INT32_MIN, -1, 0, INT32_MAX};
    const uint8_t u8[] = {0, 1, 128, UINT8_MAX};
    const uint16_t u16[] = {0, 1, 32768, UINT16_MAX};
    const uint32_t u32[] = {0, 1, UINT32_C(1) << 31, UINT32_MAX};
#define SAME(letter, array)                                                            \
    cr_expect(data_to_double(type_of(letter, sizeof *array), array, 4, wide) == -1);   \
    cr_expect(data_to_integer(type_of(letter, sizeof *array), array, 4, whole) == -1); \
    for (int i = 0; i < 4; i++)                                                        \
    cr_expect(wide[i] == (double)array[i] && whole[i] == (int64_t)array[i], #array " %d", i)
    SAME('i', i8);
    SAME('i', i16);
    SAME('i', i32);
    SAME('u', u8);
    SAME('u', u16);
    SAME('u', u32);
}

Test(data_type, integers_beyond_2_to_53)
{
    double wide[3];
    int64_t whole[3];
    const int64_t exact = INT64_C(1) << 53;
    const int64_t good[] = {exact, -exact, 7};
    const int64_t high[] = {0, exact + 1, 0};
    const int64_t low[] = {0, 0, INT64_MIN};
    const uint64_t high_u[] = {(uint64_t)exact, 3, UINT64_MAX};
    cr_expect(data_to_double(type_of('i', 8), good, 3, wide) == -1);
    cr_expect(wide[0] == 0x1p53 && wide[1] == -0x1p53);
    cr_expect(data_to_double(type_of('i', 8), high, 3, wide) == 1);
    cr_expect(data_to_double(type_of('i', 8), low, 3, wide) == 2);
    cr_expect(data_to_double(type_of('u', 8), high_u, 3, wide) == 2);
    cr_expect(data_to_integer(type_of('i', 8), low, 3, whole) == -1);
    cr_expect(whole[2] == INT64_MIN);
    cr_expect(data_to_integer(type_of('u', 8), high_u, 3, whole) == 2);
}

Test(data_type, floats_that_are_integers)
{
    int64_t whole[4];
    const double good[] = {-0x1p63, -3, 0, 0x1p62};
    const float half[] = {1, 2, 2.5F, 4};
    const double bad[][1] = {{NAN}, {INFINITY}, {0x1p63}, {1e-300}};
    cr_expect(data_to_integer(type_of('f', 8), good, 4, whole) == -1);
    cr_expect(whole[0] == INT64_MIN && whole[1] == -3 && whole[3] == INT64_C(1) << 62);
    cr_expect(data_to_integer(type_of('f', 4), half, 4, whole) == 2);
    for (int k = 0; k < 4; k++)
        cr_expect(data_to_integer(type_of('f', 8), bad[k], 1, whole) == 0);
}

Test(data_type, values_as_text)
{
    const struct {
        char letter;
        uint64_t bits;
        const char *text;
    } rows[] = {
        {'i', UINT64_MAX - 1, "-2"},
        {'u', UINT64_MAX, "18446744073709551615"},
        {'f', UINT64_C(0x3ff8000000000000), "1.5"},
        {'f', UINT64_C(0x7ff0000000000000), "Inf"},
        {'f', UINT64_C(0xfff0000000000000), "-Inf"},
        {'f', UINT64_C(0x7ff8000000000000), "NaN"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        ist_text text = {0};
        data_add_value(&text, type_of(rows[k].letter, 8), &rows[k].bits, 0);
        cr_expect(strcmp(text.data, rows[k].text) == 0, "%s is not %s", text.data, rows[k].text);
        ist_text_release(&text);
    }
}
