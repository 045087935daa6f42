import { BinaryReader } from "./binary-reader.ts";
import type { CallGraph } from "./call-graph.ts";
import { nanKind, needsCanonical, scalarNans, vectorNans } from "./canonical-nan.ts";
import { Edits, edit } from "./edits.ts";
import { AtomicInstruction } from "./atomic-instructions.ts";
import { FuelRegions, frameKind } from "./fuel-regions.ts";
import { GcInstruction } from "./gc-instructions.ts";
import { type Locals, readLocals } from "./locals.ts";
import type { LoopNests } from "./loop-nests.ts";
import { skipMemarg } from "./memarg.ts";
import type { ScanContext } from "./scan-context.ts";
import {
  type Arity,
  fixedArities,
  miscArities,
  OperandStack,
  simdArities,
  tooManyBranchValues,
} from "./operand-stack.ts";
import { type BlockType, feature, readBlockType, readHeapType, readValueType } from "./value-types.ts";
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

/** More than any slice, so that the guest yields; and too little to overflow the counter. */
const weightMax = 2 ** 29;

/**
 * Decodes one function body after the other, and notes what has to change in it. It checks what decides where an
 * instruction ends and what could reach the added functions and globals, and leaves all other validation to the engine:
 * it reads the same bytes, and refuses what is wrong.
 *
 * Blocks are kept on an explicit stack, in `FuelRegions`, because their depth is up to the guest.
 */
export class BodyScanner {
  readonly edits = new Edits();
  locals: Locals = { count: 0, groups: 0, groupsAt: 0, features: 0, hasVectors: false };
  /** Where the instructions begin, after the declarations of locals. */
  codeStart = 0;
  /** Cost of what begins at the function's entry. */
  entryWeight = 0;
  /**
   * Values in locals and on the stack, added up over all branches and calls: the engine's baseline compiler, which runs
   * on the event loop when a function is first called, copies or compares them there.
   */
  branchValues = 0;
  /** Whether its cost is bounded by its weight. */
  straight = true;
  /** Whether it calls a function that counts the stack. */
  callsCounted = false;
  /** Bytes of the longest path of free functions that it calls. */
  freePath = 0;
  usesVectors = false;
  /** Whether something makes a NaN whose bits differ from machine to machine. */
  makesNans = false;
  instructions = 0;
  features = 0;

  readonly #context: ScanContext;
  readonly #graph: CallGraph;
  readonly #regions = new FuelRegions(this.edits);
  readonly #stack = new OperandStack();
  readonly #gc = new GcInstruction();
  readonly #atomic = new AtomicInstruction();
  #variables = 0;
  /** Of what the last instruction left, where it matters. */
  #nan: number = nanKind.none;

  /** Most values on its operand stack. */
  get operandsMax(): number {
    return this.#stack.heightMax;
  }

  /** Whether it takes its part of the stack not at its entry. */
  get takesStackLater(): boolean {
    return this.#regions.stackPlace.isLater;
  }

  get nests(): LoopNests {
    return this.#regions.nests;
  }

  constructor(context: ScanContext, graph: CallGraph) {
    this.#context = context;
    this.#graph = graph;
  }

