/** Test support: small WASI commands, assembled by hand. */
import { right } from "../wasi/abi.ts";
import { preview1Signatures } from "../wasi/signatures.ts";
import {
  buildModule,
  type Bytes,
  custom,
  exportItem,
  functionType,
  type FunctionParts,
  importItem,
  kind,
  lines,
  name,
  s32,
  sized,
  type,
  u32,
  vector,
} from "../wasm/wasm-builder.ts";

const i32Const = (value: number): Bytes => [0x41, ...s32(value)];
const call = (index: number): Bytes => [0x10, ...u32(index)];
const drop: Bytes = [0x1a];
const block = (opcode: number, ...code: readonly Bytes[]): Bytes => [opcode, 0x40, ...lines(...code), 0x0b];
/** For ever. */
const loop = (...code: readonly Bytes[]): Bytes => block(0x03, ...code, [0x0c, 0]);

/** Where the fixed data lies: one subscription, its event, one vector with its text. */
const at = { subscription: 0, events: 64, count: 96, vector: 104, done: 112, text: 128 };

interface GuestParts {
  readonly imports: readonly string[];
  readonly pages?: number;
  readonly sleepMs?: number;
  readonly text?: string;
  /** Of `_start`; functions are numbered after the imports, `_start` first. */
  readonly code: Bytes;
  readonly functions?: readonly (readonly [title: string, code: Bytes])[];
  readonly startSection?: boolean;
}

const valueTypes: Readonly<Record<string, number>> = { i32: type.i32, i64: type.i64 };

function signatureType(signature: string): Bytes {
  const [params = "", results = ""] = signature.split("->");
  const types = (text: string) => (text.match(/i(?:32|64)/g) ?? []).map((word) => valueTypes[word] ?? 0);
  return functionType(types(params), types(results));
}

function guest(parts: GuestParts): Uint8Array {
  const { imports } = parts;
  const names = ["_start", ...(parts.functions ?? []).map(([title]) => title)];
  const functions: FunctionParts[] = [{ type: 0, code: parts.code }];
  for (const [, code] of parts.functions ?? []) functions.push({ type: 0, code });
  const nameMap = vector(names.map((title, index) => [...u32(imports.length + index), ...name(title)]));
  return buildModule({
    types: [
      functionType([], []),
      ...imports.map((title) => signatureType(preview1Signatures[title] ?? "() -> ()")),
    ],
    imports: imports.map((title, index) =>
      importItem("wasi_snapshot_preview1", title, kind.function, u32(index + 1)),
    ),
    memories: [[0, ...u32(parts.pages ?? 1)]],
    exports: [exportItem("memory", kind.memory, 0), exportItem("_start", kind.function, imports.length)],
    ...(parts.startSection === true ? { start: imports.length + 1 } : {}),
    functions,
    data: [[0, ...i32Const(0), 0x0b, ...sized(fixedData(parts))]],
    customs: [custom("name", [1, ...sized(nameMap)])],
  });
}

function fixedData({ sleepMs = 0, text = "" }: GuestParts): Bytes {
  const data = Buffer.alloc(at.text + Buffer.byteLength(text));
  data.writeUInt32LE(1, at.subscription + 16);
  data.writeBigUInt64LE(BigInt(sleepMs) * 1_000_000n, at.subscription + 24);
  data.writeUInt32LE(at.text, at.vector);
  data.writeUInt32LE(Buffer.byteLength(text), at.vector + 4);
  data.write(text, at.text);
  return [...data];
}

/** With `poll_oneoff` and `fd_write`, `fd_read` imported at these indices. */
const sleepOnce = (poll: number): Bytes =>
  lines(i32Const(at.subscription), i32Const(at.events), i32Const(1), i32Const(at.count), call(poll), drop);
const transferTo = (index: number, fd: number, done: number): Bytes =>
  lines(i32Const(fd), i32Const(at.vector), i32Const(1), i32Const(done), call(index), drop);
const transfer = (index: number, fd: number): Bytes => transferTo(index, fd, at.done);
/** Opens the path that is its text, in the first mount, and leaves the descriptor where `transferOpened` looks for it. */
const openPath = (index: number, length: number): Bytes =>
  lines(
    ...[3, 0, at.text, length, 0].map(i32Const),
    [0x42, right.fdRead, 0x42, 0],
    ...[0, at.done].map(i32Const),
    call(index),
  );
