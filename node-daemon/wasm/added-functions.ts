import type { AtomicWait } from "./atomic-instructions.ts";
import { writeAtomicWait } from "./atomic-wait.ts";
import type { BulkFuel } from "./bulk-memory.ts";
import { pieceBytes, writeCopy, writeFill } from "./bulk-memory.ts";
import { BinaryWriter } from "./binary-writer.ts";
import { Rejection } from "./binary-reader.ts";
import { CallDepth } from "./call-depth.ts";
import type { Arity } from "./operand-stack.ts";
import type { ScanContext } from "./scan-context.ts";
import { killFlag, memoryUnavailableName, type RewriteMode, stackExhaustedName } from "./module-facts.ts";
import { type ModuleModel, section } from "./module-model.ts";
import type { LengthUnit } from "./length-units.ts";
import { chargedLengthMax, fuelLog2, unitOfItems } from "./length-units.ts";
import { emptyBlock, misc, op } from "./opcodes.ts";
import { isRecyclable, type VirtualMemory, writeVirtualGrow, writeVirtualSize } from "./virtual-pages.ts";
import { feature } from "./value-types.ts";

const i32 = 0x7f;
const i64 = 0x7e;
/** What a memory without a maximum may have, in pages: the standard's limit, and more than any cap. */
const maxPages32 = 65_536;
const maxPages64 = 2 ** 30;
const nothing: Arity = { params: 0, results: 0 };

/** Places in memory that a module waits on with waits that are split; a C library has one or two. */
const atomicWaitsMax = 100;

/**
 * More than V8 would ever inline. Without its baseline compiler it inlines small functions wherever they are called, as far
 * as its budget goes, and what is called when the fuel is spent would leave nothing of that for the guest's own calls.
 */
const neverInlined = new Uint8Array(5_000).fill(op.nop);

/** The beginning of the body of a function that the engine is to leave where it is. */
function apart(): BinaryWriter {
  return new BinaryWriter(neverInlined.length + 64).u8(0).append(neverInlined);
}

interface AddedFunction {
  readonly type: number;
  /** As in the code section, without its size. */
  readonly body: Uint8Array;
  readonly name: string;
}

/**
 * The functions and globals that a rewritten module has beyond its own, and where they stand:
 *
 *   functions: imported ... | yield | defined ... | a wrapper per imported one ... | yield wrapper | helpers ...
 *   globals:   imported and defined ... | fuel | kill | memory cap | table cap | stack | own numbers ...
 *
 * So an imported function keeps its index (but nobody except its wrapper refers to it), a defined one moves by one.
 */
export class AddedFunctions implements ScanContext {
  readonly typeCount: number;
  readonly vectorTypes: boolean;
  readonly deterministic: boolean;
  readonly virtualMemory: VirtualMemory | undefined;
  readonly functionCount: number;
  readonly undeclaredFunction: number | undefined;
  readonly globalCount: number;
  readonly elementSegments: number;
  readonly branchValuesMax: number;
  readonly fuelGlobal: number;
  readonly killGlobal: number;
  readonly memoryCapGlobal: number;
  readonly tableCapGlobal: number;
  readonly stackGlobal: number;
  /** What the guest's memory has for it, where that is not the size of the memory. */
  readonly #pagesGlobal: number | undefined;
  readonly depth: CallDepth;
  /** Index of the added import. */
  readonly yieldImport: number;
  /** `() -> ()`. */
  readonly yieldType: number;
  readonly yieldWrapper: number;
  /** `(fuel) -> fuel`: yields where the fuel is in a local. */
  readonly refuel: number;
  /** Traps. The host knows it by its name. */
  readonly stackExhausted: number;
  /** `(left) -> ()`: traps if nothing is left of the stack, and yields otherwise. */
  readonly pauseOrTrap: number;
  readonly functions: AddedFunction[] = [];
  /** Initial values of globals that only added code knows: what the first call of a function pays, mostly. */
  readonly ownNumbers: number[] = [];

  readonly #model: ModuleModel;
  readonly #types = new Map<string, number>();
  readonly #helpers = new Map<string, number>();
  #waits = 0;
  readonly #exportWrappers = new Map<number, number>();

