import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { right, size } from "./abi.ts";
import { openMount } from "./file-system/directory-capability.ts";
import { localFiles } from "./file-system/local-files.ts";
import type { FileOperations } from "./file-system/operations.ts";
import type { WasmMemory } from "./guest-memory.ts";
import type { InputSource, OutputSink } from "./host.ts";
import { noNetwork } from "./sockets/network.ts";
import { ListingCache, DirectoryCapability, Preview1, preview1Functions, type WasiHost } from "./preview1.ts";

interface WasmEngine {
  readonly Memory: new (descriptor: { readonly initial: number }) => WasmMemory & {
    grow(pages: number): number;
  };
}

/** The compiler's library has no types for it. */
const engine = (globalThis as unknown as { readonly WebAssembly: WasmEngine }).WebAssembly;

/** A stream that a test fills or drains by hand. */
export class FakeStream implements InputSource, OutputSink {
  /** What `read` takes from. */
  chunks: Uint8Array[] = [];
  ended = false;
  /** How much `write` still accepts. */
  room = Number.POSITIVE_INFINITY;
  written: Buffer = Buffer.alloc(0);
  readonly #waiting = new Set<() => void>();

  read(maxBytes: number): Uint8Array | "end" | "wait" {
    const chunk = this.chunks.shift();
    if (chunk === undefined) return this.ended ? "end" : "wait";
    if (chunk.byteLength > maxBytes) this.chunks.unshift(chunk.subarray(maxBytes));
    return chunk.subarray(0, maxBytes);
  }

  write(bytes: Uint8Array): number {
    const accepted = Math.min(bytes.byteLength, this.room);
    this.room -= accepted;
    this.written = Buffer.concat([this.written, bytes.subarray(0, accepted)]);
    return accepted;
  }

  onReadable(wake: () => void): () => void {
    return this.#watch(this.ended || this.chunks.length > 0, wake);
  }

  onWritable(wake: () => void): () => void {
    return this.#watch(this.room > 0, wake);
  }

  #watch(now: boolean, wake: () => void): () => void {
    if (now) wake();
    else this.#waiting.add(wake);
    return () => this.#waiting.delete(wake);
  }

  feed(text: string): void {
    this.chunks.push(Buffer.from(text));
    this.wakeAll();
  }

  wakeAll(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  get watchers(): number {
    return this.#waiting.size;
  }
}

interface FakeTimer {
  readonly delayMs: number;
  readonly fire: () => void;
}

/** A host whose time stands still until a test moves it, and whose instance dies when a test says so. */
export class FakeHost implements WasiHost {
  args: readonly string[] = ["guest"];
  env: readonly (readonly [string, string])[] = [];
  preopens: WasiHost["preopens"] = [];
  readonly stdin = new FakeStream();
  readonly stdout = new FakeStream();
  readonly stderr = new FakeStream();
  network: WasiHost["network"] = noNetwork;
  listings = new ListingCache();
  limits = { openFilesMax: 64, hostDescriptorsMax: 100_000 };
  realtimeNs = 1_700_000_000_123_456_789n;
  monotonicNs = 5_000_000_000n;
  cpuNs?: () => bigint;
  readonly exits: number[] = [];
  readonly bugs: unknown[] = [];
  readonly timers = new Set<FakeTimer>();
  yields = 0;
  waits = 0;
  kill = () => {};

  get clock(): WasiHost["clock"] {
    return {
      realtimeNs: () => this.realtimeNs,
      monotonicNs: () => this.monotonicNs,
      resolutionNs: 1000n,
    };
  }

  random = (target: Uint8Array): void => {
    target.fill(0x5a);
  };

  exit(code: number): void {
    this.exits.push(code);
  }

  async wait<T>(begin: (wake: (value: T) => void) => () => void, whenKilled: T): Promise<T> {
    this.waits++;
    const { promise, resolve } = Promise.withResolvers<T>();
    const cancel = begin(resolve);
    this.kill = () => resolve(whenKilled);
    try {
      return await promise;
    } finally {
      cancel();
    }
  }

  setTimer(delayMs: number, fire: () => void): () => void {
    const timer = { delayMs, fire };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Moves both clocks and fires every timer that is due by then. */
  advance(ms: number): void {
    this.realtimeNs += BigInt(ms) * 1_000_000n;
    this.monotonicNs += BigInt(ms) * 1_000_000n;
    this.#fire((timer) => timer.delayMs <= ms);
  }

  /** As real timers may, too early. */
  fireAll(): void {
    this.#fire(() => true);
  }

  #fire(due: (timer: FakeTimer) => boolean): void {
    for (const timer of [...this.timers].filter(due)) {
      this.timers.delete(timer);
      timer.fire();
    }
  }

  async yield(): Promise<void> {
    this.yields++;
  }

  onBug(error: unknown): void {
    this.bugs.push(error);
  }
}

export type Call = (...args: (number | bigint | string | Uint8Array)[]) => number;

/**
 * Calls the functions as a guest would: strings and bytes are put into its memory and passed as pointer and length. Results
 * are read back from `out`.
 */
export class Guest implements Disposable {
  readonly host: FakeHost;
  /** Those of another version, when a test says so. */
  functions: typeof preview1Functions = preview1Functions;
  readonly preview1: Preview1;
  readonly memory = new engine.Memory({ initial: 4 });
  /** Where results go: up to 4 KiB. */
  readonly out = 1024;
  /** A page for buffers. */
  readonly buffer = 65_536;
  #next = 8192;