const transferOpened = (index: number): Bytes =>
  lines(i32Const(at.done), [0x28, 2, 0], ...[at.vector, 1, at.count].map(i32Const), call(index), drop);
const exitWith = (index: number, code: number): Bytes => lines(i32Const(code), call(index));

export const guests = {
  /** Prints one line and returns. */
  hello: (text: string) => guest({ imports: ["fd_write"], text, code: transfer(0, 1) }),
  exits: (code: number) => guest({ imports: ["proc_exit"], code: exitWith(0, code) }),
  sleeps: (sleepMs: number) => guest({ imports: ["poll_oneoff"], sleepMs, code: loop(sleepOnce(0)) }),
  /** Sleeps once, then exits. */
  sleepsThenExits: (sleepMs: number, code: number) =>
    guest({ imports: ["poll_oneoff", "proc_exit"], sleepMs, code: lines(sleepOnce(0), exitWith(1, code)) }),
  /** Prints a line, sleeps, and so on. */
  ticks: (sleepMs: number, text: string) =>
    guest({
      imports: ["poll_oneoff", "fd_write"],
      sleepMs,
      text,
      code: loop(transfer(1, 1), sleepOnce(0)),
    }),
  spins: () => guest({ imports: [], code: loop() }),
  spinsInStartSection: () =>
    guest({ imports: [], code: [], functions: [["before", loop()]], startSection: true }),
  sleepsInStartSection: (sleepMs: number, code: number) =>
    guest({
      imports: ["poll_oneoff", "proc_exit"],
      sleepMs,
      code: exitWith(1, code),
      functions: [["before", sleepOnce(0)]],
      startSection: true,
    }),
  traps: () => guest({ imports: [], code: call(1), functions: [["innermost", [0x00]]] }),
  divides: () => guest({ imports: [], code: lines(i32Const(1), i32Const(0), [0x6d], drop) }),
  recurses: () => guest({ imports: [], code: call(1), functions: [["deeper", lines(call(1), call(1))]] }),
  /** Sleeps for ever below so many frames. */
  sleepsDeep: (depth: number, sleepMs: number) =>
    guest({
      imports: ["poll_oneoff"],
      sleepMs,
      code: lines(i32Const(at.done), i32Const(depth), [0x36, 2, 0], call(2)),
      functions: [
        [
          "deeper",
          lines(
            lines(i32Const(at.done), [0x28, 2, 0]),
            block(
              0x04,
              lines(i32Const(at.done), i32Const(at.done), [0x28, 2, 0], i32Const(1), [0x6b, 0x36, 2, 0]),
              call(2),
            ),
            loop(sleepOnce(0)),
          ),
        ],
      ],
    }),
  /** Catches all there is around a sleep, for ever. */
  catchesAll: (sleepMs: number) =>
    guest({
      imports: ["poll_oneoff"],
      sleepMs,
      code: loop([0x06, 0x40], sleepOnce(0), [0x19, 0x0b]),
    }),
  catchesAllSpinning: () => guest({ imports: [], code: loop([0x06, 0x40], loop(), [0x19, 0x0b]) }),
  /** Exits with 0 when its memory could grow by so many pages, else with 1. */
  grows: (pages: number) =>
    guest({
      imports: ["proc_exit"],
      code: lines(i32Const(pages), [0x40, 0], i32Const(-1), [0x46], call(0)),
    }),
  needsPages: (pages: number) => guest({ imports: [], pages, code: [] }),
  /** Reads standard input until its end, then exits. */
  readsInput: (code: number) =>
    guest({ imports: ["fd_read", "proc_exit"], text: " ", code: lines(transfer(0, 0), exitWith(1, code)) }),
  /** Writes every byte of its standard input to its standard output, then exits. */
  echoes: (code: number) =>
    guest({
      imports: ["fd_read", "fd_write", "proc_exit"],
      text: " ",
      code: loop(
        transfer(0, 0),
        i32Const(at.done),
        [0x28, 2, 0, 0x45],
        block(0x04, exitWith(2, code)),
        transfer(1, 1),
      ),
    }),
  /** Prints a text, then every byte of its standard input, one by one. */
  cgiEchoes: (text: string) =>
    guest({
      imports: ["fd_read", "fd_write"],
      text,
      code: lines(
        transfer(1, 1),
        lines(i32Const(at.vector + 4), i32Const(1), [0x36, 2, 0]),
        block(
          0x02,
          loop(
            transfer(0, 0),
            i32Const(at.done),
            // Out of the block.
            [0x28, 2, 0, 0x45, 0x0d, 1],
            transfer(1, 1),
          ),
        ),
      ),
    }),
  /** Prints a text, then exits. */
  printsThenExits: (text: string, code: number) =>
    guest({ imports: ["fd_write", "proc_exit"], text, code: lines(transfer(0, 1), exitWith(1, code)) }),
  /** Prints a text, then sleeps for ever. */
  printsThenSleeps: (text: string, sleepMs: number) =>
    guest({
      imports: ["poll_oneoff", "fd_write"],
      text,
      sleepMs,
      code: lines(transfer(1, 1), loop(sleepOnce(0))),
    }),
  /** Prints its text again and again, letting the others run in between. */
  printsForEver: (head: string) =>
    guest({ imports: ["fd_write", "sched_yield"], text: head, code: loop(transfer(0, 1), call(1), drop) }),
  /** Grows by so many pages, prints how it went as a status of its own, and waits for the end of its input. */
  growsThenReads: (pages: number) =>
    guest({
      imports: ["fd_read", "fd_write"],
      text: "Status: 200\n\nStatus: 507\n\n",
      code: lines(
        lines(i32Const(at.vector + 4), i32Const(13), [0x36, 2, 0]),
        lines(i32Const(pages), [0x40, 0], i32Const(-1), [0x46]),
        block(0x04, lines(i32Const(at.vector), i32Const(at.text + 13), [0x36, 2, 0])),
        transfer(1, 1),
        lines(i32Const(at.vector), i32Const(at.text + 64), [0x36, 2, 0]),
        lines(i32Const(at.vector + 4), i32Const(1), [0x36, 2, 0]),
        block(0x02, loop(transfer(0, 0), i32Const(at.done), [0x28, 2, 0, 0x45, 0x0d, 1])),
      ),
    }),
  /** Grows by so many pages, writes to the last of them, and prints. */
  growsAndPrints: (pages: number, text: string) =>
    guest({
      imports: ["fd_write"],
      text,
      code: lines(
        lines(i32Const(pages), [0x40, 0], drop),
        lines([0x3f, 0], i32Const(16), [0x74], i32Const(4), [0x6b], i32Const(7), [0x36, 2, 0]),
        transfer(0, 1),
      ),
    }),
  /** Says which bytes of its memory behind its own data are not zero, by writing there after it has looked: 200 for none, 500. */
  looksForTraces: (offset: number) =>
    guest({
      imports: ["fd_write"],
      pages: 2,
      text: "Status: 200\n\nStatus: 500\n\n",
      code: lines(
        lines(i32Const(at.vector + 4), i32Const(13), [0x36, 2, 0]),
        lines(i32Const(offset), [0x28, 2, 0]),
        block(0x04, lines(i32Const(at.vector), i32Const(at.text + 13), [0x36, 2, 0])),
        lines(i32Const(offset), i32Const(7), [0x36, 2, 0]),
        transfer(0, 1),
      ),
    }),
  /** Opens a file in its first mount, or exits with 9; reads and prints as many bytes as its path has; exits with 0. */
  printsFile: (path: string) =>
    guest({
      imports: ["path_open", "fd_read", "fd_write", "proc_exit"],
      text: path,
      code: lines(
        openPath(0, path.length),
        block(0x04, exitWith(3, 9)),
        transferOpened(1),
        transferTo(2, 1, at.count),
        exitWith(3, 0),
      ),
    }),
  /** The same, for ever. */
  printsFileAgain: (path: string, sleepMs: number) =>
    guest({
      imports: ["path_open", "fd_read", "fd_write", "poll_oneoff"],
      text: path,
      sleepMs,
      code: loop(openPath(0, path.length), drop, transferOpened(1), transferTo(2, 1, at.count), sleepOnce(3)),
    }),
  /** Calls the host without a pause. */
  callsHost: () => guest({ imports: ["fd_write"], text: ".", code: loop(transfer(0, 1)) }),
  yields: () => guest({ imports: ["sched_yield"], code: loop(call(0), drop) }),
};
