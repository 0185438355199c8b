// Makes one module of the several that the QuickJS componentizer links together at run time.
//
// Each review runs in a fresh instance, so what an instance consists of is what a review costs. The componentizer's
// output has a main module (memory, table, globals: the snapshot), the engine, the bindings, and adapters for WASI with
// memories of their own. A plugin may not import WASI, so its functions become traps here, and the rest is one module.

import {
  SECTION, concat, coreModules, exportedConstant, exports, filterExports, imports, list, number, renameImports, section,
  signed, string, types,
} from "./module.js";

const ENGINE = "componentize_qjs_runtime.wasm";
const BINDINGS = "wit-dylib.wasm";
const CONTRACT = "strongroom:admission/";
const HEADER = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
const UNREACHABLE = Uint8Array.of(3, 0, 0x00, 0x0b);
const EMPTY = Uint8Array.of(2, 0, 0x0b);

/** The modules to merge, by the names under which they import from each other. */
export function linked(component) {
  const modules = coreModules(component);
  const main = holding(modules, "__indirect_function_table", "memory");
  const engine = holding(modules, "wit_dylib_initialize");
  const bindings = holding(modules, "strongroom:admission/policy@0.1.0#review");
  const traps = new Traps();
  const table = tableEntry(exportedConstant(main, `${ENGINE}:cabi_realloc`));
  // Main and bindings have a cabi_realloc too, which would clash: main's is for adapters, the bindings' is the engine's.
  const isOwn = (name) => name !== "cabi_realloc" && !name.startsWith("__wasm_");
  return {
    main: renameImports(filterExports(main, isOwn), (found) => traps.of(found, main)),
    engine: renameImports(engine, (found) => own(found, ENGINE) ?? traps.of(found, engine)),
    bindings: renameImports(filterExports(bindings, isOwn), (found) => {
      if (found.module.startsWith(CONTRACT)) return found;
      return own(found, BINDINGS) ?? { module: "engine", name: found.name };
    }),
    traps: traps.module(),
    table,
  };
}

/** The merged module with only what the contract wants of it. */
export function trimmed(module) {
  const foreign = imports(module).filter((found) => !found.module.startsWith(CONTRACT));
  const names = foreign.map((found) => `${found.module} ${found.name}`);
  if (names.length > 0) throw new Error(`the componentizer's output has changed: nothing provides ${names.join(", ")}`);
  const wanted = (name) => name === "memory" || name === "cabi_realloc" || name.includes("strongroom:admission/policy@");
  return filterExports(module, wanted);
}

function holding(modules, ...names) {
  const found = modules.filter((module) => names.every((name) => exports(module).some((one) => one.name === name)));
  if (found.length !== 1) throw new Error(`the componentizer's output has changed: ${found.length} modules export ${names}`);
  return found[0];
}

// What the linker of the componentizer gives to a library of this name.
function own({ module, name }, library) {
  if (module === "env" && ["memory", "__indirect_function_table", "__stack_pointer"].includes(name)) return { module: "main", name };
  if (module === "env" && name === "__memory_base") return { module: "main", name: `${library}:memory_base` };
  if (module === "env" && name === "__table_base") return { module: "main", name: `${library}:table_base` };
  if (module === "GOT.func") return { module: "main", name: `${library}:${name}` };
  if (module === "GOT.mem") return { module: "main", name };
  return null;
}

// Functions of WASI, and of the loader of modules that only the componentizer has.
class Traps {
  #functions = new Map();

  of(found, importer) {
    const name = `${found.module} ${found.name}`;
    const type = types(importer)[found.type];
    // The adapter whose state this resets is not there.
    const body = found.name === "reset_adapter_state" ? EMPTY : UNREACHABLE;
    this.#functions.set(name, { type, body });
    return { module: "traps", name };
  }

  module() {
    const all = [...this.#functions];
    const indices = all.map((_, index) => number(index));
    return concat([
      HEADER,
      section(SECTION.type, list(all.map(([, { type }]) => type))),
      section(3, list(indices)),
      section(SECTION.export, list(all.map(([name], index) => concat([string(name), Uint8Array.of(0), indices[index]])))),
      section(10, list(all.map(([, { body }]) => body))),
    ]);
  }
}

// Puts the engine's cabi_realloc where its address is expected in the table.
function tableEntry(index) {
  const type = Uint8Array.of(0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f);
  return concat([
    HEADER,
    section(SECTION.type, list([type])),
    section(
      SECTION.import,
      list([
        concat([string("main"), string("__indirect_function_table"), Uint8Array.of(1, 0x70, 0, 0)]),
        concat([string("engine"), string("cabi_realloc"), Uint8Array.of(0, 0)]),
      ]),
    ),
    section(9, list([concat([Uint8Array.of(0, 0x41), signed(index), Uint8Array.of(0x0b, 1, 0)])])),
  ]);
}