  constructor(model: ModuleModel, mode: RewriteMode) {
    this.#model = model;
    this.typeCount = model.types.length;
    this.vectorTypes = (model.features & feature.simd) !== 0;
    this.deterministic = mode === "deterministic";
    this.functionCount = model.functionTypes.length;
    this.undeclaredFunction = undeclaredStart(model);
    this.elementSegments = model.find(section.element)?.count ?? 0;
    this.globalCount = model.globalTypes.length;
    this.branchValuesMax = model.limits.branchValuesMax;
    this.fuelGlobal = this.globalCount;
    this.killGlobal = this.fuelGlobal + 1;
    this.memoryCapGlobal = this.fuelGlobal + 2;
    this.tableCapGlobal = this.fuelGlobal + 3;
    this.stackGlobal = this.fuelGlobal + 4;
    const isVirtual = mode === "recyclable" || mode === "recyclable-component";
    if (isVirtual && isRecyclable(model.memories)) {
      this.#pagesGlobal = this.#addedGlobal(model.memories[0]?.minPages ?? 0);
      this.virtualMemory = { size: () => this.#virtualSize(), grow: () => this.#virtualGrow() };
    }
    this.depth = new CallDepth(this.functionCount);
    this.yieldImport = model.functionImports;
    this.yieldType = this.#type([], []);
    for (let i = 0; i < model.functionImports; i++) this.#addImportWrapper(i);
    // Before the call too: where nothing can suspend, calling it is what must not be done.
    const body = apart();
    this.#writeTrapUnless(body, "running");
    body.u8(op.call).u32(this.yieldImport);
    this.#writeTrapUnless(body, "running");
    this.yieldWrapper = this.#add(this.yieldType, body.u8(op.end), "wherry.yielded");
    const refuel = apart().raw(op.localGet, 0, op.globalSet).u32(this.fuelGlobal);
    refuel.u8(op.call).u32(this.yieldWrapper).u8(op.globalGet).u32(this.fuelGlobal).u8(op.end);
    this.refuel = this.#add(this.#type([i32], [i32]), refuel, "wherry.refuel");
    const exhausted = apart().raw(op.unreachable, op.end);
    this.stackExhausted = this.#add(this.yieldType, exhausted, stackExhaustedName);
    const pause = apart().raw(op.localGet, 0, op.i32Const, 0, op.i32LtS, op.if, emptyBlock);
    pause.u8(op.call).u32(this.stackExhausted).u8(op.end).u8(op.call).u32(this.yieldWrapper).u8(op.end);
    this.pauseOrTrap = this.#add(this.#type([i32], []), pause, "wherry.pauseOrTrap");
  }

  /** Types to append to the type section, in the order of their indices. */
  get addedTypes(): ReadonlySet<string> {
    return new Set(this.#types.keys());
  }

  pathOf(index: number): number {
    return this.depth.pathOf(index);
  }

  newFunctionIndex(index: number): number {
    return index < this.yieldImport ? this.functionCount + 1 + index : index + 1;
  }

  /**
   * Takes `weight` units, and yields if there were fewer. `scratch` is an i32 local that may be overwritten: with it the
   * baseline compiler's loops are a sixth faster (the optimizing one does as well without). Answers where its `if`
   * stands.
   */
  writeCharge(writer: BinaryWriter, weight: number, scratch?: number): number {
    writer.u8(op.globalGet).u32(this.fuelGlobal).u8(op.i32Const).s32(weight).u8(op.i32Sub);
    return this.#writeFuelCheck(writer, scratch);
  }

  /** Stores the new fuel on top of the stack, and yields if it is below zero. */
  #writeFuelCheck(writer: BinaryWriter, scratch?: number): number {
    this.#writeStoreFuel(writer, scratch);
    writer.raw(op.i32Const, 0, op.i32LtS);
    const at = writer.length;
    writer.raw(op.if, emptyBlock, op.call).u32(this.yieldWrapper).u8(op.end);
    return at;
  }

  /** Stores the new fuel on top of the stack, and leaves it there. */
  #writeStoreFuel(writer: BinaryWriter, scratch?: number): void {
    if (scratch === undefined) {
      writer.u8(op.globalSet).u32(this.fuelGlobal).u8(op.globalGet).u32(this.fuelGlobal);
    } else {
      writer.u8(op.localTee).u32(scratch).u8(op.globalSet).u32(this.fuelGlobal).u8(op.localGet).u32(scratch);
    }
  }

