/// Bytes, text and verdicts.

#include <string.h>

#include "check.h"
#include "../src/internal.h"

static sr_verdict review(const sr_request *request) {
    (void)request;
    return sr_with_warning(sr_deny("bad", sr_text("ends early \xe2\x82")), sr_text("w\xff"));
}

SR_PLUGIN(.name = "text-test", .version = "0.1.0", .prefixes = SR_PREFIXES("/a/", "/b/", "/c/"),
          .operations = SR_REVIEW_PUTS | SR_REVIEW_DELETES, .review = review)

static void test_bytes(void) {
    CHECK(sr_contains(sr_text("image: web:latest"), sr_text(":latest")));
    CHECK(!sr_contains(sr_text("image: web:lates"), sr_text(":latest")));
    CHECK(sr_contains(sr_text("aab"), sr_text("ab")) && sr_contains(sr_text(""), sr_text("")));
    CHECK(sr_skip(sr_text("abc"), 4).len == 0 && sr_is(sr_skip(sr_text("abc"), 1), "bc"));
    CHECK(sr_is(sr_decimal(0), "0") && sr_is(sr_decimal(UINT64_MAX), "18446744073709551615"));
    CHECK(sr_is(sr_concat(sr_text("a"), sr_text(""), sr_decimal(7)), "a7"));
    sr_bytes after = sr_key_after(sr_text("/k"));
    CHECK(after.len == 3 && after.at[2] == 0);
}

static void test_utf8(void) {
    CHECK(sr_is(sr_utf8(sr_text("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x92")),
                "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x92"));
    // Overlong, surrogate, beyond the last character, cut off.
    CHECK(sr_is(sr_utf8(sr_text("\xc0\xaf")), "??"));
    CHECK(sr_is(sr_utf8(sr_text("\xed\xa0\x80")), "???"));
    CHECK(sr_is(sr_utf8(sr_text("\xf4\x90\x80\x80")), "????"));
    CHECK(sr_is(sr_utf8(tight(sr_text("a\xe2\x82"))), "a??"));
}

static void test_verdicts(void) {
    sr_request request = sr_test_put_request("/a/k", sr_text("v"));
    sr_verdict verdict = sr_test_review(&request);
    CHECK(verdict.decision == SR_DENY && sr_is(verdict.denial.message, "ends early ??"));
    CHECK(verdict.warnings.count == 1 && sr_is(verdict.warnings.items[0], "w?") && verdict.notes.count == 0);
    sr_verdict full = sr_mutate(sr_text("new"));
    for (int line = 0; line < 20; line++) full = sr_with_note(full, sr_decimal((uint64_t)line));
    CHECK(full.notes.count == 16 && sr_is(full.notes.items[15], "15") && sr_is(full.value, "new"));
    CHECK(sr_the_plugin.prefixes.count == 3 && sr_is(sr_the_plugin.prefixes.items[2], "/c/"));
}

static void test_settings_of_a_plugin_without_any(void) {
    sr_bytes reason;
    CHECK(sr_test_validate("", &reason));
    CHECK(!sr_test_validate("x", &reason) && sr_is(reason, "this plugin has no settings"));
}

static void test_reading(void) {
    sr_optional_entry found;
    sr_listing listing;
    sr_request request = sr_test_put_request("/a/2", sr_text("v"));
    CHECK(sr_previous(&request, &found) == SR_READ_NOT_GRANTED);
    sr_test_grant("/a/");
    CHECK(sr_previous(&request, &found) == SR_READ && !found.present);
    sr_test_put("/a/2", sr_text("two"));
    sr_test_put("/a/1", sr_text("one"));
    sr_test_put_withheld("/a/3");
    CHECK(sr_previous(&request, &found) == SR_READ && sr_is(found.entry.value.bytes, "two"));
    CHECK(sr_list(sr_text("/a/"), (sr_bytes){0}, 2, &listing) == SR_READ && listing.count == 2 && listing.more);
    sr_bytes start = sr_key_after(listing.entries[1].key);
    CHECK(sr_list(sr_text("/a/"), start, 2, &listing) == SR_READ && listing.count == 1 && !listing.more);
    CHECK(sr_is(listing.entries[0].key, "/a/3") && !listing.entries[0].value.present);
    while (sr_test_reads() < 100) CHECK(sr_previous(&request, &found) == SR_READ);
    CHECK(sr_previous(&request, &found) == SR_READ_TOO_MUCH);
}

int main(void) {
    test_bytes();
    test_utf8();
    test_verdicts();
    test_settings_of_a_plugin_without_any();
    test_reading();
    sr_test_reset();
    return 0;
}
