// What plugins import by the SDK's name is this SDK, installed or not.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the SDK. */
export const SDK = dirname(dirname(fileURLToPath(import.meta.url)));

/** The SDK's files by the names under which plugins import them. */
export function aliases() {
  const { name, exports } = JSON.parse(readFileSync(join(SDK, "package.json"), "utf8"));
  return Object.fromEntries(Object.entries(exports).map(([path, file]) => [join(name, path), join(SDK, file.default)]));
}