  /**
   * What a function begins with: it pays, if `entry` says what, and takes its part of the stack, if it counts it. Answers
   * where the branch stands that is taken when there is too little of either.
   *
   * The engine compiles a function when it is first called, which can take far longer than running it: that call pays
   * `firstCall` units more, from a global that is zero from then on.
   */
  writeEntry(
    writer: BinaryWriter,
    entry: { readonly weight: number; readonly firstCall: number } | undefined,
    fuel: number | undefined,
    stack: { readonly left: number; readonly stackCost: number } | undefined,
  ): number | undefined {
    if (entry === undefined && stack === undefined) return undefined;
    if (entry !== undefined) this.#writeEntryCharge(writer, entry.weight, entry.firstCall);
    if (stack === undefined) return this.#writeFuelCheck(writer, fuel);
    const { left, stackCost } = stack;
    if (entry !== undefined) this.#writeStoreFuel(writer, fuel);
    writer.u8(op.globalGet).u32(this.stackGlobal).u8(op.i32Const).s32(stackCost).u8(op.i32Sub);
    writer.u8(op.localTee).u32(left);
    if (entry !== undefined) writer.u8(op.i32Or);
    writer.raw(op.i32Const, 0, op.i32LtS);
    const at = writer.length;
    writer.raw(op.if, emptyBlock);
    if (entry !== undefined) writer.u8(op.localGet).u32(left);
    writer.u8(op.call).u32(entry === undefined ? this.stackExhausted : this.pauseOrTrap);
    writer.u8(op.end);
    return at;
  }

