import { once } from "node:events";
import { readdirSync } from "node:fs";
import { BoundSocket, type Socket } from "node:net";
import { describe, expect, test } from "vitest";

import { systemClock } from "../../../kit/clock.ts";
import { errno } from "../abi.ts";
import { socketLimits } from "./limits.ts";
import {
  accept,
  connect,
  dial,
  everythingLocal,
  listen,
  loopback4,
  loopback6,
  LoopbackServer,
  never,
  openTestNetwork,
  read,
  textOf,
  writeAll,
} from "./test-support.ts";
import type { Network } from "./network.ts";
import { SocketSeats } from "./socket-seats.ts";
import { HostListener } from "./tcp-listener.ts";

async function withNetwork(body: (network: Network) => Promise<void>): Promise<void> {
  const network = openTestNetwork();
  try {
    await body(network);
  } finally {
    network.close();
  }
}

const big = Buffer.alloc(8 * 1024 * 1024, "wherry");

async function received(socket: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
}

describe.each([loopback4, loopback6])("a connection, $family", (loopback) => {
  test("knows its ends, and carries bytes both ways", async () => {
    await withNetwork(async (network) => {
      const listener = listen(network, loopback);
      expect(listener.local).toEqual({ ...loopback, port: expect.any(Number) as number });
      const client = await connect(network, listener.local);
      const server = await accept(listener);
      expect([client.remote, server.local, server.remote]).toEqual([
        listener.local,
        listener.local,
        client.local,
      ]);
      expect(client.write(Buffer.from("hello"))).toBe(5);
      expect(textOf(await read(server, 2))).toBe("he");
      expect(textOf(await read(server))).toBe("llo");
      expect(server.read(1)).toBe("wait");
      await writeAll(server, Buffer.from("bye"));
      expect(textOf(await read(client))).toBe("bye");
    });
  });

  test("peek: the bytes stay", async () => {
    await withNetwork(async (network) => {
      const listener = listen(network, loopback);
      const client = await connect(network, listener.local);
      const server = await accept(listener);
      expect(server.peek(5)).toBe("wait");
      await writeAll(client, Buffer.from("hello"));
      await new Promise<void>((resolve) => server.onReadable(resolve));
      expect([textOf(server.peek(2)), textOf(server.peek(9)), server.buffered]).toEqual(["he", "hello", 5]);
      expect([textOf(server.read(3)), textOf(server.peek(1)), textOf(server.read(3))]).toEqual([
        "hel",
        "l",
        "lo",
      ]);
    });
  });
});

test("read: the end of the stream, for good, while the other direction goes on", async () => {
  await withNetwork(async (network) => {
    const listener = listen(network);
    const client = await connect(network, listener.local);
    const server = await accept(listener);
    await writeAll(client, Buffer.from("last"));
    client.shutdown("send");
    client.shutdown("send");
    await client.flushed();
    expect(client.write(Buffer.from("more"))).toEqual({ errno: errno.pipe });
    expect([textOf(await read(server)), await read(server), await read(server)]).toEqual([
      "last",
      "end",
      "end",
    ]);
    expect(server.peek(1)).toBe("end");
    await writeAll(server, Buffer.from("answer"));
    expect(textOf(await read(client))).toBe("answer");
    server.close();
    expect(await read(client)).toBe("end");
  });
});

test("read: the end of the stream, also if it came while there was more to read", async () => {
  await withNetwork(async (network) => {
    const listener = listen(network, loopback4);
    const client = await connect(network, listener.local);
    const server = await accept(listener);
    expect(server.read(1)).toBe("wait");
    await writeAll(client, Buffer.from("hello"));
    await new Promise<void>((resolve) => server.onReadable(resolve));
    client.shutdown("send");
    await client.flushed();
    // On the loopback the end is there at once: the event loop has only to look.
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    expect(textOf(await read(server, 5))).toBe("hello");
    expect(await read(server)).toBe("end");
  });
});

test("shutdown receive: reads end, what was buffered is gone, writes go on", async () => {
  await withNetwork(async (network) => {
    const listener = listen(network);
    const client = await connect(network, listener.local);
    const server = await accept(listener);
    await writeAll(client, Buffer.from("unheard"));
    await new Promise<void>((resolve) => server.onReadable(resolve));
    server.shutdown("receive");
    expect([server.read(1), server.peek(1), server.buffered]).toEqual(["end", "end", 0]);
    await writeAll(server, Buffer.from("still here"));
    expect(textOf(await read(client))).toBe("still here");
  });
});

test("a reset: what came before it can be read, then it is told", async () => {
  await withNetwork(async (network) => {
    const listener = listen(network);
    const client = await dial(listener.local);
    const server = await accept(listener);
    client.write("before");
    await new Promise<void>((resolve) => server.onReadable(resolve));
    client.resetAndDestroy();
    expect(textOf(await read(server))).toBe("before");
    expect(await read(server)).toEqual({ errno: errno.connreset });
    expect(server.write(Buffer.from("x"))).toEqual({ errno: errno.connreset });
    expect(server.broken).toBe("connection-reset");
  });
});

