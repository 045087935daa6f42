import type { BinaryReader } from "./binary-reader.ts";
import { Edits, edit } from "./edits.ts";
import { FuelRegions, frameKind } from "./fuel-regions.ts";
import { feature, readBlockType, readHeapType, readValueType } from "./value-types.ts";
import {
  localsPerFuel,
  misc,
  op,
  shape,
  shapes,
  simdHasMemarg,
  simdTrailingBytes,
  weights,
} from "./opcodes.ts";

/** What a scan asks of the rest of the module: the new index of a function, and the helpers it may call. */
export interface ScanContext {
  readonly functionCount: number;
  readonly globalCount: number;
  newFunctionIndex(index: number): number;
  /** Each answers the index of a helper function, which is added to the module when first asked for. */
  memoryGrowLimiter(memory: number, at: number): number;
  tableGrowLimiter(table: number, at: number): number;
  lengthCharger(is64: boolean): number;
  memoryFill(memory: number, at: number): number;
  memoryCopy(destination: number, source: number, at: number): number;
  isMemory64(memory: number, at: number): boolean;
  isTable64(table: number, at: number): boolean;
}

/** V8's limit. */
export const localsMax = 50_000;

/**
 * Decodes one function body after the other, and notes what has to change in it. It checks what decides where an
 * instruction ends and what could reach the added functions and globals, and leaves all other validation to the engine:
 * it reads the same bytes, and refuses what is wrong.
 *
 * Blocks are kept on an explicit stack, in `FuelRegions`, because their depth is up to the guest.
 */
export class BodyScanner {
  readonly edits = new Edits();
  /** Locals beside the parameters, the groups in which they are declared, and where the first group stands. */
  locals = 0;
  localGroups = 0;
  localsStart = 0;
  /** Where the instructions begin, after the declarations of locals. */
  codeStart = 0;
  /** Cost of what begins at the function's entry. */
  entryWeight = 0;
  /** Whether its cost is bounded by its weight. */
  straight = true;
  instructions = 0;
  features = 0;

  readonly #context: ScanContext;
  readonly #regions = new FuelRegions(this.edits);

  constructor(context: ScanContext) {
    this.#context = context;
  }

  scan(reader: BinaryReader): void {
    this.edits.clear();
    this.straight = true;
    this.#scanLocals(reader);
    this.codeStart = reader.pos;
    const regions = this.#regions;
    regions.start();
    while (regions.depth > 0) {
      const at = reader.pos;
      const code = reader.u8();
      this.instructions++;
      regions.weight += weights[code] ?? 0;
      switch (shapes[code]) {
        case shape.none:
          break;
        case shape.leb:
          reader.skipLeb(5);
          break;
        case shape.memarg:
          this.#skipMemarg(reader);
          break;
        case shape.leb64:
          reader.skipLeb(10);
          break;
        case shape.bytes4:
          reader.skip(4);
          break;
        case shape.bytes8:
          reader.skip(8);
          break;
        case shape.special:
          if (code >= op.refNull) this.#scanLater(reader, code, at);
          else this.#scanControl(reader, code, at);
          break;
        default:
          reader.invalid(`unknown opcode 0x${code.toString(16)}`, at);
      }
    }
    reader.expectEnd("the end of a function");
    this.entryWeight = regions.entryWeight + Math.floor(this.locals / localsPerFuel);
  }

