import type { BinaryReader } from "./binary-reader.ts";
import { Rejection } from "./binary-reader.ts";
import type { ModuleModel } from "./module-model.ts";
import { gc } from "./gc-instructions.ts";
import { op } from "./opcodes.ts";
import { feature, readHeapType } from "./value-types.ts";

/** Passes the initializer of a global, table, or segment, and notes the functions it refers to. */
export function skipConstantExpression(model: ModuleModel, reader: BinaryReader): void {
  for (;;) {
    const at = reader.pos;
    const code = reader.u8();
    switch (code) {
      case op.end:
        return;
      case op.i32Const:
        reader.skipLeb(5);
        break;
      case op.globalGet: {
        const index = reader.u32();
        if (index >= model.globalTypes.length) reader.invalid(`unknown global ${index}`, at);
        break;
      }
      case op.i64Const:
        reader.skipLeb(10);
        break;
      case op.f32Const:
        reader.skip(4);
        break;
      case op.f64Const:
        reader.skip(8);
        break;
      case op.refNull:
        model.features |= readHeapType(reader, model.types.length).features | feature["reference-types"];
        break;
      case op.refFunc:
        readFunctionReference(model, reader);
        break;
      case op.i32Add:
      case op.i32Sub:
      case op.i32Mul:
      case op.i64Add:
      case op.i64Sub:
      case op.i64Mul:
        model.features |= feature["extended-const"];
        break;
      case op.prefixSimd:
        if (reader.u32() !== 0x0c) reader.invalid("only v128.const is constant among SIMD instructions", at);
        reader.skip(16);
        model.features |= feature.simd;
        break;
      case op.prefixGc:
        skipGcInstruction(reader, at);
        model.features |= feature.gc;
        break;
      default:
        reader.invalid(`opcode 0x${code.toString(16)} in a constant expression`, at);
    }
  }
}

function skipGcInstruction(reader: BinaryReader, at: number): void {
  const code = reader.u32();
  switch (code) {
    case gc.structNew:
    case gc.structNewDefault:
    case gc.arrayNew:
    case gc.arrayNewDefault:
      return reader.skipLeb(5);
    case gc.arrayNewFixed:
      reader.skipLeb(5);
      return reader.skipLeb(5);
    case gc.anyConvertExtern:
    case gc.externConvertAny:
    case gc.refI31:
      return;
    default:
      reader.invalid(`opcode 0xfb 0x${code.toString(16)} in a constant expression`, at);
  }
}

/** Reads a function index outside the code section and notes where it stands, for it will be replaced. */
export function readFunctionReference(model: ModuleModel, reader: BinaryReader): number {
  const at = reader.pos;
  const index = reader.u32();
  if (index >= model.functionTypes.length) reader.invalid(`unknown function ${index}`, at);
  if (model.functionReferences.length / 3 >= model.limits.referencesMax) {
    throw new Rejection("ModuleTooLarge", `more than ${model.limits.referencesMax} references to functions`);
  }
  model.functionReferences.push(at, reader.pos, index);
  return index;
}