test("connect: refused is told apart", async () => {
  await withNetwork(async (network) => {
    const listener = listen(network);
    const gone = listener.local;
    listener.close();
    const outcome = await network.connect(gone, { local: undefined, signal: never });
    expect(outcome).toEqual({ kind: "refused", error: "connection-refused" });
  });
});

test("connect: from a bound address, once", async () => {
  await withNetwork(async (network) => {
    const listener = listen(network);
    const bound = network.bindTcp(loopback4);
    if (bound.kind === "refused") throw new Error(bound.error);
    const { local } = bound.value;
    const outcome = await bound.value.connect(listener.local, never);
    expect(outcome.kind === "ok" && outcome.value.local).toEqual(local);
    expect((await accept(listener)).remote).toEqual(local);
    expect(await bound.value.connect(listener.local, never)).toEqual({
      kind: "refused",
      error: "invalid-state",
    });
    expect(bound.value.listen(1)).toEqual({ kind: "refused", error: "invalid-state" });
  });
});

test("connect: an aborted signal rejects with its reason, and leaves no socket", async () => {
  const network = openTestNetwork({ allow: [{ host: "192.0.2.1", port: 0 }] }, { socketsMax: 1 });
  const abort = new AbortController();
  const remote = { family: "ipv4", address: "192.0.2.1", port: 9 } as const;
  const outcome = network.connect(remote, { local: undefined, signal: abort.signal });
  const reason = new Error("enough");
  abort.abort(reason);
  await expect(outcome).rejects.toBe(reason);
  const other = network.connect(remote, { local: undefined, signal: never });
  network.close();
  expect(await other).toMatchObject({ kind: "refused" });
});

test("bindTcp: an address in use, and one that is not this machine's", async () => {
  await withNetwork(async (network) => {
    const listener = listen(network);
    expect(network.bindTcp(listener.local)).toEqual({ kind: "refused", error: "address-in-use" });
    const elsewhere = { family: "ipv4", address: "192.0.2.1", port: 0 } as const;
    expect(network.bindTcp(elsewhere)).toEqual({ kind: "refused", error: "address-not-bindable" });
  });
});

describe("backpressure", () => {
  test("a guest that does not read slows its peer down", async () => {
    await withNetwork(async (network) => {
      const listener = listen(network);
      const client = await dial(listener.local);
      const server = await accept(listener);
      client.write(big);
      await new Promise<void>((resolve) => server.onReadable(resolve));
      // The peer's own kernel is full long before everything is sent.
      while (server.buffered < socketLimits.receiveBufferBytes)
        await new Promise((resolve) => setImmediate(resolve));
      for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect(server.buffered).toBeLessThanOrEqual(socketLimits.receiveBufferBytes + 65_536);
      let total = 0;
      while (total < big.byteLength) {
        const chunk = await read(server);
        if (!(chunk instanceof Uint8Array)) throw new Error(textOf(chunk));
        total += chunk.byteLength;
      }
      expect(total).toBe(big.byteLength);
    });
  });

  test("a guest that writes to a peer that does not read waits, and goes on when it does", async () => {
    using server = await LoopbackServer.open();
    await withNetwork(async (network) => {
      const client = await connect(network, server.address);
      let sent = 0;
      for (;;) {
        const accepted = client.write(big);
        if (typeof accepted !== "number" || accepted === 0) break;
        expect(accepted).toBeLessThanOrEqual(socketLimits.sendBufferBytes);
        sent += accepted;
        await new Promise((resolve) => setImmediate(resolve));
      }
      const all = (await server.socket()).toArray() as Promise<Buffer[]>;
      await new Promise<void>((resolve) => client.onWritable(resolve));
      client.close();
      const bytes = Buffer.concat(await all);
      expect(bytes.byteLength).toBe(sent);
    });
  });
});