  #addedGlobal(initial: number): number {
    return this.stackGlobal + this.ownNumbers.push(initial);
  }

  /** Leaves what the fuel is after the charge. */
  #writeEntryCharge(writer: BinaryWriter, weight: number, firstCall: number): void {
    writer.u8(op.globalGet).u32(this.fuelGlobal).u8(op.i32Const).s32(weight).u8(op.i32Sub);
    if (firstCall === 0) return;
    const global = this.#addedGlobal(firstCall);
    writer.u8(op.globalGet).u32(global).u8(op.i32Sub).raw(op.i32Const, 0).u8(op.globalSet).u32(global);
  }

  /** What is left for those that are called, once `more` is given back. */
  writeTellStack(writer: BinaryWriter, left: number, more: number): void {
    writer.u8(op.localGet).u32(left);
    if (more > 0) writer.u8(op.i32Const).s32(more).u8(op.i32Add);
    writer.u8(op.globalSet).u32(this.stackGlobal);
  }

  /**
   * The same in a nest of loops that has its fuel in local `fuel`; `keeps`: and nowhere else; `outside`: it stands where
   * the innermost loop begins, and yields before that loop (see `LoopNests`).
   */
  writeLocalCharge(
    writer: BinaryWriter,
    weight: number,
    fuel: number,
    keeps: boolean,
    outside: boolean,
  ): number {
    writer.u8(op.localGet).u32(fuel).u8(op.i32Const).s32(weight).u8(op.i32Sub).u8(op.localTee).u32(fuel);
    if (!keeps) writer.u8(op.globalSet).u32(this.fuelGlobal).u8(op.localGet).u32(fuel);
    writer.raw(op.i32Const, 0, op.i32LtS);
    const at = writer.length;
    if (outside) writer.raw(op.brIf, 1);
    else this.#writeRefuel(writer, fuel);
    return at;
  }

  /** Yields if the fuel is below zero, and undoes the charge that follows: it was made already. */
  writeOutsideYield(writer: BinaryWriter, weight: number, fuel: number): number {
    writer.u8(op.localGet).u32(fuel).raw(op.i32Const, 0, op.i32LtS);
    const at = writer.length;
    writer.raw(op.if, emptyBlock).u8(op.localGet).u32(fuel).u8(op.call).u32(this.refuel);
    writer.u8(op.i32Const).s32(weight).u8(op.i32Add).u8(op.localSet).u32(fuel).u8(op.end);
    return at;
  }

  #writeRefuel(writer: BinaryWriter, fuel: number): void {
    writer.raw(op.if, emptyBlock).u8(op.localGet).u32(fuel).u8(op.call).u32(this.refuel);
    writer.u8(op.localSet).u32(fuel).u8(op.end);
  }

  writeTakeFuel(writer: BinaryWriter, fuel: number): void {
    writer.u8(op.globalGet).u32(this.fuelGlobal).u8(op.localSet).u32(fuel);
  }

  writeGiveFuel(writer: BinaryWriter, fuel: number): void {
    writer.u8(op.localGet).u32(fuel).u8(op.globalSet).u32(this.fuelGlobal);
  }

  /** `running`: the flag is 0. `alive`: it does not say that the guest was killed, only perhaps that it cannot suspend now. */
  #writeTrapUnless(writer: BinaryWriter, what: "running" | "alive"): void {
    writer.u8(op.globalGet).u32(this.killGlobal);
    if (what === "alive") writer.raw(op.i32Const, killFlag.killed, op.i32And);
    writer.raw(op.if, emptyBlock, op.unreachable, op.end);
  }

  #addImportWrapper(index: number): void {
    const type = this.#model.functionTypes[index] ?? 0;
    const params = this.#model.functionType(type)?.params ?? 0;
    const body = new BinaryWriter(16 + 3 * params).u8(0);
    for (let i = 0; i < params; i++) body.u8(op.localGet).u32(i);
    body.u8(op.call).u32(index);
    this.#writeTrapUnless(body, "alive");
    this.#add(type, body.u8(op.end), `wherry.import.${this.#model.functionImportNames[index] ?? index}`);
  }

  /**
   * Exports are called by other core instances of a component, with counters of their own, and no host in between: so each
   * leaves what is left of the stack as it was. To be called before the module is assembled.
   */
  wrapExports(): void {
    for (const index of this.#model.exportedFunctions) {
      if (index < this.yieldImport || this.#exportWrappers.has(index)) continue;
      const type = this.#model.functionTypes[index] ?? 0;
      const params = this.#model.functionType(type)?.params ?? 0;
      const body = new BinaryWriter(32 + 3 * params).raw(1, 1, i32).u8(op.globalGet).u32(this.stackGlobal);
      body.u8(op.localSet).u32(params);
      for (let i = 0; i < params; i++) body.u8(op.localGet).u32(i);
      body.u8(op.call).u32(this.newFunctionIndex(index)).u8(op.localGet).u32(params);
      body.u8(op.globalSet).u32(this.stackGlobal).u8(op.end);
      this.#exportWrappers.set(index, this.#add(type, body, `wherry.export.${index}`));
    }
  }

  /** New indices of those that have a wrapper. */
  get wrappedFunctions(): readonly number[] {
    return [...this.#exportWrappers.keys()].map((index) => this.newFunctionIndex(index));
  }

  /** The new index of a function where it is exported. */
  exportedIndex(index: number): number {
    return this.#exportWrappers.get(index) ?? this.newFunctionIndex(index);
  }

  #add(type: number, body: BinaryWriter, name: string): number {
    this.functions.push({ type, body: body.view(), name });
    return this.functionCount + this.functions.length;
  }

  #type(params: readonly number[], results: readonly number[]): number {
    const key = String.fromCharCode(0x60, params.length, ...params, results.length, ...results);
    const known = this.#types.get(key);
    if (known !== undefined) return known;
    const index = this.#model.types.length + this.#types.size;
    this.#types.set(key, index);
    return index;
  }

  #helper(key: string, make: () => number): number {
    const known = this.#helpers.get(key);
    if (known !== undefined) return known;
    const index = make();
    this.#helpers.set(key, index);
    return index;
  }

  isMemory64(memory: number, at: number): boolean {
    const facts = this.#model.memories[memory];
    if (facts === undefined) throw unknown("memory", memory, at);
    return facts.memory64;
  }

  isTable64(table: number, at: number): boolean {
    const is64 = this.#model.tableIs64[table];
    if (is64 === undefined) throw unknown("table", table, at);
    return is64;
  }

  arityOfType(type: number): Arity {
    return this.#model.functionType(type) ?? nothing;
  }

  arityOfFunction(index: number): Arity {
    return this.arityOfType(this.#model.functionTypes[index] ?? -1);
  }

  arityOfTag(index: number): Arity {
    return this.arityOfType(this.#model.tagTypes[index] ?? -1);
  }

  fieldsOf(type: number): number {
    const found = this.#model.types[type];
    return found?.kind === "struct" ? found.fields : 0;
  }

  unitOf(type: number): LengthUnit {
    const found = this.#model.types[type];
    return unitOfItems(found?.kind === "array" ? found.bytesLog2 : undefined);
  }

  /** `(length) -> length`: charges for a bulk operation on so many of a unit, whose length is on top of the stack. */
  lengthCharger(is64: boolean, unit: LengthUnit): number {
    return this.#helper(`charge ${is64} ${unit}`, () => {
      const address = is64 ? i64 : i32;
      const body = new BinaryWriter().raw(0);
      body.u8(op.globalGet).u32(this.fuelGlobal);
      const lengthMax = new BinaryWriter()
        .u8(is64 ? op.i64Const : op.i32Const)
        .s32(chargedLengthMax(unit))
        .view();
      body.append(lengthMax).raw(op.localGet, 0, op.localGet, 0).append(lengthMax);
      body.raw(is64 ? op.i64GtU : op.i32GtU, op.select);
      if (is64) body.u8(op.i32WrapI64);
      const shift = fuelLog2[unit];
      if (shift !== 0) body.raw(op.i32Const, Math.abs(shift), shift < 0 ? op.i32ShrU : op.i32Shl);
      body.u8(op.i32Sub);
      this.#writeFuelCheck(body);
      body.raw(op.localGet, 0, op.end);
      return this.#add(this.#type([address], [address]), body, `wherry.charge.${unit}${is64 ? "64" : "32"}`);
    });
  }

  /**
   * `(delta) -> delta`, or -1 if the cap would be passed. Growing by 2^32-1 (or 2^64-1) fails in every engine, and so
   * the guest's own `memory.grow` answers -1.
   */
  memoryGrowLimiter(memory: number, at: number): number {
    const is64 = this.isMemory64(memory, at);
    return this.#helper(`memory.grow ${is64}`, () => {
      const sizes = this.#model.memories.map((facts, index) => ({
        is64: facts.memory64,
        size: this.#sizeOf(index),
      }));
      return this.#addGrowLimiter("memory", is64, this.memoryCapGlobal, sizes, undefined);
    });
  }

  /** Code that leaves it. */
  #sizeOf(memory: number): Uint8Array {
    const code = new BinaryWriter();
    if (this.#pagesGlobal === undefined) return code.u8(op.memorySize).u32(memory).view();
    return code.u8(op.globalGet).u32(this.#pagesGlobal).view();
  }

  #virtualSize(): number {
    return this.#helper("virtual size", () =>
      this.#add(this.#type([], [i32]), writeVirtualSize(this.#pagesGlobal ?? 0), "wherry.pages"),
    );
  }

  #virtualGrow(): number {
    const limiter = this.memoryGrowLimiter(0, 0);
    return this.#helper("virtual grow", () => {
      const body = writeVirtualGrow(this.#pagesGlobal ?? 0, limiter);
      return this.#add(this.#type([i32], [i32]), body, "wherry.growPages");
    });
  }

  /**
   * `(delta) -> old size`, as `memory.grow`: -1 if the cap or the memory's own maximum would be passed, and a trap if the
   * machine did not give what it might have given elsewhere.
   */
  certainMemoryGrow(memory: number, at: number): number {
    const is64 = this.isMemory64(memory, at);
    const limiter = this.memoryGrowLimiter(memory, at);
    return this.#helper(`certain memory.grow ${memory}`, () => {
      const address = is64 ? i64 : i32;
      const engineMax = is64 ? maxPages64 : maxPages32;
      const maxPages = Math.min(this.#model.memories[memory]?.maxPages ?? engineMax, engineMax);
      const refusal = [is64 ? op.i64Const : op.i32Const, 0x7f];
      const equal = is64 ? op.i64Eq : op.i32Eq;
      const size = new BinaryWriter().u8(op.memorySize).u32(memory);
      if (!is64) size.u8(op.i64ExtendI32U);
      const body = new BinaryWriter().raw(0, op.localGet, 0, op.call).u32(limiter).raw(op.localTee, 0);
      body.raw(...refusal, equal, op.localGet, 0);
      if (!is64) body.u8(op.i64ExtendI32U);
      body.append(size.view()).raw(op.i64Add, op.i64Const).s32(maxPages).raw(op.i64GtU, op.i32Or);
      body.raw(op.if, emptyBlock, ...refusal, op.return, op.end);
      body
        .raw(op.localGet, 0, op.memoryGrow)
        .u32(memory)
        .raw(op.localTee, 0, ...refusal, equal);
      body.raw(op.if, emptyBlock, op.call).u32(this.#memoryUnavailable()).raw(op.end, op.localGet, 0, op.end);
      return this.#add(this.#type([address], [address]), body, `wherry.grow${memory}`);
    });
  }

  #memoryUnavailable(): number {
    return this.#helper("memory unavailable", () =>
      this.#add(this.yieldType, new BinaryWriter().raw(0, op.unreachable, op.end), memoryUnavailableName),
    );
  }

  tableGrowLimiter(table: number, at: number): number {
    const is64 = this.isTable64(table, at);
    return this.#helper(`table.grow ${is64}`, () => {
      const sizes = this.#model.tableIs64.map((tableIs64, index) => ({
        is64: tableIs64,
        size: new BinaryWriter().raw(op.prefixMisc, misc.tableSize).u32(index).view(),
      }));
      return this.#addGrowLimiter(
        "table",
        is64,
        this.tableCapGlobal,
        sizes,
        this.lengthCharger(is64, "elements"),
      );
    });
  }

  #addGrowLimiter(
    what: string,
    is64: boolean,
    cap: number,
    sizes: readonly { readonly is64: boolean; readonly size: Uint8Array }[],
    charger: number | undefined,
  ): number {
    const address = is64 ? i64 : i32;
    const room = 1;
    // One local: room = cap - sizes, which may be negative after the host has lowered the cap.
    const body = new BinaryWriter().raw(1, 1, i64).u8(op.globalGet).u32(cap).u8(op.i64ExtendI32U);
    for (const { is64, size } of sizes) {
      body.append(size);
      if (!is64) body.u8(op.i64ExtendI32U);
      body.u8(op.i64Sub);
    }
    body.raw(op.localTee, room, op.i64Const, 0, op.localGet, room, op.i64Const, 0, op.i64GtS, op.select);
    body.raw(op.localSet, room, is64 ? op.i64Const : op.i32Const, 0x7f, op.localGet, 0);
    if (charger !== undefined) body.u8(op.call).u32(charger);
    body.raw(op.localGet, 0);
    if (!is64) body.u8(op.i64ExtendI32U);
    body.raw(op.localGet, room, op.i64GtU, op.select, op.end);
    return this.#add(this.#type([address], [address]), body, `wherry.${what}Room${is64 ? "64" : "32"}`);
  }

  /** `(destination, value, length) -> ()`. */
  memoryFill(memory: number, at: number): number {
    const is64 = this.isMemory64(memory, at);
    return this.#helper(`fill ${memory}`, () => {
      const address = is64 ? i64 : i32;
      const body = writeFill({ memory, is64 }, this.#bulkFuel(is64));
      return this.#add(this.#type([address, i32, address], []), body, `wherry.fill${memory}`);
    });
  }

  /** `(destination, source, length) -> ()`. */
  memoryCopy(destination: number, source: number, at: number): number {
    const to = { memory: destination, is64: this.isMemory64(destination, at) };
    const from = { memory: source, is64: this.isMemory64(source, at) };
    return this.#helper(`copy ${destination} ${source}`, () => {
      const length64 = to.is64 && from.is64;
      const body = writeCopy(to, from, this.#bulkFuel(length64));
      const params = [to.is64, from.is64, length64].map((is64) => (is64 ? i64 : i32));
      return this.#add(this.#type(params, []), body, `wherry.copy${source}to${destination}`);
    });
  }

  /** `(address, expected, timeout) -> outcome`. Every offset needs a function of its own. */
  atomicWait({ wide, memory, memarg }: AtomicWait, at: number): number | undefined {
    const is64 = this.isMemory64(memory, at);
    const key = `wait ${wide} ${memarg.join()}`;
    if (!this.#helpers.has(key) && this.#waits === atomicWaitsMax) return undefined;
    return this.#helper(key, () => {
      const wait = new BinaryWriter().raw(op.prefixThreads, wide ? 2 : 1).append(memarg);
      const type = this.#type([is64 ? i64 : i32, wide ? i64 : i32, i64], [i32]);
      return this.#add(type, writeAtomicWait(wait.view(), this.yieldWrapper), `wherry.wait${this.#waits++}`);
    });
  }

  #bulkFuel(is64: boolean): BulkFuel {
    const charger = this.lengthCharger(is64, "bytes");
    return {
      writePieceCharge: (body) => void this.writeCharge(body, pieceBytes * 2 ** fuelLog2.bytes),
      writeLengthCharge: (body) => void body.u8(op.call).u32(charger),
    };
  }
}

function unknown(what: string, index: number, at: number): Rejection {
  return new Rejection("ModuleInvalid", `offset 0x${at.toString(16)}: unknown ${what} ${index}`);
}

/** The start section becomes an export, which would make the function one that code may refer to. */
function undeclaredStart({ start, functionReferences }: ModuleModel): number | undefined {
  for (let i = 2; i < functionReferences.length; i += 3)
    if (functionReferences[i] === start) return undefined;
  return start;
}
