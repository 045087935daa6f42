import { describe, expect, it } from "vitest";

import { errno } from "../abi.ts";
import { FakeComponentHost } from "../component-test-support.ts";
import { GuestTrap, ResourceCount } from "../component-resources.ts";
import { GuestEnded, type InputSource, type OutputSink } from "../host.ts";
import { limits } from "../limits.ts";
import { FakeStream } from "../test-support.ts";
import { always, InputStream, ioInterfaces, IoError, OutputStream, Pollable } from "./io.ts";
import { poll } from "./pollable.ts";

const text = (answer: unknown): string =>
  Buffer.from((answer as { readonly val: Uint8Array }).val).toString();
const bytes = (content: string): Uint8Array => Buffer.from(content);
const closed = { tag: "err", val: { tag: "closed" } };
const broken: InputSource & OutputSink = {
  read: () => ({ errno: errno.io }),
  write: () => ({ errno: errno.io }),
  onReadable(wake) {
    wake();
    return () => {};
  },
  onWritable(wake) {
    wake();
    return () => {};
  },
};

function setUp() {
  const host = new FakeComponentHost();
  const stream = new FakeStream();
  return { host, stream, input: new InputStream(host, stream), output: new OutputStream(host, stream) };
}

describe("InputStream", () => {
  it("reads what is there, no more than asked for", () => {
    const { input, stream } = setUp();
    stream.feed("hello");
    expect(text(input.read(3n))).toBe("hel");
    expect(text(input.read(2n ** 64n - 1n))).toBe("lo");
  });

  it("answers nothing while there is nothing, and closed at the end", () => {
    const { input, stream } = setUp();
    expect(text(input.read(3n))).toBe("");
    stream.ended = true;
    expect(input.read(3n)).toEqual(closed);
    expect(input.read(0n)).toEqual(closed);
  });

  it("reads zero bytes of an open stream without touching the source", () => {
    const { host } = setUp();
    expect(new InputStream(host, broken).read(0n)).toMatchObject({ tag: "ok" });
  });

  it("tells a failure once, then is closed", () => {
    const { host } = setUp();
    const input = new InputStream(host, broken);
    const answer = input.read(1n);
    const error = answer.tag === "err" && answer.val.tag === "last-operation-failed" && answer.val.val;
    expect(error).toBeInstanceOf(IoError);
    expect((error as IoError).toDebugString()).toBe("the stream failed: io");
    expect(input.read(1n)).toEqual(closed);
  });

  it("blocking-read answers at once when it can", () => {
    const { host, input, stream } = setUp();
    stream.feed("x");
    expect(text(input.blockingRead(1n))).toBe("x");
    expect(text(input.blockingRead(0n))).toBe("");
    expect(host.waits).toBe(0);
  });

  it("blocking-read suspends until there is something", async () => {
    const { host, input, stream } = setUp();
    const answer = input.blockingRead(10n);
    stream.wakeAll();
    await Promise.resolve();
    stream.feed("late");
    expect(text(await answer)).toBe("late");
    expect(host.waiting).toBe(0);
    expect(stream.watchers).toBe(0);
  });

  it("blocking-read ends with its guest", async () => {
    const { host, input, stream } = setUp();
    const answer = input.blockingRead(10n);
    host.kill();
    await expect(answer).rejects.toBeInstanceOf(GuestEnded);
    expect(stream.watchers).toBe(0);
  });

  it("skip counts what it threw away", async () => {
    const { input, stream } = setUp();
    stream.feed("hello");
    expect(input.skip(2n)).toEqual({ tag: "ok", val: 2n });
    expect(input.blockingSkip(10n)).toEqual({ tag: "ok", val: 3n });
    const later = input.blockingSkip(10n);
    stream.feed("ab");
    expect(await later).toEqual({ tag: "ok", val: 2n });
    stream.ended = true;
    expect(input.skip(1n)).toEqual(closed);
  });

  it("bounds what one read makes the host copy", () => {
    const { host } = setUp();
    let asked = 0;
    const input = new InputStream(host, {
      ...broken,
      read(maxBytes) {
        asked = maxBytes;
        return "wait";
      },
    });
    input.read(2n ** 64n - 1n);
    expect(asked).toBe(limits.streamReadBytesMax);
  });

  it("leaves its source alone once it was dropped", () => {
    const { host } = setUp();
    let released = 0;
    const touched = () => {
      throw new Error("touched");
    };
    const input = new InputStream(host, { read: touched, onReadable: touched }, () => released++);
    const pollable = input.subscribe();
    input[Symbol.dispose]();
    input[Symbol.dispose]();
    expect(released).toBe(1);
    expect(input.read(1n)).toEqual(closed);
    expect(pollable.ready()).toBe(true);
  });
});

