"""A plugin from its parts, and what it may ask of its host."""

import unittest

from strongroom_plugin import Operations, Request, Verdict, host, policy, testing


def review(request: Request) -> Verdict:
    if request.value and b":latest" in request.value:
        return Verdict.deny("latest-tag", "name the version of the image").with_note("seen")
    return Verdict.allow().with_warning("looked at")


Policy = policy(name="no-latest-tag", version="0.1.0", prefixes=["/registry/pods/"], review=review)


class Policies(unittest.TestCase):
    def test_describes_itself(self) -> None:
        self.assertEqual(Policy().describe(), ("no-latest-tag", "0.1.0", [b"/registry/pods/"], Operations.PUT))

    def test_reviews(self) -> None:
        denied = Policy().review(Request.put(b"/registry/pods/a/b", b"image: web:latest"))
        self.assertEqual((denied.denial.code, denied.notes, denied.is_allowed), ("latest-tag", ["seen"], False))
        allowed = Policy().review(Request.delete(b"/registry/pods/a/b"))
        self.assertEqual((allowed.is_allowed, allowed.denial, allowed.warnings), (True, None, ["looked at"]))
        self.assertEqual(Verdict.mutate(b"x").decision.value, b"x")

    def test_has_no_settings_unless_it_says_so(self) -> None:
        Policy().validate_settings("")
        with self.assertRaises(testing.Err) as refused:
            Policy().validate_settings("{}")
        self.assertEqual(refused.exception.value, "this plugin has no settings")


class Host(unittest.TestCase):
    def tearDown(self) -> None:
        testing.given()

    def test_reads_what_it_may(self) -> None:
        testing.given("colour: blue", {b"/a/1": b"one", b"/a/2": None, b"/b": b"two"})
        self.assertEqual(host.settings(), "colour: blue")
        self.assertEqual(host.get(b"/a/1").value, b"one")
        self.assertIsNone(host.get(b"/a/3"))
        self.assertEqual(host.previous(Request.delete(b"/b")).value, b"two")
        first = host.list(b"/a/", limit=1)
        self.assertEqual(([entry.key for entry in first.entries], first.more), ([b"/a/1"], True))
        rest = host.list(b"/a/", start=first.entries[-1].key + b"\0")
        self.assertEqual(([entry.value for entry in rest.entries], rest.more), ([None], False))

    def test_is_told_when_it_may_not(self) -> None:
        for read in (lambda: host.get(b"/a"), lambda: host.list(b"/a"), lambda: host.previous(Request.delete(b"/a"))):
            with self.assertRaises(host.NotGranted):
                read()


if __name__ == "__main__":
    unittest.main()
