import { describe, expect, it } from "vitest";

import { errno } from "../abi.ts";
import { FakeComponentHost } from "../component-test-support.ts";
import { GuestTrap, ResourceCount } from "../component-resources.ts";
import { GuestEnded, type InputSource, type OutputSink } from "../host.ts";
import { limits } from "../limits.ts";
import { FakeStream } from "../test-support.ts";
import { drainInto, streamOf, type GuestStream } from "./streams.ts";

const failureCode = ({ errno }: { readonly errno: number }) => `errno ${errno}`;

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

function input() {
  const host = new FakeComponentHost();
  const source = new FakeStream();
  let released = 0;
  const [stream, outcome] = streamOf(host, source, { failureCode, release: () => released++ });
  return { host, source, stream, outcome, released: () => released };
}

/** The end that a guest writes to. */
class FakeGuestStream implements GuestStream {
  readonly chunks: (number | readonly number[])[] = [];
  ended = false;
  disposed = 0;
  reads = 0;
  counts: number[] = [];
  #waiting: (() => void) | undefined;

  async read({ count }: { readonly count: number }) {
    this.reads++;
    this.counts.push(count);
    while (this.chunks.length === 0 && !this.ended && this.disposed === 0) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    const value = this.chunks.shift();
    return { value, done: value === undefined };
  }

  write(...bytes: readonly number[]): void {
    this.chunks.push(bytes.length === 1 ? (bytes[0] ?? 0) : bytes);
    this.#waiting?.();
  }

  end(): void {
    this.ended = true;
    this.#waiting?.();
  }

  [Symbol.dispose](): void {
    this.disposed++;
    this.#waiting?.();
  }
}

function output(sink: OutputSink = new FakeStream()) {
  const host = new FakeComponentHost();
  const stream = new FakeGuestStream();
  let released = 0;
  const outcome = drainInto(host, stream, sink, { failureCode, release: () => released++ });
  return { host, sink: sink as FakeStream, stream, outcome, released: () => released };
}

describe("streamOf", () => {
  it("gives chunks, and ok at the end", async () => {
    const { source, stream, outcome, released, host } = input();
    source.feed("hello");
    expect(Buffer.from((await stream.next()).value as Uint8Array).toString()).toBe("hello");
    source.ended = true;
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(await outcome).toEqual({ tag: "ok", val: undefined });
    expect(released()).toBe(1);
    expect(host.resources.open).toBe(0);
  });

  it("is an async iterable of itself", () => {
    const { stream } = input();
    expect(stream[Symbol.asyncIterator]()).toBe(stream);
  });

  it("asks for no more than a chunk, and only when asked", async () => {
    const { source, stream } = input();
    source.chunks.push(new Uint8Array(limits.streamChunkBytesMax * 2));
    await settle();
    expect(source.chunks).toHaveLength(1);
    expect(((await stream.next()).value as Uint8Array).byteLength).toBe(limits.streamChunkBytesMax);
  });

  it("waits while there is nothing, through chunks of nothing", async () => {
    const { source, stream, host } = input();
    const next = stream.next();
    source.chunks.push(new Uint8Array(0));
    source.wakeAll();
    await settle();
    source.feed("x");
    expect((await next).value).toHaveLength(1);
    expect(host.waiting).toBe(0);
    expect(source.watchers).toBe(0);
  });

  it("ends with ok when dropped, also while it waits", async () => {
    const { source, stream, outcome, released } = input();
    const next = stream.next();
    await settle();
    await stream.return();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await outcome).toEqual({ tag: "ok", val: undefined });
    expect(source.watchers).toBe(0);
    expect(released()).toBe(1);
  });

  it("leaves the source alone after it was dropped", async () => {
    const { source, stream } = input();
    await stream.return();
    source.feed("x");
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(source.chunks).toHaveLength(1);
  });

  it("ends with the code of what broke", async () => {
    const host = new FakeComponentHost();
    const broken: InputSource = { read: () => ({ errno: errno.io }), onReadable: () => () => {} };
    const [stream, outcome] = streamOf(host, broken, { failureCode });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(await outcome).toEqual({ tag: "err", val: `errno ${errno.io}` });
  });

  it("ends with its guest", async () => {
    const { host, source, stream, outcome, released } = input();
    const next = stream.next();
    await settle();
    host.kill();
    await expect(next).rejects.toBeInstanceOf(GuestEnded);
    await expect(outcome).rejects.toBeInstanceOf(GuestEnded);
    expect(released()).toBe(1);
    expect(source.watchers).toBe(0);
  });

  it("counts as a resource", async () => {
    const host = new FakeComponentHost();
    host.resources = new ResourceCount(1);
    const [stream] = streamOf(host, new FakeStream(), { failureCode });
    expect(() => streamOf(host, new FakeStream(), { failureCode })).toThrow(GuestTrap);
    await stream.return();
    expect(host.resources.open).toBe(0);
  });
});

describe("drainInto", () => {
  it("writes what the guest writes, and answers ok when it dropped its end", async () => {
    const { host, sink, stream, outcome, released } = output();
    stream.write(104, 101);
    stream.write(121);
    stream.end();
    expect(await outcome).toEqual({ tag: "ok", val: undefined });
    expect(sink.written.toString()).toBe("hey");
    expect(stream.disposed).toBe(1);
    expect(released()).toBe(1);
    expect(host.resources.open).toBe(0);
  });

  it("reads on when the sink has accepted everything, and bounds what it reads", async () => {
    const { sink, stream, outcome } = output();
    sink.room = 1;
    stream.write(104, 101, 121);
    await settle();
    expect(stream.reads).toBe(1);
    sink.room = 1;
    sink.wakeAll();
    await settle();
    expect(stream.reads).toBe(1);
    sink.room = 100;
    sink.wakeAll();
    stream.end();
    await outcome;
    expect(sink.written.toString()).toBe("hey");
    expect(new Set(stream.counts)).toEqual(new Set([limits.streamChunkBytesMax]));
  });

  it("drops the stream when the sink broke", async () => {
    const { stream, outcome } = output({ write: () => ({ errno: errno.pipe }), onWritable: () => () => {} });
    stream.write(1, 2);
    expect(await outcome).toEqual({ tag: "err", val: `errno ${errno.pipe}` });
    expect(stream.disposed).toBe(1);
  });

  it("takes what was written when the guest returned, and drops the stream", async () => {
    const { host, sink, stream, outcome } = output();
    await settle();
    const finished = host.finish();
    stream.write(104, 101, 121);
    await finished;
    expect(await outcome).toEqual({ tag: "ok", val: undefined });
    expect(sink.written.toString()).toBe("hey");
    expect(stream.disposed).toBeGreaterThan(0);
    expect(host.unfinished).toBe(0);
  });

  it.each(["read", "write"])("ends with its guest while it waits to %s", async (what) => {
    const { host, sink, stream, outcome, released } = output();
    if (what === "write") {
      sink.room = 0;
      stream.write(1, 2);
    }
    await settle();
    expect(host.waiting).toBe(1);
    host.kill();
    await expect(outcome).rejects.toBeInstanceOf(GuestEnded);
    expect(stream.disposed).toBe(1);
    expect(sink.watchers).toBe(0);
    expect(released()).toBe(1);
  });
});
