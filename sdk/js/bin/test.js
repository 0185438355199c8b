#!/usr/bin/env node
// Runs a plugin's native tests, written in JavaScript or TypeScript: test/*.test.js and test/*.test.ts in its folder.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { buildSync } from "esbuild";

import { aliases } from "./aliases.js";

const folder = process.argv[2] ?? ".";
const tests = readdirSync(join(folder, "test")).filter((name) => /\.test\.[jt]s$/.test(name));
const out = mkdtempSync(join(tmpdir(), "strongroom-plugin-test-"));
try {
  buildSync({
    entryPoints: tests.map((name) => join(folder, "test", name)),
    bundle: true,
    format: "esm",
    platform: "node",
    alias: aliases(),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    logLevel: "warning",
  });
  const files = readdirSync(out).map((name) => join(out, name));
  process.exitCode = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(out, { recursive: true });
}
