/**
 * How to read a field in either form of an object. One that is absent reads as "", false, 0, or empty:
 *
 *     const replicas = object.read(within(["spec", 2], message({ replicas: [1, integer] }))).replicas;
 */
export interface Shape<T> {
  /** What an absent field reads as. */
  empty(): T;
  /** Reads a parsed JSON value. */
  json(value: unknown): T;
  /** Reads the protobuf field at which the reader stands, together with what came before. */
  merge(before: T, reader: unknown): T;
}

/** A string. */
export const string: Shape<string>;

/** A truth value. */
export const boolean: Shape<boolean>;

/** A whole number, exact up to 2^53. */
export const integer: Shape<number>;

/** Bytes; in JSON they are base64. */
export const binary: Shape<Uint8Array>;

/** What may be absent, which then reads as null. */
export function optional<T>(shape: Shape<T>): Shape<T | null>;

/** Any number of one shape. */
export function list<T>(shape: Shape<T>): Shape<T[]>;

/** Things of one shape by their names: an object without a prototype. */
export function byName<T>(shape: Shape<T>): Shape<Record<string, T>>;

/**
 * A message: the number and the shape of each field that matters, by its name in JSON. If that is another name than it
 * shall have in the result, it comes third.
 */
export function message<F extends Record<string, readonly [number, Shape<any>, string?]>>(
  fields: F,
): Shape<{ [K in keyof F]: F[K][1] extends Shape<infer T> ? T : never }>;

/** What is in one field of a message. With `null` as its name, JSON has no such level. */
export function within<T>(field: readonly [string | null, number], shape: Shape<T>): Shape<T>;
