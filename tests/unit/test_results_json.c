/* The reader of our own JSON: strict, and never beyond the bytes it was given. */
#include "../../src/results/json.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "../harness/scratch.h"

static ist_json span(const char *text)
{
    return (ist_json){text, text + strlen(text)};
}

static bool opens(const char *text)
{
    ist_json_object object;
    return ist_json_open(span(text), &object);
}

Test(json, forms)
{
    const char *good[] = {"{}", "{\"a\":1}", "{\"a\":-12,\"b\":null,\"c\":[],\"d\":{}}",
                          "{\"a\":[1,\"x\",[{\"b\":\"\"}]]}",
                          "{\"a\":\"\\u00e9 \\\\ \\\" \\n / \\/\"}"};
    const char *bad[] = {"",
                         "{",
                         "}",
                         "[]",
                         "null",
                         "{} ",
                         " {}",
                         "{,}",
                         "{\"a\"}",
                         "{\"a\":}",
                         "{\"a\":1,}",
                         "{\"a\":1 }",
                         "{a:1}",
                         "{\"a\":1}{",
                         "{\"a\":01x}",
                         "{\"a\":-}",
                         "{\"a\":1.5}",
                         "{\"a\":nul}",
                         "{\"a\":true}",
                         "{\"a\":\"\n\"}",
                         "{\"a\":\"\\x\"}",
                         "{\"a\":\"\\u12\"}",
                         "{\"a\":\"\\u12g4\"}",
                         "{\"a\":\"}",
                         "{\"a\":[1,]}",
                         "{\"a\":[[[[[[[[[[]]]]]]]]]]}"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect(opens(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(!opens(bad[i]), "%s", bad[i]);
}

/* Under AddressSanitizer a byte read beyond the copy would end the test. */
Test(json, every_prefix_is_refused_without_reading_on)
{
    const char *whole = "{\"a\":[-1,\"\\u00e9\\n\",{\"b\":null}],\"c\":\"x\"}";
    for (size_t length = 0; length < strlen(whole); length++) {
        char *copy = ist_alloc(64 + length, 1), *text = copy + 64; /* ends where memory does */
        memcpy(text, whole, length);
        ist_json_object object;
        cr_expect(!ist_json_open((ist_json){text, text + length}, &object), "%zu", length);
        ist_free(copy);
    }
}

Test(json, values)
{
    ist_json_object o;
    cr_assert(
        ist_json_open(span("{\"i\":-9223372036854775808,\"big\":9223372036854775808,"
                           "\"s\":\"a\\u00e9\\u20ac\\t\\\"\",\"nul\":\"\\u0000\","
                           "\"half\":\"\\ud800\",\"r\":\"0.10000000000000001\",\"inf\":\"-inf\","
                           "\"n\":null,\"h\":\"00000000000000020000000000000001\","
                           "\"list\":[1,22,\"x\"],\"none\":[]}"),
                      &o));
    int64_t integer = 0;
    double real = 0;
    char *text = NULL;
    ist_hash hash;
    cr_expect(ist_json_integer(ist_json_member(&o, "i"), &integer) && integer == INT64_MIN);
    cr_expect(!ist_json_integer(ist_json_member(&o, "big"), &integer));
    cr_expect(!ist_json_integer(ist_json_member(&o, "r"), &integer));
    cr_expect(!ist_json_integer(ist_json_member(&o, "missing"), &integer));
    cr_assert(ist_json_text(ist_json_member(&o, "s"), &text));
    cr_expect_str_eq(text, "a\u00e9\u20ac\t\"");
    ist_free(text);
    cr_expect(!ist_json_text(ist_json_member(&o, "nul"), &text));
    cr_expect(!ist_json_text(ist_json_member(&o, "half"), &text));
    cr_expect(!ist_json_text(ist_json_member(&o, "i"), &text));
    cr_expect(ist_json_real(ist_json_member(&o, "r"), &real) && real == 0.1);
    cr_expect(ist_json_real(ist_json_member(&o, "inf"), &real) && real == -(double)INFINITY);
    cr_expect(ist_json_real(ist_json_member(&o, "n"), &real) && isnan(real));
    cr_expect(!ist_json_real(ist_json_member(&o, "s"), &real));
    cr_expect(!ist_json_real(ist_json_member(&o, "i"), &real));
    cr_expect(ist_json_hash(ist_json_member(&o, "h"), &hash) && hash.high == 2 && hash.low == 1);
    cr_expect(!ist_json_hash(ist_json_member(&o, "r"), &hash));
    ist_json item = {NULL, NULL}, list = ist_json_member(&o, "list");
    int count = 0;
    while (ist_json_next(list, &item))
        count++;
    cr_expect(count == 3 && ist_json_equals(item, "x"));
    item = (ist_json){NULL, NULL};
    cr_expect(!ist_json_next(ist_json_member(&o, "none"), &item));
    cr_expect(!ist_json_next(ist_json_member(&o, "i"), &item));
}

Test(json, reals_come_back_bit_for_bit)
{
    const double values[] = {0.0,
                             -0.0,
                             1.0 / 3,
                             5e-324,
                             1e308,
                             -1e-310,
                             0x1.fffffffffffffp1023,
                             123456789.123456789,
                             INFINITY,
                             -INFINITY};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        ist_text text = {0};
        double back = 1;
        ist_json_add_real(&text, values[i]);
        cr_expect(ist_json_real((ist_json){text.data, text.data + text.length}, &back), "%s",
                  text.data);
        cr_expect(memcmp(&back, &values[i], sizeof back) == 0, "%s", text.data);
        ist_text_release(&text);
    }
}
