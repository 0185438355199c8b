// Reads protobuf field by field, in place: nothing is copied, and every step goes forward.
// What is cut off or malformed throws `Malformed`.

import { text } from "./bytes.js";

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;
const WHOLE = -1;
const TAG_MAX = 0xffffffff;
const VARINT_BYTES_MAX = 10;

/** Bytes that are no protobuf message, or a field that is not of the expected type. */
export class Malformed extends Error {
  constructor(reason) {
    super(reason);
    this.name = "Malformed";
  }
}

/**
 * A place in a message. `next` goes to a field, and then one of the others reads it. A new reader stands before the whole
 * message as if it were a field, which `enter` goes into.
 */
export class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
    this.end = bytes.length;
    this.type = WHOLE;
  }

  /** Goes to the next field for which `wanted` has something at its number, and returns the number; 0 at the end. */
  next(wanted) {
    const { bytes, end } = this;
    for (let at = this.at; ; at = this.at) {
      // Most fields are short and not wanted; an interpreter goes past them fast only in one loop.
      for (let tag = bytes[at]; tag < 128 && (tag & 7) === LENGTH && wanted[tag >>> 3] === undefined; tag = bytes[at]) {
        const next = at + 2 + bytes[at + 1];
        if (bytes[at + 1] > 127 || !(next <= end) || tag < 8) break;
        at = next;
      }
      this.at = at;
      if (at >= end) return 0;
      const tag = varint(this);
      if (tag < 8 || tag > TAG_MAX) throw new Malformed("no such field number");
      this.type = tag & 7;
      if (wanted[tag >>> 3] !== undefined) return tag >>> 3;
      skip(this);
    }
  }

  /** Goes into the message that the field is. Returns what `leave` wants. */
  enter() {
    const outer = this.end;
    if (this.type === WHOLE) return outer;
    expect(this, LENGTH);
    const size = length(this);
    this.end = this.at + size;
    return outer;
  }

  /** Goes out of the message, at its end. */
  leave(outer) {
    this.end = outer;
  }

  /** The bytes that the field is. */
  takeBytes() {
    expect(this, LENGTH);
    const size = length(this);
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  /** The string that the field is. */
  takeString() {
    const found = text(this.takeBytes());
    if (found === null) throw new Malformed("a string that is not UTF-8");
    return found;
  }

  /** Whether the field is true. */
  takeBoolean() {
    expect(this, VARINT);
    return varint(this) !== 0;
  }

  /** The whole number that the field is, exact up to 2^53. */
  takeInteger() {
    expect(this, VARINT);
    const start = this.at;
    const value = varint(this);
    if (value <= Number.MAX_SAFE_INTEGER) return value;
    // A negative one is written as if it had 64 bits and no sign.
    let exact = 0n;
    for (let at = this.at - 1; at >= start; at--) exact = exact * 128n + BigInt(this.bytes[at] & 127);
    return Number(BigInt.asIntN(64, exact));
  }
}

function skip(reader) {
  if (reader.type === LENGTH) past(reader, length(reader));
  else if (reader.type === VARINT) varint(reader);
  else if (reader.type === FIXED64) past(reader, 8);
  else if (reader.type === FIXED32) past(reader, 4);
  else throw new Malformed("no such wire type");
}

function expect(reader, type) {
  if (reader.type !== type) throw new Malformed("a field of another type");
}

// A length that fits.
function length(reader) {
  const size = varint(reader);
  if (size > reader.end - reader.at) throw new Malformed("cut off");
  return size;
}

function past(reader, size) {
  if (size > reader.end - reader.at) throw new Malformed("cut off");
  reader.at += size;
}

// Beyond 2^53 it is no longer exact, which no length and no field number reaches.
function varint(reader) {
  const { bytes, end } = reader;
  let { at } = reader;
  let value = 0;
  for (let scale = 1; at < reader.at + VARINT_BYTES_MAX; scale *= 128) {
    if (at >= end) throw new Malformed("cut off");
    const byte = bytes[at++];
    value += (byte & 127) * scale;
    if (byte < 128) {
      reader.at = at;
      return value;
    }
  }
  throw new Malformed("a number without end");
}
