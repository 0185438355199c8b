export { bytes, text } from "./bytes.js";
export * as kubernetes from "./kubernetes.js";

/** How much a line of the log matters. */
export type Level = "debug" | "info" | "warning" | "error";

/** What a write does: write one key, or delete one key or a range of keys. */
export type Operation = "put" | "delete";

/** Who wrote. */
export interface Caller {
  /** The common name of the subject of a verified client certificate. */
  commonName: string | null;
  /** The user as which the request was permitted, where users and roles are on. */
  user: string | null;
  /** The URIs among the subject alternative names of a verified client certificate. */
  uris: string[];
}

/** One write to review. A transaction is reviewed write by write, those of both its branches. */
export interface Request {
  operation: Operation;
  /** The key; for a delete of a range, its first key. */
  key: Uint8Array;
  /** For a delete of a range: the first key after it, or one zero byte for a range without end. */
  rangeEnd: Uint8Array | null;
  /** What is put. null for a delete, for a put that keeps the value there is, and when withheld. */
  value: Uint8Array | null;
  /** Whether a value is put that this plugin may not see, because it lies under a sealed prefix. */
  valueWithheld: boolean;
  /** The lease put on the key, 0 for none; exact up to 2^53. null for a delete and for a put that keeps its lease. */
  lease: number | null;
  /** Whether the write is part of a transaction. */
  inTxn: boolean;
  caller: Caller;
  /** Whether verdicts hold, a denial becomes a warning, or they are only counted and logged. */
  mode: "enforce" | "warn" | "observe";
}

/** A key as the store has it. Numbers are exact up to 2^53. */
export interface Entry {
  key: Uint8Array;
  /** null when withheld: it lies under a sealed prefix, and the plugin may not see such values. */
  value: Uint8Array | null;
  /** The revision in which the key was created. */
  createRevision: number;
  /** The revision in which it was last put. */
  modRevision: number;
  /** How often it was put since it was created. */
  version: number;
  /** The lease that it is attached to, 0 for none. */
  lease: number;
}

/** Keys in their order. */
export interface Listing {
  entries: Entry[];
  /** Whether there are more than were asked for. */
  more: boolean;
}

/** Why nothing was read. */
export class ReadError extends Error {
  readonly reason: "not-granted" | "too-much";
  constructor(reason: "not-granted" | "too-much");
}

/** What a review says of a write. */
export class Verdict {
  private constructor(decision: unknown);
  readonly decision: { tag: "allow" } | { tag: "deny"; val: Denial } | { tag: "mutate"; val: Uint8Array };
  readonly warnings: string[];
  readonly notes: string[];
  /** Whether the write passes as it is. */
  readonly isAllowed: boolean;
  /** Why the write is refused; null if it is not. */
  readonly denial: Denial | null;
  /** Adds a line for whoever wrote, and returns the verdict. It may not quote the value. */
  withWarning(line: string): this;
  /** Adds a line for the record, and returns the verdict. It may not quote the value. */
  withNote(line: string): this;
}

/** Why a write is refused. */
export interface Denial {
  code: string;
  message: string;
}

/** What a plugin is and does. */
export interface PluginOptions {
  /** Lowercase letters, digits and hyphens, beginning with a letter; at most 64 bytes. */
  name: string;
  /** Printable ASCII, at most 64 bytes. */
  version: string;
  /** Writes to keys that begin with one of these are reviewed. The administrator may choose others. */
  prefixes: (string | Uint8Array)[];
  /** The operations that are reviewed: only puts, if not given. */
  operations?: Operation[];
  /** Reviews one write. */
  review(request: Request): Verdict;
  /** Says what is wrong with these settings, by returning or throwing it. If not given, the plugin has none. */
  validateSettings?(settings: string): string | null | undefined | void;
}

/** The interface that the host calls. */
export interface Policy {
  describe(): unknown;
  /** Throws what is wrong with the settings. */
  validateSettings(settings: string): void;
  review(request: Request): Verdict;
}

/**
 * The plugin that these functions are. A module exports it under the name `policy`.
 *
 * A review that ends with `kubernetes.Unreadable` denies the write; any other error counts as a failed review.
 */
export function plugin(options: PluginOptions): Policy;

/** Lets the write pass. */
export function allow(): Verdict;

/**
 * Refuses the write. `code` is for programs: lowercase letters, digits and hyphens, at most 64 bytes. `message` is for
 * people: one line, cut off after 1 KiB. Neither may quote the value.
 */
export function deny(code: string, message: string): Verdict;

/** Lets the write pass with this value in the place of its own. The administrator must have granted that. */
export function mutate(value: Uint8Array | string): Verdict;

/**
 * Adds a line to this plugin's log, which administrators read. What is longer than 1 KiB is cut off, and after sixteen
 * lines a call adds no more. What is logged during the review of a sealed value is dropped.
 */
export function log(level: Level, message: string): void;

/** The settings that the administrator gave, as text; empty for none. */
export function settings(): string;

/** A key with what the store has; null if there is none. Throws {@link ReadError}. */
export function get(key: Uint8Array | string): Entry | null;

/** What the store has under the key of the request: what the write is about to replace. Throws {@link ReadError}. */
export function previous(request: Request): Entry | null;

/**
 * Keys that begin with `prefix`, from `start` on (empty: from the first), at most `limit` and at most 1,000, in their
 * order. To go on, start at the last key with a zero byte after it. Throws {@link ReadError}.
 */
export function list(prefix: Uint8Array | string, start?: Uint8Array | string, limit?: number): Listing;

/** Functions of the host that tests put in its place. */
export interface Host {
  log(level: Level, message: string): void;
  settings(): string;
  /** Throws "not-granted" or "too-much". */
  get(key: Uint8Array): Entry | null;
  /** Throws "not-granted" or "too-much". */
  list(prefix: Uint8Array, start: Uint8Array, limit: number): Listing;
}

/** Replaces functions of the host, in tests that run outside a component. */
export function setHost(functions: Partial<Host>): void;

/** A plain put by an unknown caller, for tests. `more` replaces fields of it. */
export function putRequest(key: string, value: Uint8Array | string | null, more?: Partial<Request>): Request;
