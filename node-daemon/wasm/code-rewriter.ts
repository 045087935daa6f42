import type { AddedFunctions } from "./added-functions.ts";
import { BinaryReader, Rejection } from "./binary-reader.ts";
import { BinaryWriter } from "./binary-writer.ts";
import { canonicalLocals, writeCanonical } from "./canonical-nan.ts";
import { BodyScanner } from "./body-scanner.ts";
import { BranchHints } from "./branch-hints.ts";
import { addedLocals, freeBytesMax } from "./call-depth.ts";
import { edit, editSize } from "./edits.ts";
import { noLoop } from "./loop-nests.ts";
import type { FunctionType, ModuleModel } from "./module-model.ts";
import { section } from "./module-model.ts";
import { createCallGraph, noTierHints, type TierHints, tierHints } from "./tier-hints.ts";
import { feature, largeFunctionBytes } from "./value-types.ts";
import { callWeight, compileWeight, emptyBlock, localsMax, op } from "./opcodes.ts";

const i32 = 0x7f;

const noType: FunctionType = { kind: "function", params: 0, results: 0, signature: "" };

export interface RewrittenCode {
  /** All defined functions, as in the code section. */
  readonly bodies: Uint8Array;
  /** Contents of a section `metadata.code.branch_hint`. */
  readonly hints: Uint8Array;
  /** Which functions should be optimized before the guest starts. */
  readonly tierHints: TierHints;
}

/** Rewrites every function body, and notes in the model what it saw. */
export function rewriteCode(model: ModuleModel, added: AddedFunctions): RewrittenCode {
  const range = model.find(section.code);
  const hints = new BranchHints();
  if (range === undefined) return { bodies: new Uint8Array(), hints: hints.finish(), tierHints: noTierHints };
  const capacity = Math.floor((range.end - range.contents) * 1.3) + 1024;
  const bodies = new BinaryWriter(capacity, model.limits.rewrittenBytesMax);
  const reader = new BinaryReader(model.binary, range.contents, range.end);
  const graph = createCallGraph(model);
  const scanner = new BodyScanner(added, graph);
  const firstIndex = added.yieldImport + 1;
  for (let i = 0; i < range.count; i++) {
    const size = reader.u32();
    const body = reader.slice(size, "function body");
    if (size > largeFunctionBytes) model.features |= feature["large-functions"];
    const start = body.pos;
    const type = model.functionType(model.functionTypes[model.functionImports + i] ?? -1) ?? noType;
    const { params } = type;
    scanner.scan(body, params);
    hints.startFunction(firstIndex + i);
    const stackCost = added.depth.costOf(model.functionImports + i, scanner, type);
    const original = { binary: model.binary, start, end: body.end, params, stackCost };
    writeBody(bodies, scanner, original, added, hints);
    hints.endFunction();
  }
  reader.expectEnd("the code section");
  model.instructions = scanner.instructions;
  model.features |= scanner.features;
  return {
    bodies: bodies.view(),
    hints: hints.finish(),
    tierHints: tierHints(model, graph, (defined) => firstIndex + defined),
  };
}

interface OriginalBody {
  readonly binary: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly params: number;
  /** See `CallDepth.costOf`. */
  readonly stackCost: number | undefined;
}

