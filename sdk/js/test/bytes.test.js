import assert from "node:assert/strict";
import { test } from "node:test";

import { beginsWith, bytes, fromBase64, text } from "../src/bytes.js";

test("text and bytes are each other's inverse", () => {
  for (const sample of ["", "plain", "käse, 鍵, 🔑", "x".repeat(10_000), "é".repeat(5_000)]) {
    assert.deepEqual(bytes(sample), new Uint8Array(Buffer.from(sample)));
    assert.equal(text(bytes(sample)), sample);
  }
});

test("what is not UTF-8 is no text", () => {
  for (const sample of [[0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0x61, 0x80]]) {
    assert.equal(text(Uint8Array.from(sample)), null);
  }
});

test("one byte that is not ASCII is seen wherever it is", () => {
  const whole = new Uint8Array(100).fill(0x61);
  for (let start = 0; start < 8; start++) {
    for (let at = start; at < whole.length; at++) {
      whole[at] = 0xff;
      assert.equal(text(whole.subarray(start)), null);
      whole[at] = 0x61;
    }
    assert.equal(text(whole.subarray(start)), "a".repeat(100 - start));
  }
});

test("halves of surrogate pairs are replaced", () => {
  assert.equal(text(bytes("a\ud800b🔑\udc00")), "a\ufffdb🔑\ufffd");
});

test("base64 is what Node says it is", () => {
  for (const sample of ["", "a", "ab", "abc", "abcd", "\xff\xfe\x00"]) {
    const encoded = Buffer.from(sample, "latin1").toString("base64");
    assert.deepEqual(fromBase64(encoded), new Uint8Array(Buffer.from(sample, "latin1")));
  }
  assert.deepEqual(fromBase64("YWJj\r\nZA=="), bytes("abcd"));
});

test("malformed base64 is refused", () => {
  for (const sample of ["a", "ab", "a===", "=abc", "ab=c", "ab-_", "abcé", "====", "YQ=a"]) {
    assert.equal(fromBase64(sample), null, sample);
  }
});

test("a prefix is compared byte by byte", () => {
  assert.ok(beginsWith(bytes("abc"), bytes("ab")));
  assert.ok(!beginsWith(bytes("a"), bytes("ab")));
  assert.ok(!beginsWith(bytes("abc"), bytes("b")));
});
