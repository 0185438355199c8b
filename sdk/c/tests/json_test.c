/// JSON and base64.

#include "check.h"
#include "../src/internal.h"
#include "strongroom_json.h"

static sr_verdict review(const sr_request *request) {
    (void)request;
    return sr_allow();
}

SR_PLUGIN(.name = "json-test", .version = "0.1.0", .review = review)

static void test_what_is_valid(void) {
    static const char *const VALID[] = {
        "null",
        " true ",
        "false\n",
        "0",
        "-0.5e+3",
        "12E-1",
        "\"\"",
        "\"\\u00e9\\n\\/\"",
        "[]",
        "{}",
        "[1, [2], {\"a\": []}]",
        "{\"a\":{\"b\":\"c\"},\"d\":[null]}",
        "{ \"a\" : 1 , \"b\" : [ ] }\t",
    };
    static const char *const INVALID[] = {
        "",      " ",     "nul",       "True",        "01",        "1.",      ".5",       "-",           "1e",
        "+1",    "\"",    "\"\\x\"",   "\"\\u12g4\"", "\"\n\"",    "[",       "]",        "[1",          "[1,",
        "[1,]",  "[,1]",  "[1 2]",     "{",           "{\"a\"",    "{\"a\":", "{\"a\":1", "{\"a\":1,",   "{\"a\":1,}",
        "{a:1}", "{1:1}", "{\"a\" 1}", "[1}",         "{\"a\":1]", "1 1",     "{} {}",    "\"a\" \"b\"", "[\"a\":1]",
    };
    for (size_t at = 0; at < sizeof VALID / sizeof *VALID; at++) CHECK(sr_json_is_valid(tight(sr_text(VALID[at]))));
    for (size_t at = 0; at < sizeof INVALID / sizeof *INVALID; at++)
        CHECK(!sr_json_is_valid(tight(sr_text(INVALID[at]))));
}

static sr_bytes nested(size_t depth) {
    uint8_t *text = sr_alloc(2 * depth);
    for (size_t at = 0; at < depth; at++) {
        text[at] = '[';
        text[2 * depth - 1 - at] = ']';
    }
    return (sr_bytes){text, 2 * depth};
}

static void test_depth(void) {
    // The innermost is empty and does not count.
    CHECK(sr_json_is_valid(nested(SR_JSON_DEPTH_MAX + 1)));
    CHECK(!sr_json_is_valid(nested(SR_JSON_DEPTH_MAX + 2)));
    CHECK(!sr_json_is_valid(nested(1000000)));
}

static void test_strings(void) {
    static const struct {
        const char *json, *text;
    } SAMPLES[] = {
        {"\"plain\"", "plain"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20ac\"", "A\xc3\xa9\xe2\x82\xac"},
        {"\"\\ud83d\\udd12\"", "\xf0\x9f\x94\x92"},
        {"\"\\ud83d\"", "\xef\xbf\xbd"},
        {"\"\\udd12x\"", "\xef\xbf\xbdx"},
        {"\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
                               "A"},
    };
    sr_bytes text;
    for (size_t at = 0; at < sizeof SAMPLES / sizeof *SAMPLES; at++) {
        CHECK(sr_json_string(sr_text(SAMPLES[at].json), &text) && sr_is(text, SAMPLES[at].text));
    }
    CHECK(!sr_json_string(sr_text("1"), &text) && !sr_json_string(sr_text("\""), &text));
}

static void test_walks(void) {
    sr_bytes object = sr_text("{\"a\": {\"x\": \"}\\\"]\"}, \"\\u0062\" : [1, \"2\", [3]] ,\"c\":true,\"a\":0}");
    sr_bytes value;
    CHECK(sr_json_is_valid(object));
    CHECK(sr_json_member(object, "b", &value) == 1 && sr_is(value, "[1, \"2\", [3]]"));
    CHECK(sr_json_member(object, "a", &value) == 2 && sr_is(value, "0"));
    CHECK(sr_json_member(object, "x", &value) == 0 && sr_json_member(sr_text("[\"a\"]"), "a", &value) == 0);
    sr_json_walk_state walk = sr_json_walk(sr_text("[1, \"2\", [3]]"));
    sr_json_item item;
    CHECK(sr_json_next(&walk, &item) && sr_is(item.value, "1"));
    CHECK(sr_json_next(&walk, &item) && sr_is(item.value, "\"2\""));
    CHECK(sr_json_next(&walk, &item) && sr_is(item.value, "[3]") && !sr_json_next(&walk, &item));
    walk = sr_json_walk(sr_text("{ }"));
    CHECK(!sr_json_next(&walk, &item));
}

static void test_base64(void) {
    static const char *const PLAIN[] = {"", "Zg==", "f", "Zm8=", "fo", "Zm9v", "foo", "Zm9v\nYmE=", "fooba"};
    size_t size;
    CHECK(sr_base64_size(sr_text(PLAIN[0]), &size) && size == 0);
    for (size_t at = 1; at < sizeof PLAIN / sizeof *PLAIN; at += 2) {
        CHECK(sr_base64_size(sr_text(PLAIN[at]), &size) && size == sr_text(PLAIN[at + 1]).len);
        CHECK(sr_is(sr_base64_decode(tight(sr_text(PLAIN[at]))), PLAIN[at + 1]));
    }
    static const char *const WRONG[] = {"Z", "Zg", "Zg=", "Z===", "Zg==Zg==", "Z-8=", "====", "Zm9v="};
    for (size_t at = 0; at < sizeof WRONG / sizeof *WRONG; at++) CHECK(!sr_base64_size(sr_text(WRONG[at]), &size));
}

int main(void) {
    test_what_is_valid();
    test_depth();
    test_strings();
    test_walks();
    test_base64();
    sr_test_reset();
    return 0;
}