describe("OutputStream", () => {
  it("writes what check-write allowed", () => {
    const { output, stream } = setUp();
    expect(output.checkWrite()).toEqual({ tag: "ok", val: BigInt(limits.streamWriteBytesMax) });
    expect(output.write(bytes("hello"))).toEqual({ tag: "ok", val: undefined });
    expect(stream.written.toString()).toBe("hello");
  });

  it("traps a write that was not allowed", () => {
    const { output } = setUp();
    expect(() => output.write(bytes("x"))).toThrow(GuestTrap);
    output.checkWrite();
    expect(() => output.write(new Uint8Array(limits.streamWriteBytesMax + 1))).toThrow(GuestTrap);
    expect(() => output.writeZeroes(2n ** 63n)).toThrow(GuestTrap);
  });

  it("uses the permit up", () => {
    const { output } = setUp();
    output.checkWrite();
    output.write(new Uint8Array(limits.streamWriteBytesMax));
    expect(() => output.write(bytes("x"))).toThrow(GuestTrap);
  });

  it("allows nothing while the sink is full or bytes are pending", () => {
    const { output, stream } = setUp();
    stream.room = 0;
    expect(output.checkWrite()).toEqual({ tag: "ok", val: 0n });
    stream.room = 2;
    output.checkWrite();
    output.write(bytes("hello"));
    expect(output.checkWrite()).toEqual({ tag: "ok", val: 0n });
    expect(stream.written.toString()).toBe("he");
  });

  it("keeps a copy of what the sink did not take, and writes it on by itself", () => {
    const { output, stream } = setUp();
    stream.room = 2;
    output.checkWrite();
    const contents = bytes("hello");
    output.write(contents);
    contents.fill(0);
    stream.room = 1;
    stream.wakeAll();
    expect(stream.written.toString()).toBe("hel");
    stream.room = 100;
    stream.wakeAll();
    expect(stream.written.toString()).toBe("hello");
    expect(output.subscribe().ready()).toBe(true);
  });

  it("flush waits for what is pending", async () => {
    const { output, stream } = setUp();
    expect(output.flush()).toMatchObject({ tag: "ok" });
    expect(output.blockingFlush()).toMatchObject({ tag: "ok" });
    stream.room = 1;
    output.checkWrite();
    output.write(bytes("hello"));
    const flushed = output.blockingFlush();
    stream.room = 100;
    stream.wakeAll();
    expect(await flushed).toEqual({ tag: "ok", val: undefined });
    expect(stream.written.toString()).toBe("hello");
  });

  it("blocking-write-and-flush waits for room, and traps beyond 4096 bytes", async () => {
    const { output, stream } = setUp();
    stream.room = 0;
    const written = output.blockingWriteAndFlush(bytes("hello"));
    stream.room = 3;
    stream.wakeAll();
    await Promise.resolve();
    stream.room = 100;
    stream.wakeAll();
    expect(await written).toEqual({ tag: "ok", val: undefined });
    expect(stream.written.toString()).toBe("hello");
    expect(() => output.blockingWriteAndFlush(new Uint8Array(4097))).toThrow(GuestTrap);
    expect(() => output.blockingWriteZeroesAndFlush(4097n)).toThrow(GuestTrap);
  });

  it("keeps the order of writes that wait, and the bound of what is pending", async () => {
    const { output, stream } = setUp();
    stream.room = 0;
    const writes = ["a", "b", "c"].map((letter) => output.blockingWriteAndFlush(bytes(letter.repeat(4))));
    for (let turn = 0; turn < 20; turn++) {
      stream.room = 1;
      stream.wakeAll();
      for (let i = 0; i < 10; i++) await Promise.resolve();
    }
    for (const write of writes) await write;
    expect(stream.written.toString()).toBe("aaaabbbbcccc");
  });

  it("ends a wait with its guest, and writes no more", async () => {
    const { host, output, stream } = setUp();
    stream.room = 0;
    const written = output.blockingWriteAndFlush(bytes("hello"));
    host.kill();
    await expect(written).rejects.toBeInstanceOf(GuestEnded);
    stream.room = 100;
    stream.wakeAll();
    expect(stream.written.toString()).toBe("");
    expect(host.unfinished).toBe(0);
  });

  it("holds up a guest that returns until what is pending was written, dropped or not", async () => {
    const { host, output, stream } = setUp();
    stream.room = 2;
    output.checkWrite();
    output.write(bytes("hello"));
    output[Symbol.dispose]();
    let finished = false;
    const finish = host.finish().then(() => (finished = true));
    stream.room = 1;
    stream.wakeAll();
    for (let i = 0; i < 10; i++) await Promise.resolve();
    expect(finished).toBe(false);
    stream.room = 100;
    stream.wakeAll();
    await finish;
    expect(stream.written.toString()).toBe("hello");
    expect(host.unfinished).toBe(0);
  });

  it("tells a failure once, then is closed", () => {
    const { host } = setUp();
    const output = new OutputStream(host, broken);
    output.checkWrite();
    expect(output.write(bytes("x"))).toMatchObject({ tag: "err", val: { tag: "last-operation-failed" } });
    for (const answer of [output.checkWrite(), output.flush(), output.blockingFlush()]) {
      expect(answer).toEqual(closed);
    }
    expect(output.blockingWriteAndFlush(bytes("x"))).toEqual(closed);
    expect(output.subscribe().ready()).toBe(true);
  });

  it("writes zeroes", () => {
    const { output, stream } = setUp();
    output.checkWrite();
    output.writeZeroes(3n);
    void output.blockingWriteZeroesAndFlush(2n);
    expect(stream.written).toEqual(Buffer.alloc(5));
  });

  it("splices what is there and fits", () => {
    const { host, output, stream } = setUp();
    const from = new FakeStream();
    const input = new InputStream(host, from);
    expect(output.splice(input, 10n)).toEqual({ tag: "ok", val: 0n });
    from.feed("hello");
    expect(output.splice(input, 3n)).toEqual({ tag: "ok", val: 3n });
    stream.room = 0;
    expect(output.splice(input, 3n)).toEqual({ tag: "ok", val: 0n });
    stream.room = 100;
    expect(output.blockingSplice(input, 100n)).toEqual({ tag: "ok", val: 2n });
    expect(stream.written.toString()).toBe("hello");
    from.ended = true;
    expect(output.splice(input, 1n)).toEqual(closed);
  });

  it("blocking-splice waits for both ends", async () => {
    const { host, output, stream } = setUp();
    const from = new FakeStream();
    const input = new InputStream(host, from);
    stream.room = 0;
    const spliced = output.blockingSplice(input, 10n);
    stream.room = 100;
    stream.wakeAll();
    for (let i = 0; i < 10; i++) await Promise.resolve();
    from.feed("late");
    expect(await spliced).toEqual({ tag: "ok", val: 4n });
    expect(stream.written.toString()).toBe("late");
  });

  it("is released when it was dropped and nothing is pending", () => {
    const { host, stream } = setUp();
    let released = 0;
    const output = new OutputStream(host, stream, () => released++);
    stream.room = 0;
    void output.blockingWriteAndFlush(bytes("hello"));
    output[Symbol.dispose]();
    expect(released).toBe(0);
    stream.room = 100;
    stream.wakeAll();
    expect(released).toBe(1);
    expect(stream.written.toString()).toBe("hello");
  });
});