  scan(reader: BinaryReader, params: number): void {
    this.edits.clear();
    this.straight = true;
    this.branchValues = 0;
    this.callsCounted = false;
    this.freePath = 0;
    this.usesVectors = this.#context.vectorTypes;
    this.makesNans = false;
    this.#nan = nanKind.none;
    this.locals = readLocals(reader, this.#context.typeCount);
    this.features |= this.locals.features;
    this.usesVectors = this.locals.hasVectors;
    this.#variables = params + this.locals.count;
    this.codeStart = reader.pos;
    const regions = this.#regions;
    regions.start();
    this.#stack.start();
    while (regions.depth > 0) {
      const at = reader.pos;
      const code = reader.u8();
      if (this.#nan !== nanKind.none) this.#fixNan(code, at);
      if (this.#context.deterministic) this.#nan = scalarNans[code] ?? nanKind.none;
      this.instructions++;
      regions.weight += weights[code] ?? 0;
      const arity = fixedArities[code] ?? 0;
      this.#stack.apply(arity >>> 4, arity & 15);
      switch (shapes[code]) {
        case shape.none:
          break;
        case shape.leb:
          reader.skipLeb(5);
          break;
        case shape.memarg:
          skipMemarg(reader);
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
    regions.nests.finish();
    this.#graph.endFunction(reader.pos - this.locals.groupsAt, regions.loopDepthMax);
    this.entryWeight = regions.entryWeight + Math.floor(this.locals.count / localsPerFuel);
  }

  #fixNan(next: number, at: number): void {
    if (needsCanonical(this.#nan, next)) {
      this.makesNans = true;
      this.edits.add(edit.canonicalNan, at, at, this.#nan);
    }
    this.#nan = nanKind.none;
  }

  /** Instructions below 0xd0 that are more than one number or constant. */
  #scanControl(reader: BinaryReader, code: number, at: number): void {
    switch (code) {
      case op.unreachable:
        return this.#stop();
      case op.return:
        return this.#exit(at);
      case op.block:
        return this.#open(reader, frameKind.block, at);
      case op.if:
        this.#stack.apply(1, 0);
        return this.#open(reader, frameKind.if, at);
      case op.loop:
        this.straight = false;
        return this.#open(reader, frameKind.loop, at);
      case op.else:
        this.#countBranch(at);
        this.#stack.else();
        return this.#regions.else();
      case op.end:
        this.#countBranch(at);
        this.#stack.close();
        return this.#regions.close(reader.pos);
      case op.brIf:
        this.#stack.apply(1, 0);
        this.#countBranch(at);
        return this.#scanBranchIf(reader, at);
      case op.br:
        this.#countBranch(at);
        return this.#scanJump(reader, at);
      case op.brTable:
        return this.#scanBranchTable(reader, at);
      default:
        return this.#scanCall(reader, code, at);
    }
  }

  #scanLabel(reader: BinaryReader): number {
    const from = reader.pos;
    const label = reader.u32();
    this.#regions.label(label, from, reader.pos);
    return label;
  }

  #scanBranchIf(reader: BinaryReader, at: number): void {
    const label = reader.u32();
    if (!this.#stack.hasResults(label) && this.#regions.leaveIf(label, at, reader.pos)) return;
    this.#regions.label(label, at + 1, reader.pos);
    this.#regions.branchIf(label);
  }

  #scanJump(reader: BinaryReader, at: number): void {
    const label = reader.u32();
    this.#regions.leave(label, at);
    this.#regions.label(label, at + 1, reader.pos);
    this.#regions.branch(label);
    this.#stop();
  }

  /** Its labels are read twice, as what is put before it depends on the farthest. */
  #scanBranchTable(reader: BinaryReader, at: number): void {
    const count = reader.count("branch targets") + 1;
    const { pos } = reader;
    let farthest = 0;
    for (let left = count; left > 0; left--) farthest = Math.max(farthest, reader.u32());
    this.#regions.leave(farthest, at);
    reader.pos = pos;
    for (let left = count; left > 0; left--) {
      this.#countBranch(at);
      this.#regions.branch(this.#scanLabel(reader));
    }
    this.#stop();
  }

  #open(reader: BinaryReader, kind: number, from: number): void {
    this.#countBranch(from);
    const type = readBlockType(reader, this.#context.typeCount);
    this.features |= type.features;
    this.#openFrame(kind, type, from, reader.pos);
  }

  #openFrame(kind: number, type: BlockType, from: number, at: number): void {
    const arity = type.index === undefined ? undefined : this.#context.arityOfType(type.index);
    this.#stack.open(arity?.params ?? 0, arity?.results ?? type.results);
    this.#regions.open(kind, from, at);
    // What is put around it could not hand on the values that it takes.
    if (kind === frameKind.loop && (arity?.params ?? 0) > 0) this.#regions.nests.complicate();
  }

  /** Nothing follows up to the next `else`, handler, or end. */
  #stop(): void {
    this.#stack.stop();
    this.#regions.stop();
  }

