import { expect, test } from "vitest";
import { fileType } from "../wasi/abi.ts";
import type { OutputSink } from "../wasi/host.ts";
import { DeterministicRun } from "./deterministic-run.ts";
import { deterministicLimits } from "./limits.ts";

const run = (seed = "") => new DeterministicRun({ seed, startTimeMs: 1_000 });

function randomOf(seed: string, ...lengths: readonly number[]): string {
  const { random } = run(seed);
  return lengths
    .map((length) => {
      const bytes = new Uint8Array(length);
      random(bytes);
      return Buffer.from(bytes).toString("hex");
    })
    .join("");
}

test("DeterministicRun: random bytes are AES-256-CTR's under the SHA-256 of the seed, in order", () => {
  // As openssl has it: head -c 32 /dev/zero | openssl enc -aes-256-ctr -K "$(printf '' | sha256sum | cut -d' ' -f1)" -iv 0
  expect(randomOf("", 32)).toBe("a3c5053a7ae49d74a0c305c1a55950d4d51ed6081edb98739080fbe09ec476fb");
  expect(randomOf("", 5, 27)).toBe(randomOf("", 32));
  expect(randomOf("other", 32)).not.toBe(randomOf("", 32));
});

test("DeterministicRun: time goes on to the earliest deadline that is waited for, and no further", async () => {
  const host = run();
  expect(host.clock.realtimeNs()).toBe(1_000_000_000n);
  const fired: string[] = [];
  const first = Promise.withResolvers<void>();
  const cancelLate = host.setTimer(5_000, () => fired.push("late"));
  host.setTimer(1_500.2, () => {
    fired.push("early");
    cancelLate();
    first.resolve();
  });
  expect(host.clock.monotonicNs()).toBe(0n);
  await first.promise;
  expect(fired).toEqual(["early"]);
  expect(host.clock.monotonicNs()).toBe(1_501_000_000n);
  expect(host.clock.realtimeNs()).toBe(2_501_000_000n);
});

test("DeterministicRun: a wait that ended otherwise moves no clock", async () => {
  const host = run();
  host.setTimer(10, () => expect.fail("fired"))();
  await Promise.resolve();
  expect(host.clock.monotonicNs()).toBe(0n);
});

/** Takes so many bytes at a time, and has room again when told. */
class SlowSink implements OutputSink {
  readonly taken: number[] = [];
  room = 3;
  #wake: () => void = () => {};

  write(bytes: Uint8Array): number {
    const accepted = bytes.subarray(0, this.room);
    this.room -= accepted.byteLength;
    this.taken.push(...accepted);
    return accepted.byteLength;
  }

  onWritable(wake: () => void): () => void {
    this.#wake = wake;
    return () => {};
  }

  makeRoom(bytes: number): void {
    this.room = bytes;
    this.#wake();
  }
}

test("DeterministicRun: output is taken whole however full its sink is, and settled before the guest goes on", async () => {
  const host = run();
  const sink = new SlowSink();
  const output = host.output(sink);
  expect(output.write(Uint8Array.of(1, 2, 3))).toBe(3);
  expect(host.settle()).toBeUndefined();
  expect(output.write(Uint8Array.of(4, 5))).toBe(2);
  expect(output.write(Uint8Array.of(6))).toBe(1);
  const settled = host.settle();
  sink.makeRoom(1);
  await Promise.resolve();
  sink.makeRoom(10);
  await settled;
  expect(sink.taken).toEqual([1, 2, 3, 4, 5, 6]);
  const { outputBytesMax } = deterministicLimits;
  expect(output.write(new Uint8Array(outputBytesMax + 1))).toBe(outputBytesMax);
  expect(output.write(Uint8Array.of(7))).toBe(0);
});

test("DeterministicRun: files are numbered as they are seen, and have no times of their own", () => {
  const host = run();
  const file = { dev: 9n, ino: 70n, nlink: 3n, size: 5n, atimeNs: 1n, mtimeNs: 2n, ctimeNs: 3n };
  const regular = { ...file, type: fileType.regularFile };
  const shown = {
    dev: 0n,
    nlink: 1n,
    atimeNs: 1_000_000_000n,
    mtimeNs: 1_000_000_000n,
    ctimeNs: 1_000_000_000n,
  };
  expect(host.stat(regular)).toEqual({ ...shown, ino: 1n, size: 5n, type: fileType.regularFile });
  expect(host.stat({ ...regular, ino: 4n }).ino).toBe(2n);
  expect(host.stat({ ...regular, dev: 8n }).ino).toBe(3n);
  expect(host.stat(regular).ino).toBe(1n);
  expect(host.stat({ ...file, type: fileType.directory, size: 4096n }).size).toBe(0n);
});