  #scanLocals(reader: BinaryReader): void {
    this.localGroups = reader.count("groups of locals", 2);
    this.localsStart = reader.pos;
    this.locals = 0;
    for (let i = 0; i < this.localGroups; i++) {
      const at = reader.pos;
      this.locals += reader.u32();
      if (this.locals > localsMax) reader.invalid(`more than ${localsMax} locals`, at);
      this.features |= readValueType(reader).features;
    }
  }

  /** Instructions below 0xd0 that are more than one number or constant. */
  #scanControl(reader: BinaryReader, code: number, at: number): void {
    const regions = this.#regions;
    switch (code) {
      case op.unreachable:
      case op.return:
        return regions.stop();
      case op.block:
        this.features |= readBlockType(reader);
        return regions.open(frameKind.block, reader.pos);
      case op.if:
        this.features |= readBlockType(reader);
        return regions.open(frameKind.if, reader.pos);
      case op.loop:
        this.features |= readBlockType(reader);
        this.straight = false;
        return regions.open(frameKind.loop, reader.pos);
      case op.else:
        return regions.else();
      case op.end:
        return regions.close(reader.pos);
      case op.brIf:
        return regions.branch(reader.u32());
      case op.br:
        regions.branch(reader.u32());
        return regions.stop();
      case op.brTable:
        for (let left = reader.count("branch targets") + 1; left > 0; left--) regions.branch(reader.u32());
        return regions.stop();
      default:
        return this.#scanCall(reader, code, at);
    }
  }

  #scanCall(reader: BinaryReader, code: number, at: number): void {
    switch (code) {
      case op.returnCall:
        this.features |= feature["tail-call"];
        this.#scanFunctionIndex(reader);
        return this.#regions.stop();
      case op.call:
        return this.#scanFunctionIndex(reader);
      case op.returnCallIndirect:
        this.features |= feature["tail-call"];
        this.#scanCallIndirect(reader);
        return this.#regions.stop();
      case op.callIndirect:
        return this.#scanCallIndirect(reader);
      case op.callRef:
      case op.returnCallRef:
        this.features |= feature["typed-function-references"];
        this.straight = false;
        reader.skipLeb(5);
        if (code === op.returnCallRef) this.#regions.stop();
        return;
      case op.globalGet:
      case op.globalSet: {
        // What the engine would refuse before could name one of the added globals after.
        const index = reader.u32();
        if (index >= this.#context.globalCount) reader.invalid(`unknown global ${index}`, at);
        return;
      }
      case op.selectTyped:
        for (let left = reader.count("types"); left > 0; left--)
          this.features |= readValueType(reader).features;
        return;
      case op.memoryGrow: {
        const memory = reader.u32();
        return void this.edits.add(edit.call, at, at, this.#context.memoryGrowLimiter(memory, at));
      }
      default:
        return this.#scanExceptions(reader, code, at);
    }
  }

  #scanFunctionIndex(reader: BinaryReader): void {
    const at = reader.pos;
    const index = reader.u32();
    if (index >= this.#context.functionCount) reader.invalid(`unknown function ${index}`, at);
    this.straight = false;
    this.edits.add(edit.index, at, reader.pos, this.#context.newFunctionIndex(index));
  }

  #scanCallIndirect(reader: BinaryReader): void {
    reader.skipLeb(5);
    reader.skipLeb(5);
    this.straight = false;
  }

  #scanExceptions(reader: BinaryReader, code: number, at: number): void {
    switch (code) {
      case op.try:
        this.features |= feature["legacy-exceptions"] | readBlockType(reader);
        return this.#regions.open(frameKind.block, reader.pos);
      case op.catchAll:
        return this.#regions.handler(reader.pos);
      case op.catch:
        reader.skipLeb(5);
        return this.#regions.handler(reader.pos);
      case op.throw:
      case op.rethrow:
        this.features |= feature.exceptions;
        reader.skipLeb(5);
        return this.#regions.stop();
      case op.throwRef:
        this.features |= feature.exceptions;
        return this.#regions.stop();
      case op.delegate:
        reader.skipLeb(5);
        return this.#regions.close(reader.pos);
      case op.tryTable:
        this.features |= feature.exceptions | readBlockType(reader);
        this.#scanCatches(reader);
        return this.#regions.open(frameKind.block, reader.pos);
      default:
        reader.invalid(`unknown opcode 0x${code.toString(16)}`, at);
    }
  }

  #scanCatches(reader: BinaryReader): void {
    for (let left = reader.count("catch clauses", 2); left > 0; left--) {
      const kind = reader.u8();
      if (kind > 3) reader.invalid(`unknown catch clause 0x${kind.toString(16)}`, reader.pos - 1);
      // Clauses 0 and 1 name a tag; 2 and 3 catch all.
      if (kind < 2) reader.skipLeb(5);
      this.#regions.caughtAt(reader.u32());
    }
  }

  /** References, and what stands behind a prefix. */
  #scanLater(reader: BinaryReader, code: number, at: number): void {
    switch (code) {
      case op.refNull:
        this.features |= readHeapType(reader).features | feature["reference-types"];
        return;
      case op.brOnNull:
      case op.brOnNonNull:
        this.features |= feature["typed-function-references"];
        return this.#regions.branch(reader.u32());
      case op.refFunc:
        this.features |= feature["reference-types"];
        return this.#scanReference(reader);
      case op.prefixMisc:
        return this.#scanMisc(reader, at);
      case op.prefixSimd:
        return this.#scanSimd(reader, at);
      case op.prefixThreads:
        return reader.unsupported("atomic instructions (threads)", at);
      case op.prefixGc:
      case 0xd3:
        return reader.unsupported("garbage-collected types (gc)", at);
      default:
        return reader.unsupported("continuations (stack-switching)", at);
    }
  }

  #scanReference(reader: BinaryReader): void {
    const straight = this.straight;
    this.#scanFunctionIndex(reader);
    this.straight = straight;
  }

  #scanMisc(reader: BinaryReader, at: number): void {
    const context = this.#context;
    const code = reader.u32();
    // The saturating conversions have no immediates and belong to no later proposal worth naming.
    if (code < misc.memoryInit) return;
    this.features |= feature["bulk-memory"];
    const first = reader.u32();
    switch (code) {
      case misc.memoryInit:
        context.isMemory64(reader.u32(), at);
        return void this.edits.add(edit.call, at, at, context.lengthCharger(false));
      case misc.memoryCopy: {
        const source = reader.u32();
        return void this.edits.add(edit.call, at, reader.pos, context.memoryCopy(first, source, at));
      }
      case misc.memoryFill:
        return void this.edits.add(edit.call, at, reader.pos, context.memoryFill(first, at));
      case misc.tableInit:
        context.isTable64(reader.u32(), at);
        return void this.edits.add(edit.call, at, at, context.lengthCharger(false));
      case misc.tableCopy: {
        const source = reader.u32();
        const is64 = context.isTable64(first, at) && context.isTable64(source, at);
        return void this.edits.add(edit.call, at, at, context.lengthCharger(is64));
      }
      case misc.tableFill:
        return void this.edits.add(edit.call, at, at, context.lengthCharger(context.isTable64(first, at)));
      case misc.tableGrow:
        return void this.edits.add(edit.call, at, at, context.tableGrowLimiter(first, at));
      case misc.dataDrop:
      case misc.elemDrop:
      case misc.tableSize:
        return;
      default:
        reader.invalid(`unknown opcode 0xfc 0x${code.toString(16)}`, at);
    }
  }

  #scanSimd(reader: BinaryReader, at: number): void {
    const code = reader.u32();
    const trailing = simdTrailingBytes(code);
    if (trailing < 0) reader.invalid(`unknown opcode 0xfd 0x${code.toString(16)}`, at);
    this.features |= feature.simd;
    if (code >= 0x100) this.features |= feature["relaxed-simd"];
    if (simdHasMemarg(code)) this.#skipMemarg(reader);
    reader.skip(trailing);
  }

  #skipMemarg(reader: BinaryReader): void {
    const at = reader.pos;
    const alignment = reader.u32();
    if ((alignment & ~0x40) > 4) reader.invalid(`unknown alignment ${alignment}`, at);
    if ((alignment & 0x40) !== 0) reader.skipLeb(5);
    reader.skipLeb(10);
  }
}
