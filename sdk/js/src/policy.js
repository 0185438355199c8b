// Makes an author's functions the interface that the host calls.

import { bytes } from "./bytes.js";
import { log } from "./host.js";
import { Unreadable } from "./kubernetes.js";
import { deny } from "./verdict.js";

const OPERATIONS = ["put", "delete"];

/**
 * The plugin that these functions are. A module exports it under the name `policy`.
 *
 * A review that ends with `kubernetes.Unreadable` denies the write; any other error counts as a failed review.
 */
export function plugin({ name, version, prefixes, operations = ["put"], review, validateSettings = none }) {
  const unknown = operations.find((operation) => !OPERATIONS.includes(operation));
  if (unknown !== undefined) throw new TypeError(`no such operation: ${unknown}`);
  const description = {
    name,
    version,
    prefixes: prefixes.map((prefix) => (typeof prefix === "string" ? bytes(prefix) : prefix)),
    operations: { put: operations.includes("put"), delete: operations.includes("delete") },
  };
  return {
    describe: () => description,
    validateSettings: (settings) => validate(validateSettings, settings),
    review: (request) => reviewed(review, request),
  };
}

function none(settings) {
  return settings === "" ? undefined : "this plugin has no settings";
}

// The contract's error is what is thrown.
function validate(validateSettings, settings) {
  let problem;
  try {
    problem = validateSettings(settings);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  if (typeof problem === "string") throw problem.toWellFormed();
}

function reviewed(review, request) {
  try {
    return review(request);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw logged(error);
    return deny("unreadable", `the value is no Kubernetes object that this plugin can read: ${error.message}`);
  }
}

// Where it happened, for the log. Not the message, which may quote the value.
function logged(error) {
  if (error instanceof Error) log("error", `review failed with ${error.name} ${frames(error)}`);
  return error;
}

function frames(error) {
  const lines = String(error.stack).split("\n").map((line) => line.trim());
  return lines.filter((line) => line.startsWith("at ")).join(" ");
}