  /** Out of the function, or to whoever catches an exception. `at` is the position before it. */
  #exit(at: number): void {
    this.#regions.leave(this.#regions.depth, at);
    this.#stop();
  }

  #countBranch(at: number): void {
    this.branchValues += this.#variables + this.#stack.height;
    const { branchValuesMax } = this.#context;
    if (this.branchValues <= branchValuesMax) return;
    throw tooManyBranchValues(at, branchValuesMax);
  }

  #scanCall(reader: BinaryReader, code: number, at: number): void {
    switch (code) {
      case op.returnCall:
        this.features |= feature["tail-call"];
        this.#scanCallee(reader, at, edit.returnStack);
        this.#countBranch(at);
        return this.#stop();
      case op.call:
        return this.#apply(this.#scanCallee(reader, at, edit.tellStack), at);
      case op.returnCallIndirect:
        this.features |= feature["tail-call"];
        this.#callCounted(at, edit.returnStack);
        this.#scanCallIndirect(reader);
        this.#countBranch(at);
        return this.#stop();
      case op.callIndirect:
        this.#callCounted(at, edit.tellStack);
        return this.#apply(this.#scanCallIndirect(reader), at);
      case op.callRef:
      case op.returnCallRef: {
        this.features |= feature["typed-function-references"];
        this.#called();
        this.#callCounted(at, code === op.callRef ? edit.tellStack : edit.returnStack);
        this.#stack.apply(1, 0);
        this.#apply(this.#readFunctionType(reader), at);
        return code === op.returnCallRef ? this.#stop() : undefined;
      }
      case op.globalGet:
      case op.globalSet: {
        // What the engine would refuse before could name one of the added globals after.
        const index = reader.u32();
        if (index >= this.#context.globalCount) reader.invalid(`unknown global ${index}`, at);
        return;
      }
      case op.tableGet:
      case op.tableSet:
        this.#countBranch(at);
        return reader.skipLeb(5);
      case op.selectTyped:
        for (let left = reader.count("types"); left > 0; left--)
          this.features |= readValueType(reader, this.#context.typeCount).features;
        return;
      case op.memorySize: {
        const memory = reader.u32();
        const { virtualMemory } = this.#context;
        if (virtualMemory === undefined || memory !== 0) return;
        return this.#callAdded(at, reader.pos, virtualMemory.size());
      }
      case op.memoryGrow: {
        const memory = reader.u32();
        this.#countBranch(at);
        const { virtualMemory } = this.#context;
        if (virtualMemory !== undefined && memory === 0)
          return this.#callAdded(at, reader.pos, virtualMemory.grow());
        return this.#context.deterministic
          ? this.#callAdded(at, reader.pos, this.#context.certainMemoryGrow(memory, at))
          : this.#callAdded(at, at, this.#context.memoryGrowLimiter(memory, at));
      }
      default:
        return this.#scanExceptions(reader, code, at);
    }
  }

  #apply(callee: Arity, at: number): void {
    this.#stack.apply(callee.params, callee.results);
    // The compiler compares each result with every other.
    this.branchValues += (callee.results * callee.results) >>> 4;
    this.#countBranch(at);
  }

  /** Something is called that takes fuel by itself. */
  #called(): void {
    this.straight = false;
    this.#regions.nests.call();
  }

  #scanCallee(reader: BinaryReader, at: number, stackEdit: number): Arity {
    this.#called();
    const { pos } = reader;
    const index = reader.u32();
    reader.pos = pos;
    const path = this.#context.pathOf(index);
    if (path < 0) this.#callCounted(at, stackEdit);
    else if (path > this.freePath) this.freePath = path;
    return this.#context.arityOfFunction(this.#scanFunctionIndex(reader));
  }

  #callCounted(at: number, stackEdit: number): void {
    this.callsCounted = true;
    this.#regions.stackPlace.call(at);
    this.edits.add(stackEdit, at, at, 0);
  }

  /** Calls an added function, which pays for what it does, instead of the bytes [from, to). */
  #callAdded(from: number, to: number, index: number): void {
    this.#regions.nests.call();
    this.edits.add(edit.call, from, to, index);
  }

  #scanFunctionIndex(reader: BinaryReader): number {
    const at = reader.pos;
    const index = reader.u32();
    if (index >= this.#context.functionCount) reader.invalid(`unknown function ${index}`, at);
    this.#graph.call(index, this.#regions.loopDepth);
    this.edits.add(edit.index, at, reader.pos, this.#context.newFunctionIndex(index));
    return index;
  }

  #scanCallIndirect(reader: BinaryReader): Arity {
    const callee = this.#readFunctionType(reader);
    reader.skipLeb(5);
    this.#called();
    this.#stack.apply(1, 0);
    return callee;
  }

  #readFunctionType(reader: BinaryReader): Arity {
    const at = reader.pos;
    const type = reader.u32();
    if (type >= this.#context.typeCount) reader.invalid(`unknown type ${type}`, at);
    return this.#context.arityOfType(type);
  }

  #scanExceptions(reader: BinaryReader, code: number, at: number): void {
    this.#countBranch(at);
    this.#regions.nests.complicate();
    switch (code) {
      case op.try:
        this.features |= feature["legacy-exceptions"];
        return this.#open(reader, frameKind.block, at);
      case op.catchAll:
        this.#stack.handler(0);
        return this.#regions.handler(reader.pos);
      case op.catch:
        this.#stack.handler(this.#context.arityOfTag(reader.u32()).params);
        return this.#regions.handler(reader.pos);
      case op.throw:
      case op.rethrow:
        this.features |= feature.exceptions;
        reader.skipLeb(5);
        return this.#exit(at);
      case op.throwRef:
        this.features |= feature.exceptions;
        return this.#exit(at);
      case op.delegate:
        reader.skipLeb(5);
        this.#stack.close();
        return this.#regions.close(reader.pos);
      case op.tryTable:
        return this.#scanTryTable(reader, at);
      default:
        reader.invalid(`unknown opcode 0x${code.toString(16)}`, at);
    }
  }

  #scanTryTable(reader: BinaryReader, at: number): void {
    const type = readBlockType(reader, this.#context.typeCount);
    this.features |= feature.exceptions | type.features;
    this.#scanCatches(reader, at);
    this.#openFrame(frameKind.block, type, at, reader.pos);
  }

  #scanCatches(reader: BinaryReader, at: number): void {
    for (let left = reader.count("catch clauses", 2); left > 0; left--) {
      this.#countBranch(at);
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
        this.features |= readHeapType(reader, this.#context.typeCount).features | feature["reference-types"];
        return;
      case op.brOnNull:
      case op.brOnNonNull:
        this.features |= feature["typed-function-references"];
        this.#countBranch(at);
        return this.#regions.branchIf(this.#scanLabel(reader));
      case op.refFunc:
        this.features |= feature["reference-types"];
        this.#countBranch(at);
        return this.#scanReference(reader);
      case op.prefixMisc:
        return this.#scanMisc(reader, at);
      case op.prefixSimd:
        return this.#scanSimd(reader, at);
      case op.prefixThreads:
        return this.#scanAtomic(reader, at);
      case op.prefixGc:
        return this.#scanGc(reader, at);
      case op.refEq:
        this.features |= feature.gc;
        return;
      default:
        return reader.unsupported("continuations (stack-switching)", at);
    }
  }

  #scanReference(reader: BinaryReader): void {
    const at = reader.pos;
    const index = this.#scanFunctionIndex(reader);
    if (index === this.#context.undeclaredFunction) reader.invalid(`undeclared function ${index}`, at);
  }

  #scanMisc(reader: BinaryReader, at: number): void {
    const context = this.#context;
    const code = reader.u32();
    const arity = miscArities[code] ?? 0;
    this.#stack.apply(arity >>> 4, arity & 15);
    // The saturating conversions have no immediates and belong to no later proposal worth naming.
    if (code < misc.memoryInit) return;
    this.features |= feature["bulk-memory"];
    this.#countBranch(at);
    const first = reader.u32();
    switch (code) {
      case misc.memoryInit:
        context.isMemory64(reader.u32(), at);
        return this.#callAdded(at, at, context.lengthCharger(false, "bytes"));
      case misc.memoryCopy: {
        const source = reader.u32();
        return this.#callAdded(at, reader.pos, context.memoryCopy(first, source, at));
      }
      case misc.memoryFill:
        return this.#callAdded(at, reader.pos, context.memoryFill(first, at));
      case misc.tableInit:
        this.#checkSegment(reader, first, at);
        context.isTable64(reader.u32(), at);
        return this.#callAdded(at, at, context.lengthCharger(false, "elements"));
      case misc.tableCopy: {
        const source = reader.u32();
        const is64 = context.isTable64(first, at) && context.isTable64(source, at);
        return this.#callAdded(at, at, context.lengthCharger(is64, "elements"));
      }
      case misc.tableFill:
        return this.#callAdded(at, at, context.lengthCharger(context.isTable64(first, at), "elements"));
      case misc.tableGrow:
        return this.#callAdded(at, at, context.tableGrowLimiter(first, at));
      case misc.elemDrop:
        return this.#checkSegment(reader, first, at);
      case misc.dataDrop:
      case misc.tableSize:
        return;
      default:
        reader.invalid(`unknown opcode 0xfc 0x${code.toString(16)}`, at);
    }
  }

  /** One more may be added, which is nobody's. */
  #checkSegment(reader: BinaryReader, index: number, at: number): void {
    if (index >= this.#context.elementSegments) reader.invalid(`unknown element segment ${index}`, at);
  }

  #scanSimd(reader: BinaryReader, at: number): void {
    const code = reader.u32();
    const trailing = simdTrailingBytes(code);
    if (trailing < 0) reader.invalid(`unknown opcode 0xfd 0x${code.toString(16)}`, at);
    this.features |= feature.simd;
    this.usesVectors = true;
    const arity = simdArities[code] ?? 0;
    this.#stack.apply(arity >>> 4, arity & 15);
    if (code >= 0x100) this.features |= feature["relaxed-simd"];
    if (this.#context.deterministic) this.#nan = vectorNans[code] ?? nanKind.none;
    if (simdHasMemarg(code)) skipMemarg(reader);
    reader.skip(trailing);
  }

  #scanGc(reader: BinaryReader, at: number): void {
    const found = this.#gc;
    found.read(reader, this.#context, at);
    this.features |= feature.gc;
    this.#weigh(found.weight);
    if (found.calls) this.#countBranch(at);
    this.#stack.apply(found.pops, found.pushes);
    if (found.unit !== undefined) this.#callAdded(at, at, this.#context.lengthCharger(false, found.unit));
    if (found.labelAt !== undefined) this.#branchAt(found.labelAt, reader);
  }

  /** A branch on a condition, whose label stands at `labelAt`, before the reader. */
  #branchAt(labelAt: number, { bytes, pos }: BinaryReader): void {
    this.#regions.branchIf(this.#scanLabel(new BinaryReader(bytes, labelAt, pos)));
  }

  #scanAtomic(reader: BinaryReader, at: number): void {
    const found = this.#atomic;
    found.read(reader, at);
    this.features |= feature.threads;
    this.#weigh(found.weight);
    if (found.calls) this.#countBranch(at);
    this.#stack.apply(found.arity >>> 4, found.arity & 15);
    const split = found.wait && this.#context.atomicWait(found.wait, at);
    if (split !== undefined) this.#callAdded(at, reader.pos, split);
  }

  #weigh(units: number): void {
    if (this.#regions.weight < weightMax) this.#regions.weight += units;
  }
}