  constructor(host: FakeHost) {
    this.host = host;
    this.preview1 = new Preview1(host);
    this.preview1.bindMemory(this.memory);
  }

  get view(): DataView {
    return new DataView(this.memory.buffer);
  }

  bytes(pointer: number, length: number): Buffer {
    return Buffer.from(this.memory.buffer as ArrayBuffer, pointer, length);
  }

  /** Puts bytes somewhere, reusing the space after a while. */
  put(content: string | Uint8Array): readonly [pointer: number, length: number] {
    const bytes = Buffer.from(content);
    if (this.#next + bytes.byteLength > this.buffer) this.#next = 8192;
    const pointer = this.#next;
    this.bytes(pointer, bytes.byteLength).set(bytes);
    this.#next += bytes.byteLength;
    return [pointer, bytes.byteLength];
  }

  /** What the function answered, a promise included. */
  invoke(name: string, ...args: readonly (number | bigint | string | Uint8Array)[]): unknown {
    const wasiFunction = this.functions.get(name);
    if (!wasiFunction) throw new TypeError(`there is no ${name}`);
    const flat = args.flatMap((arg) =>
      typeof arg === "number" || typeof arg === "bigint" ? [arg] : this.put(arg),
    );
    return this.preview1.call(wasiFunction, ...flat);
  }

  /** For calls that must not wait. */
  call(name: string, ...args: readonly (number | bigint | string | Uint8Array)[]): number {
    const answer = this.invoke(name, ...args);
    if (typeof answer !== "number") throw new TypeError(`${name} answered ${String(answer)}, not at once`);
    return answer;
  }

  /** An array of iovecs for ranges that were put somewhere; returns its pointer. */
  vectors(...ranges: readonly (readonly [pointer: number, length: number])[]): number {
    const [pointer] = this.put(new Uint8Array(ranges.length * size.iovec));
    for (const [index, [start, length]] of ranges.entries()) {
      this.view.setUint32(pointer + index * size.iovec, start, true);
      this.view.setUint32(pointer + index * size.iovec + 4, length, true);
    }
    return pointer;
  }

  u32(pointer = this.out): number {
    return this.view.getUint32(pointer, true);
  }

  u64(pointer = this.out): bigint {
    return this.view.getBigUint64(pointer, true);
  }

  /** `path_open` with all rights by default, following; the new descriptor, or the errno as a negative number. */
  open(path: string | Uint8Array, options: OpenOptions = {}): number {
    const {
      fd = 3,
      lookup = 1,
      flags = 0,
      rights = allRights,
      inheriting = allRights,
      fdFlags = 0,
    } = options;
    const refused = this.call("path_open", fd, lookup, path, flags, rights, inheriting, fdFlags, this.out);
    return refused === 0 ? this.u32() : -refused;
  }

  write(fd: number, content: string): number {
    return this.call("fd_write", fd, this.vectors(this.put(content)), 1, this.out);
  }

  /** Reads up to `length` bytes; the text, or the errno. */
  read(fd: number, length = 100): string | number {
    const refused = this.call("fd_read", fd, this.vectors([this.buffer, length]), 1, this.out);
    return refused === 0 ? this.bytes(this.buffer, this.u32()).toString() : refused;
  }

  /** The whole listing: names, types and cookies. */
  list(fd: number, cookie = 0n, length = 4096): readonly DirectoryEntry[] {
    const refused = this.call("fd_readdir", fd, this.buffer, length, cookie, this.out);
    if (refused !== 0) throw new Error(`fd_readdir answered ${refused}`);
    return this.entries();
  }

  /** What `fd_readdir` has put into the buffer, without a last entry that is cut off. */
  entries(): readonly DirectoryEntry[] {
    const entries: DirectoryEntry[] = [];
    const end = this.buffer + this.u32();
    for (let at = this.buffer; at + size.dirent <= end;) {
      const nameLength = this.u32(at + 16);
      if (at + size.dirent + nameLength > end) break;
      const name = this.bytes(at + size.dirent, nameLength).toString();
      entries.push({
        next: this.u64(at),
        inode: this.u64(at + 8),
        type: this.view.getUint8(at + 20),
        name,
      });
      at += size.dirent + nameLength;
    }
    return entries;
  }

  [Symbol.dispose](): void {
    this.preview1.close();
  }
}

export interface DirectoryEntry {
  readonly next: bigint;
  readonly inode: bigint;
  readonly type: number;
  readonly name: string;
}

export interface OpenOptions {
  readonly fd?: number;
  readonly lookup?: number;
  readonly flags?: number;
  readonly rights?: bigint;
  readonly inheriting?: bigint;
  readonly fdFlags?: number;
}

export const allRights = (1n << 30n) - 1n;
/** All but writing: what a directory or a read-only file can be opened with. */
export const readRights = allRights & ~BigInt(right.fdWrite);

/** A folder on the host, mounted as `/` into a guest, and a sibling folder that the guest must never reach. */
export class Sandbox implements Disposable {
  readonly host = new FakeHost();
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "wherry-wasi-")));
  readonly mount = join(this.root, "mount");
  readonly outside = join(this.root, "outside");
  readonly #capabilities: DirectoryCapability[] = [];

  capability(path: string, files: FileOperations = localFiles): DirectoryCapability {
    const capability = new DirectoryCapability(openMount(path).fd, files);
    this.#capabilities.push(capability);
    return capability;
  }

  [Symbol.dispose](): void {
    for (const capability of this.#capabilities) capability.release();
    rmSync(this.root, { recursive: true, force: true });
  }
}
