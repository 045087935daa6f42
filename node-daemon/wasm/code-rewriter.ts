import type { AddedFunctions } from "./added-functions.ts";
import { BinaryReader } from "./binary-reader.ts";
import { BinaryWriter } from "./binary-writer.ts";
import { BodyScanner, localsMax } from "./body-scanner.ts";
import { BranchHints } from "./branch-hints.ts";
import { edit, editSize } from "./edits.ts";
import { noLoop } from "./loop-nests.ts";
import type { ModuleModel } from "./module-model.ts";
import { section } from "./module-model.ts";
import { callWeight, compileWeight, op } from "./opcodes.ts";

const i32 = 0x7f;

export interface RewrittenCode {
  /** All defined functions, as in the code section. */
  readonly bodies: Uint8Array;
  /** Contents of a section `metadata.code.branch_hint`. */
  readonly hints: Uint8Array;
}

/** Rewrites every function body, and notes in the model what it saw. */
export function rewriteCode(model: ModuleModel, added: AddedFunctions): RewrittenCode {
  const range = model.find(section.code);
  const hints = new BranchHints();
  if (range === undefined) return { bodies: new Uint8Array(), hints: hints.finish() };
  const capacity = Math.floor((range.end - range.contents) * 1.3) + 1024;
  const bodies = new BinaryWriter(capacity, model.limits.rewrittenBytesMax);
  const reader = new BinaryReader(model.binary, range.contents, range.end);
  const scanner = new BodyScanner(added);
  const firstIndex = added.yieldImport + 1;
  for (let i = 0; i < range.count; i++) {
    const size = reader.u32();
    const body = reader.slice(size, "function body");
    const start = body.pos;
    const params = model.functionType(model.functionTypes[model.functionImports + i] ?? -1)?.params ?? 0;
    scanner.scan(body, params);
    hints.startFunction(firstIndex + i);
    writeBody(bodies, scanner, { binary: model.binary, start, end: body.end, params }, added, hints);
    hints.endFunction();
  }
  reader.expectEnd("the code section");
  model.instructions = scanner.instructions;
  model.features |= scanner.features;
  return { bodies: bodies.view(), hints: hints.finish() };
}

interface OriginalBody {
  readonly binary: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly params: number;
}

function writeBody(
  writer: BinaryWriter,
  scanner: BodyScanner,
  original: OriginalBody,
  added: AddedFunctions,
  hints: BranchHints,
): void {
  const { items, length } = scanner.edits;
  const sizeAt = writer.placeholder();
  const start = writer.length;
  const firstCall = compileWeight(original.end - original.start, scanner.branchValues);
  const paysAtEntry = firstCall > 0 || !isPaidByCall(scanner);
  const fuel = writeLocals(writer, scanner, original, paysAtEntry);
  if (paysAtEntry)
    hints.unlikely(added.writeEntryCharge(writer, scanner.entryWeight, firstCall, fuel) - start);
  const loops = new LoopWriter(writer, scanner, added, fuel, original.binary);
  let cursor = scanner.codeStart;
  for (let i = 0; i < length; i += editSize) {
    const value = items[i + 3] ?? 0;
    const loop = items[i + 4] ?? noLoop;
    writer.range(original.binary, cursor, items[i + 1] ?? 0);
    cursor = items[i + 2] ?? 0;
    switch (items[i]) {
      case edit.charge:
        hints.unlikely(loops.charge(value, loop, i) - start);
        break;
      case edit.call:
        writer.u8(op.call).u32(value);
        break;
      case edit.enterLoop: {
        const check = loops.enter(value);
        if (check !== undefined) hints.unlikely(check - start);
        break;
      }
      case edit.endLoop:
        loops.end(value, loop);
        break;
      case edit.leaveLoop:
        loops.leave(value, loop);
        break;
      case edit.label:
        writer.u32(loops.label(value, loop));
        break;
      default:
        writer.u32(value);
    }
  }
  writer.range(original.binary, cursor, original.end);
  writer.fill(sizeAt, writer.length - start);
}

