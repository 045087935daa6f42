/** Opcodes this folder names; all others are known only by the shape of their immediates. */
export const op = {
  unreachable: 0x00,
  nop: 0x01,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  try: 0x06,
  catch: 0x07,
  throw: 0x08,
  rethrow: 0x09,
  throwRef: 0x0a,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  returnCall: 0x12,
  returnCallIndirect: 0x13,
  callRef: 0x14,
  returnCallRef: 0x15,
  delegate: 0x18,
  catchAll: 0x19,
  drop: 0x1a,
  select: 0x1b,
  selectTyped: 0x1c,
  tryTable: 0x1f,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  tableGet: 0x25,
  tableSet: 0x26,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  f32Const: 0x43,
  f64Const: 0x44,
  i32Eq: 0x46,
  i32Ne: 0x47,
  i32LtS: 0x48,
  i32GtU: 0x4b,
  i64Eq: 0x51,
  i64LtU: 0x54,
  i64GtS: 0x55,
  i64GtU: 0x56,
  f32Eq: 0x5b,
  f64Eq: 0x61,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32Mul: 0x6c,
  i32And: 0x71,
  i32Or: 0x72,
  i32Shl: 0x74,
  i32ShrU: 0x76,
  i64Add: 0x7c,
  i64Sub: 0x7d,
  i64Mul: 0x7e,
  i64Shl: 0x86,
  i64ShrU: 0x88,
  f32Sqrt: 0x91,
  f32Div: 0x95,
  f64Sqrt: 0x9f,
  f64Div: 0xa3,
  i32WrapI64: 0xa7,
  i64ExtendI32U: 0xad,
  refNull: 0xd0,
  refFunc: 0xd2,
  refEq: 0xd3,
  brOnNull: 0xd5,
  brOnNonNull: 0xd6,
  prefixGc: 0xfb,
  prefixMisc: 0xfc,
  prefixSimd: 0xfd,
  prefixThreads: 0xfe,
} as const;

/** Opcodes behind the prefix 0xfc. */
export const misc = {
  memoryInit: 8,
  dataDrop: 9,
  memoryCopy: 10,
  memoryFill: 11,
  tableInit: 12,
  elemDrop: 13,
  tableCopy: 14,
  tableGrow: 15,
  tableSize: 16,
  tableFill: 17,
} as const;

/** The block type of a block that takes and leaves nothing. */
export const emptyBlock = 0x40;

/** What follows an opcode. The decoder treats everything `special` one by one. */
export const shape = {
  unknown: 0,
  none: 1,
  leb: 2,
  leb64: 3,
  lebTwice: 4,
  bytes4: 5,
  bytes8: 6,
  memarg: 7,
  special: 8,
} as const;

/** Shapes of the one-byte opcodes. */
export const shapes: Uint8Array = buildShapes();

function buildShapes(): Uint8Array {
  const table = new Uint8Array(256);
  const set = (kind: number, from: number, to = from) => table.fill(kind, from, to + 1);
  set(shape.special, 0x00, 0x15);
  set(shape.none, 0x01);
  set(shape.special, op.delegate, op.catchAll);
  set(shape.none, op.drop, op.select);
  set(shape.special, op.selectTyped);
  set(shape.special, op.tryTable);
  set(shape.leb, op.localGet, op.localTee);
  set(shape.special, op.globalGet, op.tableSet);
  set(shape.memarg, 0x28, 0x3e);
  set(shape.special, op.memorySize, op.memoryGrow);
  set(shape.leb, op.i32Const);
  set(shape.leb64, op.i64Const);
  set(shape.bytes4, op.f32Const);
  set(shape.bytes8, op.f64Const);
  set(shape.none, 0x45, 0xc4);
  set(shape.special, op.refNull);
  set(shape.none, 0xd1);
  set(shape.special, op.refFunc, 0xd3);
  set(shape.none, 0xd4);
  set(shape.special, op.brOnNull, op.brOnNonNull);
  set(shape.special, 0xe0, 0xe6);
  set(shape.special, op.prefixGc, op.prefixThreads);
  return table;
}

/** Numbers that the SIMD proposal left free. */
const simdHoles = new Set([
  0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3, 0xd4,
  0xe2, 0xee,
]);

/** Bytes after the number of a SIMD instruction, not counting its memory argument; -1 if there is no such one. */
export function simdTrailingBytes(code: number): number {
  if (code === 0x0c || code === 0x0d) return 16;
  if (code >= 0x15 && code <= 0x22) return 1;
  if (code >= 0x54 && code <= 0x5b) return 1;
  return code > 0x113 || simdHoles.has(code) ? -1 : 0;
}

export function simdHasMemarg(code: number): boolean {
  return code <= 0x0b || (code >= 0x54 && code <= 0x5d);
}

/** What a call costs; also what a function without calls and loops may cost and still go uncharged. */
export const callWeight = 16;

/**
 * Fuel that one execution of an instruction costs, by its first byte. One unit is about one simple machine
 * instruction of the optimizing tier; what only shapes the code costs nothing.
 */
export function weightOf(opcode: number): number {
  switch (opcode) {
    case 0x01:
    case op.block:
    case op.loop:
    case op.else:
    case op.try:
    case op.tryTable:
    case op.end:
    case op.drop:
      return 0;
    case op.call:
    case op.callIndirect:
    case op.returnCall:
    case op.returnCallIndirect:
    case op.callRef:
    case op.returnCallRef:
      return callWeight;
    case op.throw:
    case op.rethrow:
    case op.throwRef:
      return 500;
    case op.memoryGrow:
      return 500;
    case op.prefixMisc:
    case op.prefixSimd:
    case op.f32Sqrt:
    case op.f32Div:
    case op.f64Sqrt:
    case op.f64Div:
      return 4;
    default:
      return isIntegerDivision(opcode) ? 8 : 1;
  }
}

function isIntegerDivision(opcode: number): boolean {
  return (opcode >= 0x6d && opcode <= 0x70) || (opcode >= 0x7f && opcode <= 0x82);
}

/** Of one compilation: a function that costs less is as good as compiled. */
const compileWeightMin = 20_000;
/** More than any slice, so that the guest yields; and too little to overflow the counter. */
const compileWeightMax = 100_000_000;

/** Fuel for compiling a function of so many bytes, whose branches find so many values, in the baseline compiler. */
export function compileWeight(bytes: number, branchValues: number): number {
  const weight = 32 * bytes + 10 * branchValues;
  return weight < compileWeightMin ? 0 : Math.min(weight, compileWeightMax);
}

/** Of one function: V8's limit. */
export const localsMax = 50_000;
/** Locals that one unit pays for: a call writes a zero into each. */
export const localsPerFuel = 8;

export const weights: Uint16Array = Uint16Array.from({ length: 256 }, (_, opcode) => weightOf(opcode));
