#include "infostrata/base.h"

#include <criterion/criterion.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <string.h>

static bool reads_real(const char *text, double expected)
{
    double value = -77;
    return ist_parse_real(text, &value) && value == expected;
}

Test(number, parse_real)
{
    cr_expect(reads_real("0", 0) && reads_real("-0.5", -0.5) && reads_real("+2", 2));
    cr_expect(reads_real(".5", 0.5) && reads_real("5.", 5) && reads_real("010", 10));
    cr_expect(reads_real("1e3", 1000) && reads_real("1E-3", 1e-3) && reads_real("1e+3", 1000));
    cr_expect(reads_real("0.1", 0.1) && reads_real("1e-400", 0));
    static const char *const bad[] = {"",    " 1",  "1 ",  "nan",    "inf", "-Infinity", "0x10",
                                      "1,5", "1e",  "1e+", ".",      "-",   "1.2.3",     "64abc",
                                      "e5",  "--1", "1_0", "1e5000", "1d3"};
    double value = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect(!ist_parse_real(bad[i], &value), "%s", bad[i]);
    cr_expect_eq(value, 7);
}

Test(number, parse_integer)
{
    int64_t value = 0;
    cr_expect(ist_parse_integer("9223372036854775807", &value) && value == INT64_MAX);
    cr_expect(ist_parse_integer("-9223372036854775808", &value) && value == INT64_MIN);
    cr_expect(ist_parse_integer("010", &value) && value == 10);
    cr_expect(ist_parse_integer("+3", &value) && value == 3);
    static const char *const bad[] = {
        "", "9223372036854775808", "1.0", "1e3", "0x1", " 1", "1 ", "-", "+-1", "one", "1_000"};
    value = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect(!ist_parse_integer(bad[i], &value), "%s", bad[i]);
    cr_expect_eq(value, 7);
}

static void expect_short(double value, const char *expected)
{
    char buffer[IST_REAL_TEXT];
    cr_expect_str_eq(ist_format_short(value, buffer), expected);
}

Test(number, format_short)
{
    expect_short(0.1, "0.1");
    expect_short(4, "4");
    expect_short(1000, "1000");
    expect_short(100000, "100000");
    expect_short(123456789012, "123456789012");
    expect_short(1e-5, "1e-05");
    expect_short(1e20, "1e+20");
    expect_short(-2.5, "-2.5");
    expect_short(0.1 + 0.2, "0.30000000000000004");
    expect_short(NAN, "");
}

Test(number, formats_read_back)
{
    uint64_t state = 1;
    char buffer[IST_REAL_TEXT];
    for (int i = 0; i < 20000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        double value = 0, back = 0;
        memcpy(&value, &state, sizeof value);
        if (!isfinite(value))
            continue;
        cr_assert(ist_parse_real(ist_format_short(value, buffer), &back) && back == value);
        cr_assert(ist_parse_real(ist_format_real(value, buffer), &back) && back == value);
    }
    double extremes[] = {DBL_MAX, -DBL_MAX, DBL_MIN, 4.9406564584124654e-324, 0x1p53, 1e15, 1e22};
    for (size_t i = 0; i < sizeof extremes / sizeof extremes[0]; i++) {
        double back = 0;
        cr_expect(ist_parse_real(ist_format_short(extremes[i], buffer), &back));
        cr_expect_eq(back, extremes[i]);
    }
}

Test(number, format_real)
{
    char buffer[IST_REAL_TEXT];
    cr_expect_str_eq(ist_format_real(0.1, buffer), "0.10000000000000001");
    cr_expect_str_eq(ist_format_real(0.5, buffer), "0.5");
    cr_expect_str_eq(ist_format_real(NAN, buffer), "");
    cr_expect_str_eq(ist_format_real(INFINITY, buffer), "inf");
}

Test(number, any_locale)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    char buffer[IST_REAL_TEXT];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        setlocale(LC_ALL, names[i]); /* where none is installed, this tests nothing new */
    cr_expect(reads_real("1.5", 1.5));
    cr_expect_str_eq(ist_format_real(1.5, buffer), "1.5");
    expect_short(0.25, "0.25");
}
