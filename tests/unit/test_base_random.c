/* Random words against the published algorithm, random parts, hashes. */
#include "infostrata/base.h"

#include <criterion/criterion.h>
#include <string.h>

/* Philox4x32-10 (Salmon et al. 2011, table 2), written apart from Random123. */
static void philox(uint32_t c[4], uint32_t key0, uint32_t key1)
{
    for (int round = 0; round < 10; round++) {
        uint64_t a = UINT64_C(0xD2511F53) * c[0], b = UINT64_C(0xCD9E8D57) * c[2];
        uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ key0, (uint32_t)b,
                            (uint32_t)(a >> 32) ^ c[3] ^ key1, (uint32_t)a};
        memcpy(c, next, sizeof next);
        key0 += 0x9E3779B9;
        key1 += 0xBB67AE85;
    }
}

Test(random, philox_is_the_published_one)
{
    uint32_t zeros[4] = {0}, ones[4] = {~0u, ~0u, ~0u, ~0u};
    philox(zeros, 0, 0);
    cr_expect(zeros[0] == 0x6627e8d5 && zeros[1] == 0xe169c58d && zeros[2] == 0xbc57ac4c &&
              zeros[3] == 0x9b00dbd8);
    philox(ones, ~0u, ~0u);
    cr_expect(ones[0] == 0x408f276d && ones[1] == 0x41c83b0e && ones[2] == 0xa20bc7c6 &&
              ones[3] == 0x6d5451fd);
}

Test(random, words)
{
    cr_expect_eq(ist_random_word(0, IST_RANDOM_TIES, 0), UINT64_C(0xe169c58d6627e8d5));
    const uint64_t seeds[] = {0, 1, UINT64_C(0x123456789abcdef0), UINT64_MAX};
    for (size_t s = 0; s < 4; s++)
        for (size_t i = 0; i < 4; i++)
            for (uint32_t purpose = 0; purpose < 2; purpose++) {
                uint64_t item = seeds[i];
                uint32_t c[4] = {(uint32_t)item, (uint32_t)(item >> 32), purpose, 0};
                philox(c, (uint32_t)seeds[s], (uint32_t)(seeds[s] >> 32));
                cr_expect_eq(ist_random_word(seeds[s], (ist_purpose)purpose, item),
                             (uint64_t)c[1] << 32 | c[0]);
            }
}

/* ---- parts ----------------------------------------------------------------------------------- */

Test(random, parts_are_a_partition)
{
    static const int64_t sizes[] = {0, 1, 9, 10, 11, 256, 1003};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int64_t n = sizes[s], start[11], order[1003];
        bool seen[1003] = {false};
        ist_random_parts(n, 10, order, start);
        cr_expect(start[0] == 0 && start[10] == n);
        for (int part = 0; part < 10; part++) {
            int64_t size = start[part + 1] - start[part];
            cr_expect(size == n / 10 || size == n / 10 + 1, "n = %d", (int)n);
            for (int64_t i = start[part]; i < start[part + 1]; i++) {
                cr_assert(order[i] >= 0 && order[i] < n && !seen[order[i]], "n = %d", (int)n);
                seen[order[i]] = true;
                cr_expect(i == start[part] || order[i - 1] < order[i]);
            }
        }
    }
}

/* Neighbouring rows of a sorted file must not share their part. */
Test(random, parts_are_random)
{
    enum { N = 10000 };
    static int64_t order[N], start[11];
    static int part_of[N];
    int together = 0;
    ist_random_parts(N, 10, order, start);
    for (int part = 0; part < 10; part++)
        for (int64_t i = start[part]; i < start[part + 1]; i++)
            part_of[order[i]] = part;
    for (int i = 1; i < N; i++)
        together += part_of[i] == part_of[i - 1];
    cr_expect(together > 880 && together < 1120, "%d neighbours share a part, 1000 expected",
              together);
}

/* ---- hashes ---------------------------------------------------------------------------------- */

Test(hash, of_bytes)
{
    char text[IST_HASH_TEXT];
    /* The reference value of XXH3-128 for no bytes. */
    cr_expect_str_eq(ist_hash_format(ist_hash_bytes("", 0, 0), text),
                     "99aa06d3014798d86001c324468d497f");
    ist_hash a = ist_hash_bytes("abc", 3, 0), b = ist_hash_bytes("abd", 3, 0);
    ist_hash c = ist_hash_bytes("abc", 3, 1), d = ist_hash_bytes("abc", 3, 0);
    cr_expect(ist_hash_compare(a, b) != 0 && ist_hash_compare(a, c) != 0);
    cr_expect(ist_hash_compare(a, d) == 0);
    cr_expect((ist_hash_compare(a, b) < 0) == (ist_hash_compare(b, a) > 0));
}

Test(hash, text_and_back)
{
    static const ist_hash hashes[] = {
        {0, 0}, {1, 0}, {0, 1}, {UINT64_MAX, UINT64_MAX}, {UINT64_C(0x0123456789abcdef), 42}};
    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++) {
        char text[IST_HASH_TEXT];
        ist_hash back;
        ist_hash_format(hashes[i], text);
        cr_expect_eq(strlen(text), 32);
        cr_expect(ist_hash_parse(text, &back) && ist_hash_compare(back, hashes[i]) == 0, "%s",
                  text);
    }
    static const char *const bad[] = {
        "", "99aa06d3014798d86001c324468d497", "99aa06d3014798d86001c324468d497fa",
        "99aa06d3014798d8 001c324468d497f", "99aa06d3014798d8g001c324468d497f"};
    ist_hash back;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(!ist_hash_parse(bad[i], &back), "'%s'", bad[i]);
}
