// The plugin's settings: JSON; see README.md.

import { problemOf } from "./image.js";

/** The settings, read. */
export interface Settings {
  /** Where images may come from. */
  allowed: string[];
  /** Whether an image must be named by its digest. */
  requireDigest?: boolean;
  /** Whether an object keeps the images that it had before. */
  keepExisting?: boolean;
}

const KEYS = ["allowed", "requireDigest", "keepExisting"];

/** Checks the settings. Throws an error that says what is wrong with them. */
export function checkSettings(text: string): void {
  const given = parse(text);
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw new Error("the settings are not a JSON object");
  const unknown = Object.keys(given).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw new Error(`unknown setting ${JSON.stringify(unknown)}; there are ${KEYS.join(", ")}`);
  const { allowed, requireDigest = false, keepExisting = false } = given as Record<string, unknown>;
  if (!Array.isArray(allowed) || allowed.length === 0) throw new Error('"allowed" must be a list of at least one place');
  allowed.forEach(checkPlace);
  if (typeof requireDigest !== "boolean") throw new Error('"requireDigest" must be true or false');
  if (typeof keepExisting !== "boolean") throw new Error('"keepExisting" must be true or false');
}

/** Reads settings that were checked when the administrator gave them. */
export function readSettings(text: string): Settings {
  return JSON.parse(text) as Settings;
}

function parse(text: string): unknown {
  if (text.trim() === "") throw new Error('settings are needed, such as {"allowed": ["registry.example.com"]}');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`the settings are not JSON: ${(error as Error).message}`);
  }
}

function checkPlace(place: unknown): void {
  if (typeof place !== "string") throw new Error('"allowed" must be a list of strings');
  const problem = problemOf(place);
  if (problem !== null) throw new Error(`${JSON.stringify(place)} ${problem}`);
}