/** The locals that a function has beyond its own. */
interface OwnLocals {
  readonly fuel: number | undefined;
  /** What is left of the stack for those that it calls. */
  readonly left: number | undefined;
  /** The first of those that `writeCanonical` needs. */
  readonly nans: number;
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
  const { fuel, left, nans } = writeLocals(writer, scanner, original, paysAtEntry);
  const { stackCost = 0 } = original;
  const entry = paysAtEntry ? { weight: scanner.entryWeight, firstCall } : undefined;
  const stack = left === undefined ? undefined : { left, stackCost };
  // What is paid and what is taken at the entry is compared together.
  const later = entry === undefined && scanner.takesStackLater && stackCost <= freeBytesMax;
  const check = added.writeEntry(writer, entry, fuel, later ? undefined : stack);
  if (check !== undefined) hints.unlikely(check - start);
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
      case edit.canonicalNan:
        writeCanonical(writer, value, nans);
        break;
      case edit.takeStack: {
        const taken = later ? added.writeEntry(writer, undefined, fuel, stack) : undefined;
        if (taken !== undefined) hints.unlikely(taken - start);
        break;
      }
      case edit.tellStack:
        if (left !== undefined) added.writeTellStack(writer, left, 0);
        break;
      case edit.returnStack:
        if (left !== undefined) added.writeTellStack(writer, left, stackCost);
        break;
      case edit.leaveLoopIf:
        loops.leaveIf(value, loop, items[i + 5] ?? 0);
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
    const keeps = this.#keepsFuel(root);
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
    if (this.#fuel === undefined || root === noLoop || !this.#keepsFuel(root)) return;
    if (nests.isLeftTo(root, frame)) this.#added.writeGiveFuel(this.#writer, this.#fuel);
  }

  /** Only if it is taken, the fuel is given back. */
  leaveIf(label: number, loop: number, frame: number): void {
    const { nests } = this.#scanner;
    const root = nests.rootOf(loop);
    const gives =
      this.#fuel !== undefined && root !== noLoop && this.#keepsFuel(root) && nests.isLeftTo(root, frame);
    if (!gives) {
      this.#writer.u8(op.brIf).u32(this.label(label, loop));
      return;
    }
    this.#writer.raw(op.if, emptyBlock);
    this.#added.writeGiveFuel(this.#writer, this.#fuel ?? 0);
    this.#writer
      .u8(op.br)
      .u32(this.label(label, loop) + 1)
      .u8(op.end);
  }

  label(label: number, loop: number): number {
    return this.#yieldsOutside(loop) ? label + 1 : label;
  }

  /** Where a guest traps in a loop must not decide, together with its slices, what it has paid. */
  #keepsFuel(root: number): boolean {
    return !this.#added.deterministic && this.#scanner.nests.keepsFuel(root);
  }

  #yieldsOutside(loop: number): boolean {
    return this.#fuel !== undefined && this.#scanner.nests.yieldsOutside(loop);
  }
}

/** What begins at the entry is paid for by the weight of the call, if it is little and calls nothing itself. */
function isPaidByCall({ entryWeight, straight }: BodyScanner): boolean {
  return straight ? entryWeight <= callWeight : entryWeight < callWeight;
}

/** Declares the locals, and those for fuel, stack and NaNs where they are needed. */
function writeLocals(
  writer: BinaryWriter,
  scanner: BodyScanner,
  original: OriginalBody,
  paysAtEntry: boolean,
): OwnLocals {
  const { locals, codeStart, edits, makesNans } = scanner;
  const first = original.params + locals.count;
  const counted = original.stackCost !== undefined;
  if ((counted || makesNans) && first + addedLocals > localsMax) {
    throw new Rejection(
      "ModuleTooLarge",
      `offset 0x${original.start.toString(16)}: a function has ${first} locals and calls others; then at most ` +
        `${localsMax - addedLocals} are allowed. Split it into several functions`,
    );
  }
  const charged = (paysAtEntry || edits.length > 0) && first + addedLocals <= localsMax;
  const numbers = (counted ? 1 : 0) + (charged ? 1 : 0);
  const groups = (numbers > 0 ? 1 : 0) + (makesNans ? canonicalLocals.length : 0);
  writer.u32(locals.groups + groups).range(original.binary, locals.groupsAt, codeStart);
  if (numbers > 0) writer.raw(numbers, i32);
  if (makesNans) for (const type of canonicalLocals) writer.raw(1, type);
  return {
    fuel: charged ? first : undefined,
    left: counted ? first + numbers - 1 : undefined,
    nans: first + numbers,
  };
}
