//go:build !wasip1

package main

import (
	"regexp"
	"strings"
	"testing"

	"strongroom/plugin"
)

func TestPatternsMatchAsInTheStandardLibrary(t *testing.T) {
	values := []string{"", "a", "b", "ab", "abc", "aab", "aaaa", "abab", "a-b", "a.b", "7", "42", "1234", "12345", "team_1", "A", "]", "-", "$", strings.Repeat("a", 63)}
	for _, text := range []string{
		"", "a", "ab|abc", "a*", "a+b", "(ab)+", "(?:a|b)*", "(a*)*b?", "((a*)*)*", "[ab]+", "[^a]", "[a-c-]*", `\d{4}`, `\d{2,}`,
		`\d{1,3}`, `\w+`, `a\.b`, "a.b", "^a$", "^(a|b)c?$", "a?b?c?", "(a|ab)(c|bc)", "[]]", `[\d-]+`, `\$`, "|a", "(|a)b", "a{0}b", "(a{2}){2}", "[[:]", "a|", ".{63}",
	} {
		own, err := parsePattern(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		standard := regexp.MustCompile(`^(?:` + text + `)$`)
		for _, value := range values {
			if own.matches(value) != standard.MatchString(value) {
				t.Errorf("%s and %q: matches here %v", text, value, own.matches(value))
			}
		}
	}
	longer, _ := parsePattern("a*")
	if longer.matches(strings.Repeat("a", 64)) {
		t.Error("a value longer than Kubernetes has was matched")
	}
}

func TestMalformedSettingsAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "{}", "[]", "team", `{"labels":[]}`, `{"labels":"team"}`, `{"labels":[""]}`, `{"labels":[{}]}`, `{"labels":[1]}`, `{"labels":[null]}`,
		`{"label":["team"]}`, `{"labels":["team"],"more":1}`, `{"labels":[{"name":"team","regex":"a"}]}`, `{"labels":["team"]`,
		`{"labels":[{"name":"team","value":1}]}`, `{"labels":[{"name":"team","kinds":"Pod"}]}`,
		`{"labels":["` + strings.Repeat("n", nameBytesMax+1) + `"]}`,
	} {
		if validateSettings(text) == nil {
			t.Errorf("%s was taken", text)
		}
	}
	for _, pattern := range []string{
		"(", ")", "a)", "(a", "[", "[a", "[]", "[b-a]", "*", "a**", "a+?", "a{", "a{x}", "a{2", "a{3,2}", "a{101}", "a{1,101}", `\\`[:1], `\q`, `\1`,
		"a^b", "a$b", "é", "\t", strings.Repeat("(", 9) + strings.Repeat(")", 9), "(?i)a", "a|*",
	} {
		if _, err := parsePattern(pattern); err == nil {
			t.Errorf("%q was taken", pattern)
		}
	}
	if err := validateSettings(`{"labels":["team",{"name":"tier","value":"a|b","kinds":["Pod"]}]}`); err != nil {
		t.Error(err)
	}
}

func TestNothingIsAllowedWithoutLooking(t *testing.T) {
	plugin.SetSettings(`{"labels":["team"]}`)
	defer plugin.SetSettings("")
	withheld := plugin.PutRequest("/registry/pods/a", "")
	withheld.Value, withheld.ValueWithheld = nil, true
	for code, request := range map[string]*plugin.Request{
		"value-withheld": withheld,
		"unreadable":     plugin.PutRequest("/registry/pods/a", ""),
		"label-missing":  plugin.PutRequest("/registry/pods/a", `{"apiVersion":"v1","kind":"Pod"}`),
	} {
		if got, _ := review(request).Denial(); got != code {
			t.Errorf("%q instead of %q", got, code)
		}
	}
	plugin.SetSettings("")
	if code, _ := review(plugin.PutRequest("/registry/pods/a", `{"apiVersion":"v1","kind":"Pod"}`)).Denial(); code != "settings" {
		t.Error("reviewed without settings")
	}
}
