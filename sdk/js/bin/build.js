#!/usr/bin/env node
// Builds a plugin, written in JavaScript or TypeScript, into a component.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { componentEmbed, componentNew } from "@bytecodealliance/jco-transpile/wasm-tools";
import { componentize } from "componentize-qjs";
import { buildSync } from "esbuild";

import { aliases, SDK } from "./aliases.js";
import { linked, trimmed } from "./merge.js";

const USAGE = "usage: strongroom-plugin-build FILE.js|FILE.ts -o FILE.wasm [--wit FILE]";
const WORLD = "plugin";
const FEATURES = ["--enable-bulk-memory", "--enable-sign-ext", "--enable-mutable-globals", "--enable-nontrapping-float-to-int",
  "--enable-multivalue", "--enable-reference-types", "--enable-extended-const", "--enable-gc"];

/** Builds the plugin in file `entry`; returns the bytes of the component. */
export async function build(entry, wit = join(SDK, "../wit/admission.wit")) {
  const { component } = await componentize({
    witPath: wit,
    world: WORLD,
    jsSource: bundled(entry),
    sync: true,
    // An instance lives for one call.
    disableGc: true,
  });
  const binary = merged(linked(component));
  return componentNew(await componentEmbed({ binary, witSource: readFileSync(wit, "utf8"), world: WORLD }), []);
}

// One module of the plugin, its packages and the SDK. Only the contract's host stays outside.
function bundled(entry) {
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    target: "es2023",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["strongroom-plugin"],
    external: ["strongroom:*"],
    alias: aliases(),
    minifySyntax: true,
    write: false,
    logLevel: "warning",
  });
  return outputFiles[0].text;
}

function merged(modules) {
  const folder = mkdtempSync(join(tmpdir(), "strongroom-plugin-"));
  const at = (name) => join(folder, `${name}.wasm`);
  try {
    const names = ["bindings", "engine", "main", "traps", "table"];
    for (const name of names) writeFileSync(at(name), modules[name]);
    binaryen("wasm-merge", ...names.flatMap((name) => [at(name), name]), "-o", at("merged"));
    writeFileSync(at("trimmed"), trimmed(readFileSync(at("merged"))));
    binaryen("wasm-opt", at("trimmed"), "--simplify-globals-optimizing", "--remove-unused-module-elements", "-o", at("small"));
    return readFileSync(at("small"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function binaryen(tool, ...args) {
  const folder = dirname(createRequire(import.meta.url).resolve("binaryen/package.json"));
  execFileSync(process.execPath, [join(folder, "bin", tool), ...FEATURES, ...args], { stdio: ["ignore", "ignore", "inherit"] });
}

async function main([entry, ...rest]) {
  const option = (name) => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : undefined);
  if (!entry || !option("-o")) throw new Error(USAGE);
  writeFileSync(option("-o"), await build(entry, option("--wit")));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`strongroom-plugin-build: ${error.message}`);
  process.exitCode = 1;
});
