/**
 * What a deterministic run sees of the world: nothing that is not the same in every run.
 *
 * - *Time* stands still. When the guest waits for a deadline and for nothing that is there already, the clock goes on to that
 *   deadline, and the wait is over at once. Its clocks of CPU time stay at zero.
 * - *Random bytes* are the key stream of AES-256 in counter mode, from a counter of zero, with the SHA-256 of the seed (in
 *   UTF-8) as its key. They are taken in order, none is left out.
 * - *Output* is accepted whole, up to a bound that depends on nothing else, and is always writable. The call returns once it is
 *   where it was to go.
 * - *Files* have numbers in the order in which the guest came across them, and the times at which the run began.
 */
import { createCipheriv, createHash } from "node:crypto";
import type { Determinism } from "../runtimes/runtime-driver.ts";
import type { FileStat } from "../wasi/file-system/operations.ts";
import { fileType } from "../wasi/abi.ts";
import type { FileView, OutputSink, WasiClock } from "../wasi/host.ts";
import { deterministicLimits } from "./limits.ts";

interface Deadline {
  readonly atMs: number;
  readonly fire: () => void;
}

export class DeterministicRun implements FileView {
  readonly clock: WasiClock;
  readonly random: (target: Uint8Array) => void;
  readonly #startNs: bigint;
  readonly #numbers = new Map<string, bigint>();
  readonly #outputs: WholeOutput[] = [];
  /** Those that the guest waits for: at most one for each clock. */
  readonly #deadlines = new Set<Deadline>();
  #elapsedMs = 0;

  constructor({ seed, startTimeMs }: Determinism) {
    this.#startNs = BigInt(startTimeMs) * 1_000_000n;
    this.clock = {
      realtimeNs: () => this.#startNs + this.#elapsedNs,
      monotonicNs: () => this.#elapsedNs,
      resolutionNs: 1_000_000n,
    };
    const key = createHash("sha256").update(seed, "utf8").digest();
    const stream = createCipheriv("aes-256-ctr", key, new Uint8Array(16));
    this.random = (target) => target.set(stream.update(new Uint8Array(target.byteLength)));
  }

  get #elapsedNs(): bigint {
    return BigInt(this.#elapsedMs) * 1_000_000n;
  }

  /** In whole milliseconds. */
  setTimer(delayMs: number, fire: () => void): () => void {
    const deadline: Deadline = { atMs: this.#elapsedMs + Math.ceil(delayMs), fire };
    // Once the guest waits, and only if nothing else has ended its wait.
    if (this.#deadlines.size === 0) queueMicrotask(() => this.#fireFirst());
    this.#deadlines.add(deadline);
    return () => void this.#deadlines.delete(deadline);
  }

  #fireFirst(): void {
    let first: Deadline | undefined;
    for (const deadline of this.#deadlines) if (!first || deadline.atMs < first.atMs) first = deadline;
    if (!first) return;
    this.#deadlines.delete(first);
    this.#elapsedMs = Math.max(this.#elapsedMs, first.atMs);
    first.fire();
    if (this.#deadlines.size > 0) queueMicrotask(() => this.#fireFirst());
  }

  output(sink: OutputSink): OutputSink {
    const output = new WholeOutput(sink);
    this.#outputs.push(output);
    return output;
  }

  /** After each call of the guest: before it goes on, everything that it has written is accepted. */
  settle(): Promise<void> | undefined {
    const pending = this.#outputs.map((output) => output.settle()).filter((wait) => wait !== undefined);
    return pending.length === 0 ? undefined : Promise.all(pending).then(() => undefined);
  }

  stat(stat: FileStat): FileStat {
    const { dev, ino, type, size } = stat;
    const ns = this.#startNs;
    return {
      dev: 0n,
      ino: this.#numberOf(`${dev} ${ino}`),
      type,
      nlink: 1n,
      size: type === fileType.directory ? 0n : size,
      atimeNs: ns,
      mtimeNs: ns,
      ctimeNs: ns,
    };
  }

  /**
   * A listing tells no numbers of devices, so its numbers could not be those of `stat`. But 0 would make wasi-libc ask for
   * the attributes of each entry, `..` included.
   */
  inode(): bigint {
    return 1n;
  }

  #numberOf(file: string): bigint {
    let number = this.#numbers.get(file);
    if (number === undefined) {
      if (this.#numbers.size >= deterministicLimits.filesMax) return 0n;
      number = BigInt(this.#numbers.size + 1);
      this.#numbers.set(file, number);
    }
    return number;
  }
}

class WholeOutput implements OutputSink {
  readonly #sink: OutputSink;
  #pending: Uint8Array[] = [];
  #acceptedBytes = 0;

  constructor(sink: OutputSink) {
    this.#sink = sink;
  }

  write(bytes: Uint8Array): number | ReturnType<OutputSink["write"]> {
    const accepted = bytes.subarray(0, deterministicLimits.outputBytesMax - this.#acceptedBytes);
    this.#acceptedBytes += accepted.byteLength;
    const written = this.#pending.length > 0 ? 0 : this.#sink.write(accepted);
    if (typeof written !== "number") return written;
    if (written < accepted.byteLength) this.#pending.push(accepted.slice(written));
    return accepted.byteLength;
  }

  onWritable(wake: () => void): () => void {
    wake();
    return () => {};
  }

  settle(): Promise<void> | undefined {
    this.#acceptedBytes = 0;
    return this.#pending.length === 0 ? undefined : this.#drain();
  }

  async #drain(): Promise<void> {
    for (let next = this.#pending[0]; next !== undefined; next = this.#pending[0]) {
      const written = this.#sink.write(next);
      if (typeof written !== "number" || written === next.byteLength) this.#pending.shift();
      else {
        this.#pending[0] = next.subarray(written);
        await new Promise<void>((resolve) => void this.#sink.onWritable(resolve));
      }
    }
  }
}
