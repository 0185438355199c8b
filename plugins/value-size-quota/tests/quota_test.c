/// The policy, natively: keys, settings, and counting in a store of the test's own.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <strongroom_test.h>

#include "../src/quota.h"

#define CHECK(statement)                                                                                               \
    do {                                                                                                               \
        if (!(statement)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #statement);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sr_bytes of(size_t len) {
    uint8_t *bytes = sr_alloc(len);
    memset(bytes, 'v', len);
    return (sr_bytes){bytes, len};
}

/// The code with which a put of that many bytes is denied; "" if it is allowed.
static const char *put(const char *key, size_t len) {
    sr_request request = sr_test_put_request(key, of(len));
    sr_verdict verdict = sr_test_review(&request);
    CHECK(verdict.decision == SR_ALLOW || verdict.decision == SR_DENY);
    return verdict.decision == SR_ALLOW ? "" : (const char *)verdict.denial.code.at;
}

static bool is(const char *one, const char *other) {
    return strcmp(one, other) == 0;
}

static void begin(const char *settings) {
    sr_bytes reason;
    sr_test_reset();
    CHECK(sr_test_validate(settings, &reason));
    sr_test_settings(settings);
    sr_test_grant("/registry/configmaps/");
}

static void test_namespaces_of_keys(void) {
    static const char *const KEYS[][2] = {
        {"/registry/configmaps/team-a/app", "team-a"},
        {"/registry/services/specs/team-a/web", "team-a"},
        {"/registry/example.com/widgets/team-a/w.1", "team-a"},
        {"/kubernetes.io/configmaps/team-a/app", "team-a"},
        {"/registry/configmaps/team-a/my.app", "team-a"},
        {"/registry/namespaces/team-a", ""},
        {"/registry/example.com/widgets/w", ""},
        {"/registry/apiextensions.k8s.io/customresourcedefinitions/widgets.example.com", ""},
        {"/registry/configmaps//app", ""},
        {"/registry/configmaps/team-a/", ""},
        {"/registry//configmaps/team-a/app", ""},
        {"//", ""},
        {"/", ""},
        {"", ""},
        {"registry/configmaps/team-a/app", ""},
        {"/registry", ""},
        {"/registry/", ""},
    };
    for (size_t at = 0; at < sizeof KEYS / sizeof *KEYS; at++) {
        bool holds = sr_is(namespace_of(sr_text(KEYS[at][0])), KEYS[at][1]);
        if (!holds) fprintf(stderr, "%s\n", KEYS[at][0]);
        CHECK(holds);
    }
}

static void test_settings(void) {
    static const char *const GOOD[] = {
        "",
        "* 1",
        "*\t1Ki 4Mi 100000\r\n",
        "# all\n\n  * 1 # one\nteam-a - - 3\n/registry/secrets/\n",
        "* 0",
        "* 1\n/registry/example.com/widgets/\n/registry/services/specs/\n",
    };
    static const char *const BAD[][2] = {
        {"team-a", "line 1: expected"},
        {"* 1\n\n* 1 2 3 4", "line 3: expected"},
        {"* 1\nTeam 1", "line 2: a line begins"},
        {"-a 1", "line 1: a line begins"},
        {"* 1 2 x", "line 1: a limit"},
        {"* 1k", "line 1: a limit"},
        {"* Ki", "line 1: a limit"},
        {"* -1", "line 1: a limit"},
        {"* 99999999999999999999999", "line 1: a limit"},
        {"* 1099511627776Mi", "line 1: a limit"},
        {"* 1 5Mi", "line 1: a total"},
        {"* 1 - 100001", "line 1: at most"},
        {"* 1\n* 2", "line 2: this was given before"},
        {"a 1\nb 1\na 2", "line 3: this was given before"},
        {"* 1\n/registry/secrets/\n/registry/secrets/", "line 3: this was given before"},
        {"* 1\n/registry/services/\n/registry/services/specs/", "line 3: this was given before, or lies"},
        {"* 1\n/registry/secrets", "line 2: a prefix is"},
        {"* 1\n/registry/", "line 2: a prefix is"},
        {"* 1\n/registry/example.com/", "line 2: a prefix is"},
        {"* 1\n/registry/secrets/ 5", "line 2: a prefix stands"},
        {"# nothing", "there is no line"},
        {"/registry/secrets/", "there is no line"},
    };
    sr_bytes reason;
    for (size_t at = 0; at < sizeof GOOD / sizeof *GOOD; at++) CHECK(sr_test_validate(GOOD[at], &reason));
    for (size_t at = 0; at < sizeof BAD / sizeof *BAD; at++) {
        bool holds = !sr_test_validate(BAD[at][0], &reason) && sr_starts_with(reason, sr_text(BAD[at][1]));
        if (!holds) fprintf(stderr, "%s -> %.*s\n", BAD[at][0], (int)reason.len, (const char *)reason.at);
        CHECK(holds);
    }
}

static void test_values(void) {
    begin("* 10\nteam-b 20\nteam-c -");
    CHECK(is(put("/registry/configmaps/team-a/k", 10), "") &&
          is(put("/registry/configmaps/team-a/k", 11), "value-too-large"));
    CHECK(is(put("/registry/configmaps/team-b/k", 20), "") &&
          is(put("/registry/configmaps/team-b/k", 21), "value-too-large"));
    CHECK(is(put("/registry/configmaps/team-c/k", 9999), "") && is(put("/registry/nodes/n", 11), "value-too-large"));
    // Not by the order of lines.
    begin("team-b 20\n* 10");
    CHECK(is(put("/registry/configmaps/team-b/k", 20), "") &&
          is(put("/registry/configmaps/team-a/k", 20), "value-too-large"));
    begin("team-b 20");
    CHECK(is(put("/registry/configmaps/team-a/k", 9999), ""));
    begin("");
    CHECK(is(put("/registry/configmaps/team-a/k", 1 << 20), ""));
    CHECK(is(put("/registry/configmaps/team-a/k", (1 << 20) + 1), "value-too-large"));
    CHECK(sr_test_reads() == 0);
}

static void test_totals(void) {
    begin("* - 100 3");
    CHECK(is(put("/registry/configmaps/a/1", 100), "") && is(put("/registry/configmaps/a/1", 101), "total-too-large"));
    sr_test_put("/registry/configmaps/a/1", of(40));
    sr_test_put("/registry/configmaps/a/2", of(40));
    sr_test_put("/registry/configmaps/aa/1", of(90));
    CHECK(is(put("/registry/configmaps/a/3", 20), "") && is(put("/registry/configmaps/a/3", 21), "total-too-large"));
    CHECK(is(put("/registry/configmaps/a/1", 60), "") && is(put("/registry/configmaps/a/1", 61), "total-too-large"));
    sr_test_put("/registry/configmaps/a/3", of(1));
    CHECK(is(put("/registry/configmaps/a/4", 1), "too-many-objects") && is(put("/registry/configmaps/a/3", 2), ""));
    // Elsewhere it counts nothing and reads nothing.
    size_t reads = sr_test_reads();
    CHECK(is(put("/registry/secrets/a/4", 1000), "") && is(put("/registry/nodes/n", 1000), "") &&
          sr_test_reads() == reads);
}

static void test_what_is_over_may_shrink(void) {
    begin("* - 100 1");
    sr_test_put("/registry/configmaps/a/1", of(200));
    sr_test_put("/registry/configmaps/a/2", of(50));
    CHECK(is(put("/registry/configmaps/a/1", 199), "") && is(put("/registry/configmaps/a/1", 200), ""));
    CHECK(is(put("/registry/configmaps/a/2", 51), "total-too-large") &&
          is(put("/registry/configmaps/a/3", 0), "too-many-objects"));
}

static void test_several_prefixes(void) {
    begin("* - 100\n/registry/configmaps/\n/registry/example.com/widgets/\n");
    CHECK(is(put("/registry/configmaps/a/1", 1), "read-not-granted"));
    sr_test_grant("/registry/example.com/");
    sr_test_put("/registry/configmaps/a/1", of(50));
    sr_test_put("/registry/example.com/widgets/a/1", of(40));
    CHECK(is(put("/registry/example.com/widgets/a/2", 10), "") &&
          is(put("/registry/configmaps/a/2", 11), "total-too-large"));
}

static void test_what_cannot_be_read(void) {
    begin("* - 4Mi\nn - - 2");
    CHECK(is(put("/registry/configmaps/b/1", 1), ""));
    sr_test_put_withheld("/registry/configmaps/b/2");
    CHECK(is(put("/registry/configmaps/b/1", 1), "stored-value-withheld"));
    CHECK(is(put("/registry/configmaps/b/2", 1), "stored-value-withheld"));
    // Who counts objects only needs no values.
    sr_test_put_withheld("/registry/configmaps/n/1");
    CHECK(is(put("/registry/configmaps/n/1", 1), "") && is(put("/registry/configmaps/n/2", 1), ""));
    sr_test_put_withheld("/registry/configmaps/n/2");
    CHECK(is(put("/registry/configmaps/n/3", 1), "too-many-objects"));
    sr_test_put("/registry/configmaps/c/1", of(4 << 20));
    CHECK(is(put("/registry/configmaps/c/2", 0), "read-too-much"));

    begin("* - 4Mi");
    sr_test_put_withheld("/registry/configmaps/b/2");
    sr_request withheld = sr_test_put_request("/registry/configmaps/b/1", of(0));
    withheld.value.present = false;
    CHECK(sr_test_review(&withheld).decision == SR_ALLOW);
    withheld.value_withheld = true;
    CHECK(sr_is(sr_test_review(&withheld).denial.code, "value-withheld"));
}

static void test_many_pages(void) {
    begin("* - - 2500");
    for (int at = 0; at < 2499; at++) {
        char *key = sr_alloc(64);
        snprintf(key, 64, "/registry/configmaps/a/%d", at);
        sr_test_put(key, of(1));
    }
    CHECK(is(put("/registry/configmaps/a/x", 1), "") && sr_test_reads() == 4);
    sr_test_put("/registry/configmaps/a/y", of(1));
    CHECK(is(put("/registry/configmaps/a/x", 1), "too-many-objects"));
}

/// Settings and keys of random words: no crash, and whatever is accepted can be reviewed.
static void test_random_settings(void) {
    static const char *const WORDS[] = {"*",  "a", "b-", "1",  "-", "4Mi",        "5Mi",         "9Ki",
                                        "\n", "#", " ",  "\t", "/", "/registry/", "configmaps/", "."};
    uint64_t seed = 7;
    for (int round = 0; round < 50000; round++) {
        sr_bytes text = {0}, reason;
        for (int count = 0; count < 12; count++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text = sr_concat(text, sr_text(WORDS[seed >> 60]));
        }
        const char *settings = (const char *)sr_concat(text, ((sr_bytes){(const uint8_t *)"", 1})).at;
        sr_test_settings(settings);
        // In force are only settings that were found good.
        bool good = sr_test_validate(settings, &reason);
        sr_request request = sr_test_put_request(settings, of(1));
        sr_verdict verdict = sr_test_review(&request);
        bool malformed = verdict.decision == SR_DENY && sr_is(verdict.denial.code, "settings-malformed");
        CHECK(!good || !malformed);
        sr_test_reset();
    }
}

int main(void) {
    test_namespaces_of_keys();
    test_settings();
    test_values();
    test_totals();
    test_what_is_over_may_shrink();
    test_several_prefixes();
    test_what_cannot_be_read();
    test_many_pages();
    test_random_settings();
    sr_test_reset();
    return 0;
}
