"""Settings that are refused, and what those that are taken say about names."""

import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

import plugin  # noqa: E402
import rules  # noqa: E402
from strongroom_plugin import Request, testing  # noqa: E402

RULE = {"kinds": ["Namespace"], "pattern": "team-[a-z]+"}
KEY = b"/registry/namespaces/play"
VALUE = b'{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"play"}}'


def settings(*told: object, **others: object) -> str:
    return json.dumps({"rules": list(told), **others})


class Validation(unittest.TestCase):
    def test_takes_what_is_well_formed(self) -> None:
        full = {**RULE, "namespaces": ["team-*"], "except": ["default"], "message": "begin with team-"}
        plugin.Policy().validate_settings(settings(RULE, full, existing="check"))

    def test_says_what_is_wrong(self) -> None:
        refused = {
            "": "there are none",
            "{": "not JSON",
            "[" * 100000: "not JSON",
            "[]": "the settings: not a JSON object",
            "{}": "rules is missing",
            settings(): "a list of 1 to 100",
            settings(*[RULE] * 101): "a list of 1 to 100",
            settings(RULE, existing="no"): "existing must be",
            settings(RULE, more=1): "more is not known",
            settings(RULE, 7): "rule 2: not a JSON object",
            settings({"kinds": ["Pod"]}): "rule 1: pattern is missing",
            settings({**RULE, "patern": ""}): "rule 1: patern is not known",
            settings({**RULE, "kinds": []}): "rule 1: kinds is empty",
            settings({**RULE, "kinds": "Pod"}): "rule 1: kinds must be a list",
            settings({**RULE, "namespaces": ["*-a"]}): "rule 1: namespaces must be a list",
            settings({**RULE, "except": [1]}): "rule 1: except must be a list",
            settings({**RULE, "pattern": ""}): "rule 1: pattern is empty",
            settings({**RULE, "pattern": "a" * 501}): "rule 1: pattern must be text of at most 500 bytes",
            settings({**RULE, "message": "a\nb"}): "rule 1: message must be one line",
            settings(RULE, {**RULE, "pattern": "("}): "rule 2: the pattern is not a regular expression",
            settings({**RULE, "pattern": "a{99999999999}"}): "rule 1: the pattern is not a regular expression",
        }
        for told, reason in refused.items():
            with self.subTest(reason):
                with self.assertRaises(testing.Err) as refusal:
                    plugin.Policy().validate_settings(told)
                self.assertIn(reason, refusal.exception.value)


class Rules(unittest.TestCase):
    def broken(self, rule: dict, kind: str, namespace: str, name: str) -> bool:
        return rules.parse(settings(rule)).broken_by(kind, namespace, name) is not None

    def test_a_rule_for_namespaces_is_not_about_objects_of_the_whole_cluster(self) -> None:
        rule = {"kinds": ["*"], "namespaces": ["*"], "pattern": "a+"}
        self.assertTrue(self.broken(rule, "Pod", "x", "b"))
        self.assertFalse(self.broken(rule, "Namespace", "", "b"))

    def test_all_rules_hold(self) -> None:
        found = rules.parse(settings({"kinds": ["Pod"], "pattern": "a.*"}, {"kinds": ["Pod"], "pattern": ".*z"}))
        self.assertIsNone(found.broken_by("Pod", "", "a-z"))
        self.assertEqual(found.broken_by("Pod", "", "a-b").pattern, ".*z")


class Existing(unittest.TestCase):
    def tearDown(self) -> None:
        testing.given()

    def review(self, store: dict | None, **others: object) -> object:
        testing.given(settings(RULE, **others), store)
        return plugin.Policy().review(Request.put(KEY, VALUE))

    def test_what_was_there_before_passes_with_a_note(self) -> None:
        verdict = self.review({KEY: b"old"})
        self.assertTrue(verdict.is_allowed)
        self.assertIn("was there before", verdict.notes[0])

    def test_what_is_new_is_denied(self) -> None:
        self.assertEqual(self.review({}).denial.code, "name-convention")

    def test_without_a_grant_to_read_it_counts_as_new(self) -> None:
        self.assertEqual(self.review(None).denial.code, "name-convention")

    def test_it_can_be_held_to_the_rules_too(self) -> None:
        self.assertEqual(self.review({KEY: b"old"}, existing="check").denial.code, "name-convention")


if __name__ == "__main__":
    unittest.main()
