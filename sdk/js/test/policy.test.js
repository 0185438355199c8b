import assert from "node:assert/strict";
import { test } from "node:test";

import {
  allow, bytes, deny, get, kubernetes, list, mutate, plugin, previous, putRequest, ReadError, setHost, settings,
} from "../src/index.js";

const KEY = "/registry/pods/default/web";

function having(functions) {
  return plugin({ name: "sample", version: "1.2.3", prefixes: ["/registry/pods/"], ...functions });
}

test("a plugin describes itself", () => {
  assert.deepEqual(having({ review: allow }).describe(), {
    name: "sample", version: "1.2.3", prefixes: [bytes("/registry/pods/")], operations: { put: true, delete: false },
  });
  assert.deepEqual(having({ operations: ["delete"] }).describe().operations, { put: false, delete: true });
  assert.throws(() => having({ operations: ["get"] }), TypeError);
});

test("settings are refused with what is returned or thrown", () => {
  const refused = (validateSettings, given) => {
    try {
      return having({ validateSettings }).validateSettings(given);
    } catch (reason) {
      return reason;
    }
  };
  assert.equal(refused(undefined, ""), undefined);
  assert.equal(refused(undefined, "x"), "this plugin has no settings");
  assert.equal(refused(() => {}, "x"), undefined);
  assert.equal(refused(() => "not so", "x"), "not so");
  assert.equal(refused(() => { throw new Error("not so"); }, "x"), "not so");
});

test("verdicts have the contract's fields", () => {
  const verdict = deny("no", "because").withWarning("w").withNote("n");
  assert.deepEqual({ ...verdict }, {
    decision: { tag: "deny", val: { code: "no", message: "because" } }, warnings: ["w"], notes: ["n"],
  });
  assert.deepEqual(verdict.denial, { code: "no", message: "because" });
  assert.ok(allow().isAllowed && !verdict.isAllowed);
  assert.deepEqual(mutate("é").decision, { tag: "mutate", val: Uint8Array.of(0xc3, 0xa9) });
});

test("an unreadable object denies, another error fails", () => {
  const reads = having({ review: (request) => (kubernetes.read(request.value), allow()) });
  assert.equal(reads.review(putRequest(KEY, "nothing")).denial.code, "unreadable");
  const logged = [];
  setHost({ log: (level, message) => logged.push(level, message) });
  const fails = having({ review: () => { throw new TypeError("hunter2"); } });
  assert.throws(() => fails.review(putRequest(KEY, "")), TypeError);
  assert.match(logged.join(" "), /^error review failed with TypeError at /);
  assert.ok(!logged.join().includes("hunter2"));
});

test("the host is asked in bytes, and its errors have a reason", () => {
  const asked = [];
  const entry = { key: bytes(KEY), value: null, createRevision: 1, modRevision: 2, version: 3, lease: 0 };
  setHost({
    settings: () => "some",
    get: (key) => (asked.push(key), entry),
    list: (...all) => (asked.push(...all), { entries: [], more: true }),
  });
  assert.equal(settings(), "some");
  assert.deepEqual(previous(putRequest(KEY, "")), entry);
  assert.ok(list("/a").more);
  assert.deepEqual(asked, [bytes(KEY), bytes("/a"), new Uint8Array(0), 1000]);
  setHost({ get: () => { throw "not-granted"; } });
  assert.throws(() => get(KEY), (error) => error instanceof ReadError && error.reason === "not-granted");
});
