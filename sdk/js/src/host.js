// What a plugin may ask of its host.

import { host } from "#host";

import { bytes } from "./bytes.js";

/** Why nothing was read: `reason` is "not-granted" or "too-much". */
export class ReadError extends Error {
  constructor(reason) {
    super(reason === "not-granted" ? "the administrator did not let this plugin read there" : "the call has read too much");
    this.name = "ReadError";
    this.reason = reason;
  }
}

/**
 * Adds a line to this plugin's log, which administrators read. What is longer than 1 KiB is cut off, and after sixteen
 * lines a call adds no more. What is logged during the review of a sealed value is dropped.
 */
export function log(level, message) {
  host.log(level, message.toWellFormed());
}

/** The settings that the administrator gave, as text; empty for none. */
export function settings() {
  return host.settings();
}

/** A key, as bytes or text, with what the store has; null if there is none. Throws `ReadError`. */
export function get(key) {
  return reading(() => host.get(encoded(key)));
}

/** What the store has under the key of the request: what the write is about to replace. */
export function previous(request) {
  return get(request.key);
}

/**
 * Keys that begin with `prefix`, from `start` on (empty: from the first), at most `limit` and at most 1,000, in their
 * order. To go on, start at the last key with a zero byte after it. Throws `ReadError`.
 */
export function list(prefix, start = "", limit = 1000) {
  return reading(() => host.list(encoded(prefix), encoded(start), limit));
}

function encoded(key) {
  return typeof key === "string" ? bytes(key) : key;
}

function reading(step) {
  try {
    return step();
  } catch (error) {
    // Bindings throw the case of the enumeration itself, or an error that carries it.
    const reason = [error, error?.payload].find((found) => found === "not-granted" || found === "too-much");
    throw reason ? new ReadError(reason) : error;
  }
}
