// What a review says of a write.

import { bytes } from "./bytes.js";

/** A verdict. Its fields are those of the contract. */
export class Verdict {
  constructor(decision) {
    this.decision = decision;
    this.warnings = [];
    this.notes = [];
  }

  /** Adds a line for whoever wrote, and returns the verdict. It may not quote the value. */
  withWarning(line) {
    this.warnings.push(line.toWellFormed());
    return this;
  }

  /** Adds a line for the record, and returns the verdict. It may not quote the value. */
  withNote(line) {
    this.notes.push(line.toWellFormed());
    return this;
  }

  /** Whether the write passes as it is. */
  get isAllowed() {
    return this.decision.tag === "allow";
  }

  /** Why the write is refused: code and message. null if it is not. */
  get denial() {
    return this.decision.tag === "deny" ? this.decision.val : null;
  }
}

/** Lets the write pass. */
export function allow() {
  return new Verdict({ tag: "allow" });
}

/**
 * Refuses the write. `code` is for programs: lowercase letters, digits and hyphens, at most 64 bytes. `message` is for
 * people: one line, cut off after 1 KiB. Neither may quote the value.
 */
export function deny(code, message) {
  return new Verdict({ tag: "deny", val: { code: code.toWellFormed(), message: message.toWellFormed() } });
}

/** Lets the write pass with this value, bytes or text, in the place of its own. The administrator must have granted that. */
export function mutate(value) {
  return new Verdict({ tag: "mutate", val: typeof value === "string" ? bytes(value) : value });
}