/** Writes what the loops of one function need; see `LoopNests`. */
class LoopWriter {
  readonly #writer: BinaryWriter;
  readonly #scanner: BodyScanner;
  readonly #added: AddedFunctions;
  /** The local, if there is one. */
  readonly #fuel: number | undefined;
  readonly #binary: Uint8Array;

  constructor(
    writer: BinaryWriter,
    scanner: BodyScanner,
    added: AddedFunctions,
    fuel: number | undefined,
    binary: Uint8Array,
  ) {
    this.#writer = writer;
    this.#scanner = scanner;
    this.#added = added;
    this.#fuel = fuel;
    this.#binary = binary;
  }

  /** A charge that stands at `at` among the edits: answers where its branch stands. */
  charge(weight: number, loop: number, at: number): number {
    const { nests } = this.#scanner;
    const root = nests.rootOf(loop);
    if (this.#fuel === undefined || root === noLoop)
      return this.#added.writeCharge(this.#writer, weight, this.#fuel);
    const outside = this.#yieldsOutside(loop) && nests.chargeOf(loop) === at;
    const keeps = nests.keepsFuel(root);
    return this.#added.writeLocalCharge(this.#writer, weight, this.#fuel, keeps, outside);
  }

  /** Before a loop: answers where the branch of its yield stands, if that is here. */
  enter(loop: number): number | undefined {
    const { nests, edits } = this.#scanner;
    if (this.#fuel === undefined) return undefined;
    if (nests.rootOf(loop) === loop) this.#added.writeTakeFuel(this.#writer, this.#fuel);
    if (!this.#yieldsOutside(loop)) return undefined;
    const charge = nests.chargeOf(loop);
    // Its type is that of the loop, which stands between this edit and the charge.
    const typeEnd = edits.items[charge + 1] ?? 0;
    const from = edits.items[charge - editSize + 1] ?? 0;
    this.#writer.u8(op.loop).range(this.#binary, from + 1, typeEnd);
    return this.#added.writeOutsideYield(this.#writer, edits.items[charge + 3] ?? 0, this.#fuel);
  }

  end(frame: number, loop: number): void {
    if (this.#yieldsOutside(loop)) this.#writer.u8(op.end);
    this.leave(frame, loop);
  }

  leave(frame: number, loop: number): void {
    const { nests } = this.#scanner;
    const root = nests.rootOf(loop);
    if (this.#fuel === undefined || root === noLoop || !nests.keepsFuel(root)) return;
    if (nests.isLeftTo(root, frame)) this.#added.writeGiveFuel(this.#writer, this.#fuel);
  }

  label(label: number, loop: number): number {
    return this.#yieldsOutside(loop) ? label + 1 : label;
  }

  #yieldsOutside(loop: number): boolean {
    return this.#fuel !== undefined && this.#scanner.nests.yieldsOutside(loop);
  }
}

/** What begins at the entry is paid for by the weight of the call, if it is little and calls nothing itself. */
function isPaidByCall({ entryWeight, straight }: BodyScanner): boolean {
  return straight ? entryWeight <= callWeight : entryWeight < callWeight;
}

/** Declares the locals, and one more for the fuel where the engine's limit leaves room for it: answers its index. */
function writeLocals(
  writer: BinaryWriter,
  scanner: BodyScanner,
  original: OriginalBody,
  paysAtEntry: boolean,
): number | undefined {
  const { locals, localGroups, localsStart, codeStart, edits } = scanner;
  const charged = paysAtEntry || edits.length > 0;
  if (!charged || original.params + locals >= localsMax) {
    writer.range(original.binary, original.start, codeStart);
    return undefined;
  }
  writer
    .u32(localGroups + 1)
    .range(original.binary, localsStart, codeStart)
    .raw(1, i32);
  return original.params + locals;
}
