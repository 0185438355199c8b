import assert from "node:assert/strict";
import { test } from "node:test";

import { liesIn, parseImage, problemOf } from "../src/image.js";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

test("references mean what runtimes take them for", () => {
  const samples: [string, string, string | null][] = [
    ["nginx", "docker.io/library/nginx", null],
    ["nginx:1.27", "docker.io/library/nginx", null],
    ["acme/web", "docker.io/acme/web", null],
    ["docker.io/nginx", "docker.io/library/nginx", null],
    ["index.docker.io/acme/web", "docker.io/acme/web", null],
    ["Docker.IO/acme/web", "docker.io/acme/web", null],
    ["LOCAL/web", "local/web", null],
    ["localhost/web", "localhost/web", null],
    ["localhost:5000/web:1", "localhost:5000/web", null],
    ["registry.example.com:5000/a/b_c/d-e:v1", "registry.example.com:5000/a/b_c/d-e", null],
    ["[fd00::1]:5000/web", "[fd00::1]:5000/web", null],
    [`ghcr.io/acme/web@${DIGEST}`, "ghcr.io/acme/web", DIGEST],
    [`web:1@${DIGEST}`, "docker.io/library/web", DIGEST],
    ["registry.example.com", "docker.io/library/registry.example.com", null],
    ["localhost:5000", "docker.io/library/localhost", null],
    ["docker.io.evil.com/nginx", "docker.io.evil.com/nginx", null],
    ["evil.com/docker.io/nginx", "evil.com/docker.io/nginx", null],
  ];
  for (const [reference, name, digest] of samples) assert.deepEqual(parseImage(reference), { name, digest }, reference);
});

test("what is no reference is refused", () => {
  const samples = [
    "", " ", "nginx ", "NGINX", "a//b", "/nginx", "nginx/", "nginx:", "nginx@", "nginx@sha256:abc", `nginx@${DIGEST}@${DIGEST}`,
    "docker.io/", "docker.io@evil.com/web", "user@docker.io/web", "https://docker.io/web", "docker.io/../evil",
    "docker.io/a/./b", "docker.io\\web", "docker.io/web\n",
    "docker.io/wéb", "ⅾocker.io/web", "doc\u212aer.io/web",
    "docker.io:99999999/web", "ex_ample.com/web", "0123456789abcdef".repeat(4), `${"a".repeat(300)}`, `x/${"a/".repeat(600)}b`,
  ];
  for (const reference of samples) assert.equal(parseImage(reference), null, JSON.stringify(reference));
});

test("a place holds what lies below it, part by part", () => {
  const lies = (reference: string, place: string) => liesIn(parseImage(reference)!, place);
  assert.ok(lies("nginx", "docker.io"));
  assert.ok(lies("nginx", "docker.io/library/"));
  assert.ok(lies("ghcr.io/acme/web/api:1", "ghcr.io/acme/web"));
  assert.ok(lies("ghcr.io/acme/web:1", "ghcr.io/acme/web"));
  assert.ok(!lies("docker.io.evil.com/nginx", "docker.io"));
  assert.ok(!lies("ghcr.io/acme-evil/web", "ghcr.io/acme"));
  assert.ok(!lies("ghcr.io/acme", "ghcr.io/acme/web"));
  assert.ok(!lies("ghcr.io/acme", "ghcr.io/acme/"));
  assert.ok(!lies("registry.example.com:5000/web", "registry.example.com"));
  assert.ok(!lies("evil.com/ghcr.io/acme", "ghcr.io"));
});

test("a place is written as images are compared with it", () => {
  for (const place of ["docker.io", "ghcr.io/acme/", "localhost", "localhost:5000/a", "[fd00::1]:5000"]) {
    assert.equal(problemOf(place), null, place);
  }
  for (const place of ["", "/", "nginx", "library/nginx", "GHCR.io", "index.docker.io/a", "a.b//c", "a.b/c:1", "https://a.b", "*.io"]) {
    assert.notEqual(problemOf(place), null, place);
  }
});