describe("close", () => {
  test("what was accepted is still sent", async () => {
    using server = await LoopbackServer.open();
    const network = openTestNetwork();
    const client = await connect(network, server.address);
    const socket = await server.socket();
    let sent = 0;
    while (sent < 64 * 1024 * 1024) {
      const accepted = client.write(big);
      if (typeof accepted !== "number" || accepted === 0) break;
      sent += accepted;
    }
    client.close();
    client.close();
    const drained = network.drain(never);
    const bytes = await received(socket as AsyncIterable<Buffer>);
    expect(bytes.byteLength).toBe(sent);
    await drained;
  });

  test("a peer that takes nothing is reset when the drain is over", async () => {
    using server = await LoopbackServer.open();
    const network = openTestNetwork();
    const client = await connect(network, server.address);
    const socket = await server.socket();
    while (client.write(big) !== 0);
    client.close();
    const abort = new AbortController();
    const drained = network.drain(abort.signal);
    abort.abort();
    await drained;
    const [error] = (await once(socket.resume(), "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNRESET");
  });

  test("Network.close ends everything: no descriptor is left", async () => {
    using server = await LoopbackServer.open();
    const before = readdirSync("/proc/self/fd").length;
    const network = openTestNetwork();
    const listener = listen(network);
    const client = await connect(network, listener.local);
    const outside = await dial(listener.local);
    await connect(network, server.address);
    const accepted = await accept(listener);
    network.bindUdp(loopback4);
    network.bindTcp(loopback4);
    network.close();
    network.close();
    outside.destroy();
    expect(accepted.read(1)).toBe("end");
    expect([accepted.write(Buffer.from("x")), client.write(Buffer.from("x"))]).toEqual([
      { errno: errno.pipe },
      { errno: errno.pipe },
    ]);
    expect(listener.accept()).toEqual({ kind: "refused", error: "invalid-state" });
    expect(network.bindUdp(loopback4)).toEqual({ kind: "refused", error: "new-socket-limit" });
    // The peer's socket on the server is still open.
    await server.socket();
    expect(readdirSync("/proc/self/fd").length).toBe(before + 1);
  });
});

describe("TcpListener", () => {
  test("beyond its queue connections wait in the kernel, and are all accepted in the end", async () => {
    await withNetwork(async (network) => {
      const listener = listen(network, loopback4, 64);
      const before = readdirSync("/proc/self/fd").length;
      const count = socketLimits.acceptQueueMax * 3;
      const clients = await Promise.all(Array.from({ length: count }, () => dial(listener.local)));
      for (const [index, client] of clients.entries()) client.write(`${index}`);
      await new Promise<void>((resolve) => listener.onAcceptable(resolve));
      // Its own descriptor is closed while it is paused.
      while (readdirSync("/proc/self/fd").length < before + count + socketLimits.acceptQueueMax - 1)
        await new Promise((resolve) => setImmediate(resolve));
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect(readdirSync("/proc/self/fd").length).toBe(before + count + socketLimits.acceptQueueMax - 1);
      const heard = new Set<string>();
      for (let i = 0; i < count; i++) heard.add(textOf(await read(await accept(listener))));
      expect(heard.size).toBe(count);
      for (const client of clients) client.destroy();
    });
  });

  test("without a second descriptor, what comes while the queue is full is reset", async () => {
    const seats = new SocketSeats({ socketsMax: 100, hostDescriptorsMax: 100_000 });
    const seat = seats.take();
    if (!seat) throw new Error("no seat");
    const parts = { local: loopback4, seats, seat, clock: systemClock, backlog: 64, spare: undefined };
    const listener = new HostListener(parts);
    const bound = new BoundSocket({ host: "127.0.0.1" });
    const { port } = bound.address();
    expect(listener.start((server, backlog) => void server.listen(bound, backlog))).toBe(true);
    const count = socketLimits.acceptQueueMax + 1;
    const clients = await Promise.all(Array.from({ length: count }, () => dial({ ...loopback4, port })));
    await Promise.race(clients.map(closed));
    expect(clients.filter((client) => client.destroyed)).toHaveLength(1);
    listener.close();
    await Promise.all(clients.map(closed));
  });

  test("close: connections that nobody accepted are reset", async () => {
    await withNetwork(async (network) => {
      const listener = listen(network);
      const client = await dial(listener.local);
      await new Promise<void>((resolve) => listener.onAcceptable(resolve));
      listener.close();
      listener.close();
      await closed(client);
      expect(client.errored).toMatchObject({ code: "ECONNRESET" });
    });
  });
});

describe("limits", () => {
  test("socketsMax: the next is refused until one is closed", async () => {
    const network = openTestNetwork(everythingLocal, { socketsMax: 3 });
    const listener = listen(network);
    const client = await connect(network, listener.local);
    const server = await accept(listener);
    const full = { kind: "refused", error: "new-socket-limit" };
    expect(await network.connect(listener.local, { local: undefined, signal: never })).toEqual(full);
    expect([network.bindTcp(loopback4), network.bindUdp(loopback4)]).toEqual([full, full]);
    const outside = await dial(listener.local);
    await new Promise<void>((resolve) => listener.onAcceptable(resolve));
    expect(listener.accept()).toEqual(full);
    server.close();
    expect((await accept(listener)).remote.port).toBe(outside.localPort);
    client.close();
    outside.destroy();
    network.close();
  });

  test("hostDescriptorsMax: the process keeps its reserve", () => {
    const network = openTestNetwork(everythingLocal, { hostDescriptorsMax: 3 });
    const full = { kind: "refused", error: "new-socket-limit" };
    expect([network.bindTcp(loopback4), network.bindUdp(loopback4)]).toEqual([full, full]);
    network.close();
  });
});

test("options: are remembered, whatever the kernel makes of them", async () => {
  await withNetwork(async (network) => {
    const listener = listen(network);
    const { options } = await connect(network, listener.local);
    Object.assign(options, {
      noDelay: true,
      keepAlive: true,
      keepAliveIdleMs: Number.MAX_SAFE_INTEGER,
      keepAliveIntervalMs: 1,
      keepAliveCount: 1000,
    });
    expect([options.noDelay, options.keepAlive, options.keepAliveCount]).toEqual([true, true, 1000]);
    expect([options.keepAliveIdleMs, options.keepAliveIntervalMs]).toEqual([Number.MAX_SAFE_INTEGER, 1]);
  });
});
