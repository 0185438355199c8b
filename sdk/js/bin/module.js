// Reads and changes WebAssembly modules and components section by section.

const FUNCTION = 0;
const TABLE = 1;
const MEMORY = 2;
const GLOBAL = 3;
const utf8 = { read: new TextDecoder(), write: new TextEncoder() };

/** Sections of a module. */
export const SECTION = { type: 1, import: 2, global: 6, export: 7 };

/** The core modules inside a component, in their order. */
export function coreModules(component) {
  const modules = [];
  for (const section of sections(component)) {
    if (section.id === 1) modules.push(section.content);
    if (section.id === 4) modules.push(...coreModules(section.content));
  }
  return modules;
}

/** The sections of a module or component. */
export function sections(binary) {
  const reader = new Reader(binary, 8);
  const found = [];
  while (!reader.done) found.push({ id: reader.byte(), content: reader.take(reader.number()) });
  return found;
}

/** The module with the content of one kind of section replaced. */
export function withSection(module, id, change) {
  const parts = [module.subarray(0, 8)];
  for (const section of sections(module)) {
    const content = section.id === id ? change(section.content) : section.content;
    parts.push(Uint8Array.of(section.id), number(content.length), content);
  }
  return concat(parts);
}

/** The imports of a module. `type` is the index of a function's type, `description` is what follows the names. */
export function imports(module) {
  return sections(module)
    .filter((section) => section.id === SECTION.import)
    .flatMap((section) => listed(section.content, readImport));
}

/** The exports of a module: their names, and what follows. */
export function exports(module) {
  return sections(module)
    .filter((section) => section.id === SECTION.export)
    .flatMap((section) => listed(section.content, readExport));
}

/** The module with each import under the names that `rename` gives. */
export function renameImports(module, rename) {
  return withSection(module, SECTION.import, (content) => {
    const renamed = listed(content, readImport).map((found) => ({ ...found, ...rename(found) }));
    return list(renamed.map(({ module, name, description }) => concat([string(module), string(name), description])));
  });
}

/** The module with only those exports that `keep` wants. */
export function filterExports(module, keep) {
  return withSection(module, SECTION.export, (content) => {
    const kept = listed(content, readExport).filter(({ name }) => keep(name));
    return list(kept.map(({ name, description }) => concat([string(name), description])));
  });
}

/** The types of a module, as they are written in it. */
export function types(module) {
  const section = sections(module).find(({ id }) => id === SECTION.type);
  return listed(section.content, (reader) => {
    const start = reader.at;
    if (reader.byte() !== 0x60) throw new Error("a type that is no function");
    reader.take(reader.number());
    reader.take(reader.number());
    return reader.since(start);
  });
}

/** The value of a global that is exported under this name and begins as an i32 constant. */
export function exportedConstant(module, name) {
  const { description } = exports(module).find((found) => found.name === name);
  const index = new Reader(description, 1).number();
  const section = sections(module).find(({ id }) => id === SECTION.global);
  const values = listed(section.content, (reader) => {
    reader.take(2);
    if (reader.byte() !== 0x41) throw new Error("a global that is no i32 constant");
    const value = reader.number();
    if (reader.byte() !== 0x0b) throw new Error("a global that is no i32 constant");
    return value;
  });
  return values[index];
}

/** A section. */
export function section(id, content) {
  return concat([Uint8Array.of(id), number(content.length), content]);
}

/** A vector of things. */
export function list(items) {
  return concat([number(items.length), ...items]);
}

/** A number in LEB128. */
export function number(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return Uint8Array.of(...bytes, value);
}

/** A number up to 8,191 in signed LEB128. */
export function signed(value) {
  if (value > 8191) throw new Error(`${value} is too large`);
  return value < 64 ? Uint8Array.of(value) : Uint8Array.of((value & 127) | 128, value >> 7);
}

/** A name. */
export function string(text) {
  const bytes = utf8.write.encode(text);
  return concat([number(bytes.length), bytes]);
}

/** Bytes, one part after the other. */
export function concat(parts) {
  return new Uint8Array(Buffer.concat(parts));
}

function readImport(reader) {
  const module = reader.string();
  const name = reader.string();
  const start = reader.at;
  const kind = reader.byte();
  let type;
  if (kind === FUNCTION) type = reader.number();
  else if (kind === GLOBAL) reader.take(2);
  else if (kind === MEMORY) reader.limits();
  else if (kind === TABLE) reader.take(1), reader.limits();
  else throw new Error(`an import of kind ${kind}`);
  return { module, name, type, description: reader.since(start) };
}

function readExport(reader) {
  const name = reader.string();
  const start = reader.at;
  reader.byte();
  reader.number();
  return { name, description: reader.since(start) };
}

function listed(content, read) {
  const reader = new Reader(content, 0);
  return Array.from({ length: reader.number() }, () => read(reader));
}

class Reader {
  constructor(bytes, at) {
    this.bytes = bytes;
    this.at = at;
  }

  get done() {
    return this.at >= this.bytes.length;
  }

  byte() {
    if (this.done) throw new Error("the module is cut off");
    return this.bytes[this.at++];
  }

  number() {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  take(length) {
    this.at += length;
    if (this.at > this.bytes.length) throw new Error("the module is cut off");
    return this.bytes.subarray(this.at - length, this.at);
  }

  string() {
    return utf8.read.decode(this.take(this.number()));
  }

  limits() {
    const flags = this.byte();
    this.number();
    if (flags & 1) this.number();
  }

  since(start) {
    return this.bytes.subarray(start, this.at);
  }
}
