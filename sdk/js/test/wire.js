// Writes protobuf, for tests.

const encoder = new TextEncoder();

/** A field that is a message, bytes or text. */
export function field(number, content) {
  const bytes = typeof content === "string" ? encoder.encode(content) : content;
  return join(varint(number * 8 + 2), varint(bytes.length), bytes);
}

/** A field that is a number or a truth value. */
export function numeric(number, value) {
  return join(varint(number * 8), varint(Number(value)));
}

/** An entry of a map. */
export function entry(number, key, value) {
  return field(number, join(field(1, key), field(2, value)));
}

/** Kubernetes' envelope around an object. */
export function envelope(apiVersion, kind, raw, ...more) {
  return join(encoder.encode("k8s\0"), field(1, join(field(1, apiVersion), field(2, kind))), field(2, raw), ...more);
}

/** One after the other. */
export function join(...parts) {
  return new Uint8Array(Buffer.concat(parts));
}

function varint(value) {
  const bytes = [];
  let left = BigInt.asUintN(64, BigInt(value));
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) + 128);
  return Uint8Array.of(...bytes, Number(left));
}
