// What fields are called in JSON and which number they have in protobuf, and how to read either.
//
// A shape has what an absent field reads as (`empty`), reads a parsed JSON value (`json`), and reads the protobuf field
// at which a reader stands, together with what came before (`merge`): protobuf allows a field to come in pieces.

import { fromBase64 } from "./bytes.js";
import { Malformed, Reader } from "./protobuf.js";

/** A string. */
export const string = {
  empty: () => "",
  json: (value) => {
    if (value === undefined || value === null) return "";
    if (typeof value !== "string") throw new Malformed("a string was expected");
    return value.toWellFormed();
  },
  merge: (_, reader) => reader.takeString(),
};

/** A truth value. */
export const boolean = {
  empty: () => false,
  json: (value) => {
    if (value === undefined || value === null) return false;
    if (typeof value !== "boolean") throw new Malformed("true or false was expected");
    return value;
  },
  merge: (_, reader) => reader.takeBoolean(),
};

/** A whole number, exact up to 2^53. */
export const integer = {
  empty: () => 0,
  json: (value) => {
    if (value === undefined || value === null) return 0;
    if (!Number.isInteger(value)) throw new Malformed("a whole number was expected");
    return value;
  },
  merge: (_, reader) => reader.takeInteger(),
};

/** Bytes; in JSON they are base64. */
export const binary = {
  empty: () => new Uint8Array(0),
  json: (value) => {
    const found = fromBase64(string.json(value));
    if (found === null) throw new Malformed("base64 was expected");
    return found;
  },
  merge: (_, reader) => reader.takeBytes(),
};

/** What may be absent, which then reads as null. */
export function optional(shape) {
  return {
    empty: () => null,
    json: (value) => (value === undefined || value === null ? null : shape.json(value)),
    merge: (before, reader) => shape.merge(before ?? shape.empty(), reader),
  };
}

/** Any number of one shape. */
export function list(shape) {
  return {
    empty: () => [],
    json: (value) => {
      if (value === undefined || value === null) return [];
      if (!Array.isArray(value)) throw new Malformed("a list was expected");
      return value.map((item) => shape.json(item));
    },
    merge: (list, reader) => {
      list.push(shape.merge(shape.empty(), reader));
      return list;
    },
  };
}

/** Things of one shape by their names: an object without a prototype. */
export function byName(shape) {
  const entry = message({ key: [1, string], value: [2, shape] });
  return {
    empty: () => Object.create(null),
    json: (value) => {
      const result = Object.create(null);
      for (const [name, item] of Object.entries(record(value))) result[name.toWellFormed()] = shape.json(item);
      return result;
    },
    merge: (result, reader) => {
      const { key, value } = entry.merge(entry.empty(), reader);
      result[key] = value;
      return result;
    },
  };
}

/** A message: the number and the shape of each field that matters, by its name in JSON. If that is another name than it
 * shall have in the result, it comes third. */
export function message(fields) {
  const named = Object.entries(fields).map(([name, [number, shape, inJson = name]]) => ({ name, number, shape, inJson }));
  const numbered = table(named);
  return {
    empty: () => {
      const result = {};
      for (const { name, shape } of named) result[name] = shape.empty();
      return result;
    },
    json: (value) => {
      const given = record(value);
      const result = {};
      for (const { name, shape, inJson } of named) result[name] = shape.json(own(given, inJson));
      return result;
    },
    merge: (result, reader) => {
      const outer = reader.enter();
      for (let number = reader.next(numbered); number !== 0; number = reader.next(numbered)) {
        const { name, shape } = numbered[number];
        result[name] = shape.merge(result[name], reader);
      }
      reader.leave(outer);
      return result;
    },
  };
}

/** What is in one field of a message. With `null` as its name, JSON has no such level. */
export function within([name, number], shape) {
  const numbered = table([{ number }]);
  return {
    empty: () => shape.empty(),
    json: (value) => shape.json(name === null ? value : own(record(value), name)),
    merge: (result, reader) => {
      const outer = reader.enter();
      while (reader.next(numbered) !== 0) result = shape.merge(result, reader);
      reader.leave(outer);
      return result;
    },
  };
}

/** Reads a whole protobuf message. */
export function fromMessage(shape, bytes) {
  return shape.merge(shape.empty(), new Reader(bytes));
}

// Fields by their numbers, without holes, which make arrays slow.
function table(fields) {
  const numbered = new Array(1 + Math.max(0, ...fields.map(({ number }) => number))).fill(undefined);
  for (const field of fields) numbered[field.number] = field;
  return numbered;
}

/** The members of an object in JSON. */
export function record(value) {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw new Malformed("an object was expected");
  return value;
}

/** A member, but not what every JavaScript object inherits. */
export function own(record, name) {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