describe("poll", () => {
  it("answers those that are ready at once", () => {
    const { host, input, output } = setUp();
    const pollables = [input.subscribe(), output.subscribe(), new Pollable(host, always)];
    expect(poll(host, pollables)).toEqual([1, 2]);
    expect(host.waits).toBe(0);
  });

  it("waits once for many: one timer for all deadlines", async () => {
    const { host, input, stream } = setUp();
    const deadline = (ms: number) =>
      new Pollable(host, { kind: "deadline", atNs: host.monotonicNs + BigInt(ms) * 1_000_000n });
    const answer = poll(host, [deadline(50), input.subscribe(), deadline(20), deadline(20)]);
    expect(host.timers.size).toBe(1);
    host.advance(21);
    expect(await answer).toEqual([2, 3]);
    expect(host.waits).toBe(1);
    expect(host.timers.size).toBe(0);
    expect(stream.watchers).toBe(0);
  });

  it("waits on when what woke it is gone", async () => {
    const { host, input, stream } = setUp();
    const answer = poll(host, [input.subscribe()]);
    stream.wakeAll();
    for (let i = 0; i < 10; i++) await Promise.resolve();
    expect(host.waiting).toBe(1);
    stream.feed("x");
    expect(await answer).toEqual([0]);
  });

  it("waits longer than a timer can", async () => {
    const { host } = setUp();
    const pollable = new Pollable(host, { kind: "deadline", atNs: 2n ** 64n - 1n });
    const blocked = pollable.block();
    expect([...host.timers].map((timer) => timer.delayMs)).toEqual([limits.timerDelayMsMax]);
    host.kill();
    await expect(blocked).rejects.toBeInstanceOf(GuestEnded);
    expect(host.timers.size).toBe(0);
  });

  it("traps on no pollable, and on too many", () => {
    const { host } = setUp();
    const one = new Pollable(host, always);
    expect(() => poll(host, [])).toThrow(GuestTrap);
    expect(() =>
      poll(
        host,
        Array.from({ length: limits.subscriptionsMax + 1 }, () => one),
      ),
    ).toThrow(GuestTrap);
  });

  it("block returns at once when ready", () => {
    const { host } = setUp();
    expect(new Pollable(host, always).block()).toBeUndefined();
  });
});

describe("resources", () => {
  it("are bounded, and count until they are dropped", () => {
    const { host } = setUp();
    host.resources = new ResourceCount(2);
    const first = new Pollable(host, always);
    const second = new Pollable(host, always);
    expect(() => new Pollable(host, always)).toThrow(GuestTrap);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(host.resources.open).toBe(1);
    second[Symbol.dispose]();
    expect(host.resources.open).toBe(0);
  });

  it.each(ioInterfaces)("$name has a member for each function", (offered) => {
    const members = offered.make(new FakeComponentHost()) as Record<string, { readonly prototype: object }>;
    for (const name of offered.functions) {
      const method = /^\[method\](.*)\.(.*)$/.exec(name);
      const owner = method ? members[camel(`-${method[1]}`)]!.prototype : members;
      expect(owner, name).toHaveProperty(camel(method?.[2] ?? name));
    }
  });
});

const camel = (name: string): string => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
