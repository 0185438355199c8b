import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { type Entry, putRequest, setHost } from "strongroom-plugin";

import { policy } from "../src/plugin.js";

const KEY = "/registry/pods/shop/web";
const SETTINGS = { allowed: ["registry.example.com/shop/", "docker.io/library"] };

let stored: string | null = null;

beforeEach(() => {
  stored = null;
  using(SETTINGS);
  setHost({ get: (key) => (stored === null ? null : entry(key, stored)) });
});

function using(settings: object): void {
  setHost({ settings: () => JSON.stringify(settings) });
}

function entry(key: Uint8Array, value: string): Entry {
  return { key, value: new TextEncoder().encode(value), createRevision: 1, modRevision: 1, version: 1, lease: 0 };
}

function pod(...images: string[]): string {
  const containers = images.map((image, at) => ({ name: `c${at}`, image }));
  return JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name: "web" }, spec: { containers } });
}

function refused(settings: string): string {
  try {
    policy.validateSettings(settings);
    return "";
  } catch (reason) {
    return String(reason);
  }
}

test("malformed settings are refused with a reason", () => {
  const samples: [string, RegExp][] = [
    ["", /settings are needed/], ["{", /not JSON/], ["[]", /not a JSON object/], ["{}", /at least one place/],
    ['{"allowed": []}', /at least one place/], ['{"allowed": [1]}', /list of strings/], ['{"allow": ["a.b"]}', /unknown setting "allow"/],
    ['{"allowed": ["library/nginx"]}', /names no registry/], ['{"allowed": ["docker.io/nginx:1"]}', /without tag/],
    ['{"allowed": ["https://docker.io"]}', /is not a registry/], ['{"allowed": ["GHCR.io"]}', /must be written "ghcr.io"/], ['{"allowed": ["docker.io//a"]}', /is not a registry/],
    ['{"allowed": ["*.io"]}', /is not a registry/], ['{"allowed": ["a.b"], "requireDigest": "yes"}', /true or false/],
  ];
  for (const [settings, reason] of samples) assert.match(refused(settings), reason, settings);
  assert.equal(refused('{"allowed": ["docker.io", "localhost:5000/a/"], "requireDigest": true, "keepExisting": false}'), "");
});

test("the denial names every image, up to four", () => {
  const verdict = policy.review(putRequest(KEY, pod("nginx", "a.example/1", "a.example/2", "a.example/3", "a.example/4", "NO")));
  assert.equal(verdict.denial?.code, "registry-not-allowed");
  assert.match(verdict.denial?.message ?? "", /^image "a.example\/1" of container "c1" is from .*"a.example\/4".*; and 1 more$/);
});

test("images that the object had are kept only where the settings say so", () => {
  stored = pod("a.example/old");
  assert.ok(!policy.review(putRequest(KEY, pod("a.example/old"))).isAllowed);
  using({ ...SETTINGS, keepExisting: true });
  assert.ok(policy.review(putRequest(KEY, pod("a.example/old"))).isAllowed);
  assert.match(policy.review(putRequest(KEY, pod("a.example/old", "a.example/new"))).denial?.message ?? "", /^image "a.example\/new" of [^;]*$/);
  for (stored of [null, "not an object", pod("nginx")]) {
    assert.ok(!policy.review(putRequest(KEY, pod("a.example/old"))).isAllowed);
  }
});

test("without leave to read, existing images are denied with a note", () => {
  using({ ...SETTINGS, keepExisting: true });
  setHost({ get: () => { throw "not-granted"; } });
  const verdict = policy.review(putRequest(KEY, pod("a.example/old")));
  assert.equal(verdict.denial?.code, "registry-not-allowed");
  assert.match(verdict.notes.join(), /did not let/);
});
