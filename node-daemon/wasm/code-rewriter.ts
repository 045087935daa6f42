import type { AddedFunctions } from "./added-functions.ts";
import { BinaryReader } from "./binary-reader.ts";
import { BinaryWriter } from "./binary-writer.ts";
import { BodyScanner, localsMax } from "./body-scanner.ts";
import { BranchHints } from "./branch-hints.ts";
import { edit } from "./edits.ts";
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
  const { binary } = original;
  const { items, length } = scanner.edits;
  const sizeAt = writer.placeholder();
  const start = writer.length;
  // A short function that calls nothing and loops nowhere is paid for by the weight of its call.
  const firstCall = compileWeight(original.end - original.start, scanner.branchValues);
  const charged = !scanner.straight || scanner.entryWeight > callWeight || firstCall > 0;
  const scratch = writeLocals(writer, scanner, original, charged);
  const charge = (weight: number) => hints.unlikely(added.writeCharge(writer, weight, scratch) - start);
  if (charged)
    hints.unlikely(added.writeEntryCharge(writer, scanner.entryWeight, firstCall, scratch) - start);
  let cursor = scanner.codeStart;
  for (let i = 0; i < length; i += 4) {
    const value = items[i + 3] ?? 0;
    writer.range(binary, cursor, items[i + 1] ?? 0);
    cursor = items[i + 2] ?? 0;
    switch (items[i]) {
      case edit.charge:
        charge(value);
        break;
      case edit.call:
        writer.u8(op.call).u32(value);
        break;
      default:
        writer.u32(value);
    }
  }
  writer.range(binary, cursor, original.end);
  writer.fill(sizeAt, writer.length - start);
}

/** Declares the locals, and one more for charging where the engine's limit leaves room for it: answers its index. */
function writeLocals(
  writer: BinaryWriter,
  scanner: BodyScanner,
  original: OriginalBody,
  charged: boolean,
): number | undefined {
  const { locals, localGroups, localsStart, codeStart } = scanner;
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
