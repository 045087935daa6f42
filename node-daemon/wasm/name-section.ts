import { BinaryReader, Rejection } from "./binary-reader.ts";
import { BinaryWriter } from "./binary-writer.ts";

const subsection = { module: 0, functions: 1, locals: 2, labels: 3 } as const;

/** What the rewriting did to function indices, and what it added. */
export interface Renaming {
  /** Functions below it keep their index, all others move by one; it is the index of the added import. */
  readonly addedImport: number;
  readonly addedImportName: string;
  /** Index of the first added function after the defined ones, and all their names. */
  readonly addedStart: number;
  readonly addedNames: readonly string[];
}

/** Bytes of one function's name that are kept: stacks of a module with long names take long to print and to read. */
const nameBytesMax = 256;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The contents of a new name section, made from those of the old one. Labels are dropped, because the added blocks
 * shift them, and so is the name of the module, which an engine prints in every frame of a stack. A section that does not parse is replaced as a whole: engines ignore such a section too.
 */
export function rewriteNames(original: BinaryReader | undefined, renaming: Renaming): Uint8Array {
  try {
    return write(original, renaming);
  } catch (thrown) {
    if (!(thrown instanceof Rejection) || thrown.reason === "ModuleTooLarge") throw thrown;
    return write(undefined, renaming);
  }
}

function write(original: BinaryReader | undefined, renaming: Renaming): Uint8Array {
  const out = new BinaryWriter((original?.remaining ?? 0) + 1024);
  let named = false;
  for (const { id, body } of subsections(original)) {
    if (id > subsection.module && !named) {
      writeFunctionNames(out, id === subsection.functions ? body : undefined, renaming);
      named = true;
    }
    if (id === subsection.locals) writeLocalNames(out, body, renaming);
    else if (id > subsection.labels) writeCopied(out, id, body);
  }
  if (!named) writeFunctionNames(out, undefined, renaming);
  return out.view();
}

function* subsections(original: BinaryReader | undefined): Iterable<{ id: number; body: BinaryReader }> {
  if (original === undefined) return;
  while (original.remaining > 0) {
    const id = original.u8();
    const size = original.u32();
    yield { id, body: original.slice(size, "subsection") };
  }
}

function writeCopied(out: BinaryWriter, id: number, body: BinaryReader): void {
  out.u8(id).u32(body.remaining).range(body.bytes, body.pos, body.end);
}

function moved(index: number, renaming: Renaming): number {
  return index < renaming.addedImport ? index : index + 1;
}

function writeFunctionNames(out: BinaryWriter, body: BinaryReader | undefined, renaming: Renaming): void {
  const reader = body ?? new BinaryReader(Uint8Array.of(0));
  const old = reader.count("names", 2);
  out.u8(subsection.functions);
  const sizeAt = out.placeholder();
  const start = out.length;
  out.u32(old + 1 + renaming.addedNames.length);
  let importNamed = false;
  for (let i = 0; i < old; i++) {
    const index = reader.u32();
    // Names stand in the order of their indices.
    if (index >= renaming.addedImport && !importNamed) {
      out.u32(renaming.addedImport).name(renaming.addedImportName);
      importNamed = true;
    }
    out.u32(moved(index, renaming));
    writeName(out, reader);
  }
  if (!importNamed) out.u32(renaming.addedImport).name(renaming.addedImportName);
  for (const [i, name] of renaming.addedNames.entries()) out.u32(renaming.addedStart + i).name(name);
  out.fill(sizeAt, out.length - start);
}

/** Copies a name, cut, and without what would forge or break the lines of a stack. */
function writeName(out: BinaryWriter, reader: BinaryReader): void {
  const size = reader.count("bytes of a name");
  const { bytes, pos } = reader;
  reader.skip(size);
  if (size <= nameBytesMax && isPlain(bytes, pos, reader.pos)) {
    out.u32(size).range(bytes, pos, reader.pos);
    return;
  }
  let end = Math.min(reader.pos, pos + nameBytesMax);
  // Not within a character: those that continue one are 10xxxxxx.
  while (end > pos && end < reader.pos && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  // What is no UTF-8 engines do not show either.
  out.name(readable(bytes.subarray(pos, end)));
}

function isPlain(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = bytes[i] ?? 0;
    if (byte < 0x20 || byte > 0x7e) return false;
  }
  return true;
}

/** Control characters, line ends and what turns the direction of text around become "?". */
function readable(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
  } catch {
    return "";
  }
}

function writeLocalNames(out: BinaryWriter, body: BinaryReader, renaming: Renaming): void {
  out.u8(subsection.locals);
  const sizeAt = out.placeholder();
  const start = out.length;
  const functions = body.count("functions with named locals", 2);
  out.u32(functions);
  for (let i = 0; i < functions; i++) {
    out.u32(moved(body.u32(), renaming));
    const from = body.pos;
    for (let locals = body.count("names of locals", 2); locals > 0; locals--) {
      body.skipLeb(5);
      body.skip(body.count("bytes of a name"));
    }
    out.range(body.bytes, from, body.pos);
  }
  body.expectEnd("the names of locals");
  out.fill(sizeAt, out.length - start);
}
