#include "infostrata/base.h"

#include <criterion/criterion.h>
#include <string.h>

Test(text, grows)
{
    ist_text text = {0};
    ist_text_add(&text, "%s", "");
    cr_expect_str_eq(text.data, "");
    for (int i = 0; i < 1000; i++)
        ist_text_add(&text, "%d,", i % 10);
    cr_expect_eq(text.length, 2000);
    cr_expect_eq(strlen(text.data), 2000);
    ist_text_add_bytes(&text, "a\0b", 3);
    cr_expect_eq(text.length, 2003);
    cr_expect_eq(memcmp(text.data + 2000, "a\0b", 4), 0);
    ist_text_release(&text);
    cr_expect(text.data == NULL && text.length == 0);
    ist_text_release(&text);
}

static void expect_json(const char *value, const char *expected)
{
    ist_text text = {0};
    ist_text_add_json(&text, value);
    cr_expect_str_eq(text.data, expected);
    ist_text_release(&text);
}

Test(text, json)
{
    expect_json("", "\"\"");
    expect_json("a\"b\\c/d", "\"a\\\"b\\\\c/d\"");
    expect_json("\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"");
    expect_json("\x01\x1b[2J\x7f", "\"\\u0001\\u001b[2J\\u007f\"");
    expect_json("größe \xe2\x82\xac \xf0\x9f\x98\x80", "\"größe \xe2\x82\xac \xf0\x9f\x98\x80\"");
    expect_json("caf\xe9!", "\"caf\\ufffd!\"");               /* Latin-1 */
    expect_json("\xc0\xaf", "\"\\ufffd\\ufffd\"");            /* an overlong '/' */
    expect_json("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""); /* half a pair of UTF-16 */
    expect_json("\xe2\x82", "\"\\ufffd\\ufffd\"");            /* cut off */
}

Test(text, natural_order)
{
    static const char *const ordered[] = {"",    "a",     "b1c2", "b1c10", "conv",  "fc",
                                          "fc1", "fc1.2", "fc2",  "fc10",  "fc10a", "fc100"};
    const size_t count = sizeof ordered / sizeof ordered[0];
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int order = ist_compare_natural(ordered[i], ordered[j]);
            cr_expect_eq(order, (i > j) - (i < j), "%s %s", ordered[i], ordered[j]);
        }
    }
    cr_expect_lt(ist_compare_natural("fc01", "fc1"), 0);
    cr_expect_gt(ist_compare_natural("fc1", "fc01"), 0);
    cr_expect_eq(ist_compare_natural("fc01", "fc01"), 0);
    cr_expect_lt(ist_compare_natural("x99999999999999999999998", "x99999999999999999999999"), 0);
    cr_expect_lt(ist_compare_natural("x99999999999999999999", "x100000000000000000000"), 0);
}

static void expect_nearest(const char *word, const char *expected)
{
    static const char *const words[] = {"imbalance", "layers", "k", "ties", "euclidean", "se"};
    const char *nearest = ist_nearest_word(word, words, sizeof words / sizeof words[0]);
    cr_expect_str_eq(nearest ? nearest : "(none)", expected, "%s", word);
}

Test(text, nearest_word)
{
    expect_nearest("imbalance", "imbalance");
    expect_nearest("IMBALANCE", "imbalance");
    expect_nearest("imbalnace", "imbalance"); /* one swap */
    expect_nearest("inbalence", "imbalance");
    expect_nearest("embalenze", "imbalance"); /* three of nine */
    expect_nearest("embalenzy", "(none)");
    expect_nearest("layer", "layers");
    expect_nearest("tise", "ties");
    expect_nearest("euclidian", "euclidean");
    expect_nearest("es", "se");
    expect_nearest("K", "k");
    expect_nearest("x", "(none)"); /* every one-letter word is one edit away */
    expect_nearest("ab", "(none)");
    expect_nearest("", "(none)");
    cr_expect_null(ist_nearest_word("word", NULL, 0));
}

Test(text, nearest_word_of_long_ones)
{
    char word[300], other[300];
    memset(word, 'a', sizeof word);
    memset(other, 'a', sizeof other);
    word[299] = other[299] = '\0';
    const char *const words[] = {other};
    cr_expect_null(ist_nearest_word(word, words, 1)); /* too long to judge, not a crash */
    word[128] = other[128] = '\0';
    cr_expect_eq(ist_nearest_word(word, words, 1), other);
}
