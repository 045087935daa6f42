import { describe, expect, it } from "vitest";

import { FakeComponentHost } from "../component-test-support.ts";
import type { Result } from "../component-values.ts";
import { GuestEnded } from "../host.ts";
import { noNetwork } from "../sockets/network.ts";
import { dial, everythingLocal, LoopbackServer, openTestNetwork } from "../sockets/test-support.ts";
import type { WitIpAddress, WitSocketAddress } from "../sockets/wit-addresses.ts";
import { socketsInterfaces } from "./sockets.ts";
import type { GuestStream } from "./streams.ts";
import type { TcpSocket } from "./tcp-socket.ts";
import type { UdpSocket } from "./udp-socket.ts";

interface Members {
  readonly TcpSocket: { create(family: "ipv4" | "ipv6"): Result<TcpSocket, unknown> };
  readonly UdpSocket: { create(family: "ipv4" | "ipv6"): Result<UdpSocket, unknown> };
  readonly resolveAddresses: (name: string) => Promise<Result<readonly WitIpAddress[], unknown>>;
}

const loopback = (port = 0): WitSocketAddress => ({ tag: "ipv4", val: { port, address: [127, 0, 0, 1] } });
const blackhole: WitSocketAddress = { tag: "ipv4", val: { port: 9, address: [192, 0, 2, 1] } };

class Fixture implements Disposable {
  readonly host = new FakeComponentHost();
  readonly members: Members;

  constructor(options: Parameters<typeof openTestNetwork>[0] = everythingLocal, socketsMax = 64) {
    this.host.network = openTestNetwork(options, { socketsMax });
    this.members = Object.assign({}, ...socketsInterfaces.map((one) => one.make(this.host))) as Members;
  }

  tcp(): TcpSocket {
    return valueOf(this.members.TcpSocket.create("ipv4"));
  }

  udp(): UdpSocket {
    return valueOf(this.members.UdpSocket.create("ipv4"));
  }

  listening(): {
    readonly socket: TcpSocket;
    readonly stream: AsyncIterableIterator<TcpSocket>;
    readonly port: number;
  } {
    const socket = this.tcp();
    valueOf(socket.bind(loopback()));
    return { socket, stream: valueOf(socket.listen()), port: valueOf(socket.getLocalAddress()).val.port };
  }

  [Symbol.dispose](): void {
    this.host.network.close();
    this.host.close();
  }
}

function valueOf<T>(result: Result<T, unknown>): T {
  if (result.tag === "err") throw new Error(`failed: ${JSON.stringify(result.val)}`);
  return result.val;
}

const failure = (tag: string) => ({ tag: "err", val: { tag } });
const other = (val: string) => ({ tag: "err", val: { tag: "other", val } });
const fine = { tag: "ok", val: undefined };

function sending(...chunks: readonly string[]): GuestStream & { disposed: number } {
  const left = [...chunks];
  return {
    disposed: 0,
    async read() {
      const chunk = left.shift();
      return chunk === undefined
        ? { value: undefined, done: true }
        : { value: Buffer.from(chunk), done: false };
    },
    [Symbol.dispose]() {
      this.disposed++;
    },
  };
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function next(stream: AsyncIterator<TcpSocket>): Promise<TcpSocket> {
  const step = await stream.next();
  if (step.done === true) throw new Error("no socket");
  return step.value;
}

describe("tcp-socket", () => {
  it("sends and receives between two sockets of an instance", async () => {
    using fixture = new Fixture();
    const { socket: listener, stream, port } = fixture.listening();
    expect(listener.getIsListening()).toBe(true);
    const client = fixture.tcp();
    const [connected, server] = await Promise.all([client.connect(loopback(port)), next(stream)]);
    expect(connected).toEqual(fine);
    expect(server).toBeInstanceOf(fixture.members.TcpSocket);
    expect(valueOf(server.getRemoteAddress())).toEqual(valueOf(client.getLocalAddress()));
    const sent = client.send(sending("hel", "lo"));
    const [received, outcome] = server.receive();
    expect(await textOf(received)).toBe("hello");
    expect([await sent, await outcome]).toEqual([fine, fine]);
    expect(await server.send(sending("bye"))).toEqual(fine);
    expect(await textOf(client.receive()[0])).toBe("bye");
  });

  it("send and receive: once each, and only when connected", async () => {
    using fixture = new Fixture();
    using server = await LoopbackServer.open();
    const socket = fixture.tcp();
    const early = sending("x");
    expect(await socket.send(early)).toEqual(failure("invalid-state"));
    expect(early.disposed).toBe(1);
    expect(await socket.receive()[1]).toEqual(failure("invalid-state"));
    expect(await socket.connect(loopback(server.address.port))).toEqual(fine);
    void socket.receive();
    const [second, outcome] = socket.receive();
    expect([await second.next(), await outcome]).toEqual([
      { done: true, value: undefined },
      failure("invalid-state"),
    ]);
    const first = socket.send(sending("once"));
    expect([await socket.send(sending()), await first]).toEqual([failure("invalid-state"), fine]);
    expect(await socket.connect(loopback(9))).toEqual(failure("invalid-state"));
    expect(socket.listen()).toEqual(failure("invalid-state"));
  });

  it("a stream that is dropped shuts its half, and the socket goes when all are gone", async () => {
    using fixture = new Fixture(everythingLocal, 1);
    using server = await LoopbackServer.open();
    const socket = fixture.tcp();
    valueOf(await socket.connect(loopback(server.address.port)));
    const [received, outcome] = socket.receive();
    await received.return();
    expect(await outcome).toEqual(fine);
    expect(await socket.send(sending("last words"))).toEqual(fine);
    socket[Symbol.dispose]();
    expect(Buffer.concat((await (await server.socket()).toArray()) as Buffer[]).toString()).toBe(
      "last words",
    );
    // Its place is free again.
    expect(await fixture.tcp().connect(loopback(server.address.port))).toEqual(fine);
    expect(fixture.host.resources.open).toBe(1);
  });

  it("a reset: both futures tell", async () => {
    using fixture = new Fixture();
    using server = await LoopbackServer.open();
    const socket = fixture.tcp();
    valueOf(await socket.connect(loopback(server.address.port)));
    const [received, outcome] = socket.receive();
    const peer = await server.socket();
    const end = received.next();
    peer.resetAndDestroy();
    expect([await end, await outcome]).toEqual([
      { done: true, value: undefined },
      failure("connection-reset"),
    ]);
    expect(await socket.send(sending("x"))).toEqual(failure("connection-reset"));
  });

  it("refused, denied and wrong", async () => {
    using fixture = new Fixture();
    const { socket: gone, stream, port } = fixture.listening();
    gone[Symbol.dispose]();
    await stream.return?.();
    const socket = fixture.tcp();
    expect(await socket.connect(loopback(port))).toEqual(failure("connection-refused"));
    expect(await socket.connect(loopback(port))).toEqual(failure("invalid-state"));
    expect(await fixture.tcp().connect(blackhole)).toEqual(failure("access-denied"));
    expect(await fixture.tcp().connect(loopback(0))).toEqual(failure("invalid-argument"));
    const taken = fixture.listening();
    expect(fixture.tcp().bind(loopback(taken.port))).toEqual(failure("address-in-use"));
    expect(taken.socket.bind(loopback())).toEqual(failure("invalid-state"));
    expect(fixture.tcp().getLocalAddress()).toEqual(failure("invalid-state"));
  });

  it("listens without being bound, where any address is granted", () => {
    using fixture = new Fixture();
    const socket = fixture.tcp();
    valueOf(socket.listen());
    expect(valueOf(socket.getLocalAddress()).val.port).toBeGreaterThan(0);
    using denied = new Fixture({ allow: everythingLocal.allow });
    expect(denied.tcp().listen()).toEqual(failure("access-denied"));
  });

  it("an instance without a network makes sockets that may do nothing", async () => {
    using fixture = new Fixture();
    fixture.host.network.close();
    fixture.host.network = noNetwork;
    expect(fixture.tcp().bind(loopback())).toEqual(failure("access-denied"));
    expect(await fixture.tcp().connect(loopback(9))).toEqual(failure("access-denied"));
    expect(await fixture.udp().send(new Uint8Array(1), loopback(9))).toEqual(failure("access-denied"));
  });

  it("a listener's stream waits for room when the instance has all its sockets", async () => {
    using fixture = new Fixture(everythingLocal, 2);
    const { stream, port } = fixture.listening();
    const clients = [await dial({ family: "ipv4", address: "127.0.0.1", port })];
    const first = await next(stream);
    clients.push(await dial({ family: "ipv4", address: "127.0.0.1", port }));
    const second = next(stream);
    while (fixture.host.timers.size === 0) await new Promise((resolve) => setImmediate(resolve));
    first[Symbol.dispose]();
    fixture.host.advance(1000);
    expect(valueOf((await second).getRemoteAddress()).val.port).toBe(clients[1]?.localPort);
    for (const client of clients) client.destroy();
  });

  it("a listener's stream ends when it is dropped, also while it waits; the port is free then", async () => {
    using fixture = new Fixture();
    const { socket, stream, port } = fixture.listening();
    const waiting = stream.next();
    socket[Symbol.dispose]();
    await stream.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(fixture.host.resources.open).toBe(0);
    valueOf(fixture.tcp().bind(loopback(port)));
  });

  it("a kill ends what waits, and the attempt to connect", async () => {
    using fixture = new Fixture({ ...everythingLocal, allow: [{ host: "192.0.2.1", port: 0 }] });
    const { stream } = fixture.listening();
    const waits = [fixture.tcp().connect(blackhole), stream.next()];
    fixture.host.kill();
    for (const wait of waits) await expect(wait).rejects.toBeInstanceOf(GuestEnded);
    expect(fixture.host.bugs).toEqual([]);
  });

  it("settings that are handed on, and their bounds", async () => {
    using fixture = new Fixture();
    const listener = fixture.tcp();
    valueOf(listener.bind(loopback()));
    expect(listener.setHopLimit(0)).toEqual(failure("invalid-argument"));
    valueOf(listener.setHopLimit(7));
    valueOf(listener.setKeepAliveEnabled(true));
    const stream = valueOf(listener.listen());
    expect(listener.setListenBacklogSize(5n)).toEqual(failure("not-supported"));
    const client = fixture.tcp();
    const [, server] = await Promise.all([client.connect(valueOf(listener.getLocalAddress())), next(stream)]);
    expect([valueOf(server.getHopLimit()), valueOf(server.getKeepAliveEnabled())]).toEqual([7, true]);
    expect([valueOf(client.getHopLimit()), valueOf(client.getKeepAliveEnabled())]).toEqual([64, false]);
  });
});

describe("udp-socket", () => {
  it("sends and receives, connected or not", async () => {
    using fixture = new Fixture();
    const [server, client] = [fixture.udp(), fixture.udp()];
    expect(await server.receive()).toEqual(failure("invalid-state"));
    valueOf(server.bind(loopback()));
    const address = valueOf(server.getLocalAddress());
    valueOf(await client.send(Buffer.from("one"), address));
    valueOf(client.connect(address));
    valueOf(await client.send(Buffer.from("two"), undefined));
    const datagrams = [valueOf(await server.receive()), valueOf(await server.receive())];
    expect(datagrams.map(([data]) => Buffer.from(data).toString())).toEqual(["one", "two"]);
    expect(datagrams[1]?.[1]).toEqual(valueOf(client.getLocalAddress()));
    const waiting = client.receive();
    valueOf(await server.send(Buffer.from("back"), valueOf(client.getLocalAddress())));
    expect(Buffer.from(valueOf(await waiting)[0]).toString()).toBe("back");
  });

  it("connect, disconnect", () => {
    using fixture = new Fixture();
    const socket = fixture.udp();
    expect(socket.disconnect()).toEqual(failure("invalid-state"));
    valueOf(socket.connect(loopback(9)));
    expect(valueOf(socket.getRemoteAddress())).toEqual(loopback(9));
    valueOf(socket.disconnect());
    expect(socket.getRemoteAddress()).toEqual(failure("invalid-state"));
    expect(socket.bind(loopback())).toEqual(failure("invalid-state"));
  });

  const wrong: readonly (readonly [
    name: string,
    bytes: number,
    remote: WitSocketAddress | undefined,
    error: string,
  ])[] = [
    ["no destination", 1, undefined, "invalid-argument"],
    ["port 0", 1, loopback(0), "invalid-argument"],
    ["what is not granted", 1, blackhole, "access-denied"],
    ["too much", 65_508, loopback(9), "datagram-too-large"],
  ];
  it.each(wrong)("send: %s", async (_name, bytes, remote, error) => {
    using fixture = new Fixture();
    expect(await fixture.udp().send(new Uint8Array(bytes), remote)).toEqual(failure(error));
  });

  it("no socket is left for the instance", () => {
    using fixture = new Fixture(everythingLocal, 1);
    valueOf(fixture.udp().bind(loopback()));
    expect(fixture.udp().bind(loopback())).toEqual(other("new-socket-limit"));
  });
});

describe("resolve-addresses", () => {
  const rows: readonly (readonly [name: string, asked: string, expected: unknown])[] = [
    ["an address", "127.0.0.1", { tag: "ok", val: [{ tag: "ipv4", val: [127, 0, 0, 1] }] }],
    ["an IPv6 address", "::1", { tag: "ok", val: [{ tag: "ipv6", val: [0, 0, 0, 0, 0, 0, 0, 1] }] }],
    ["a name that is not granted", "example.com", failure("access-denied")],
    ["no name", "a b", failure("invalid-argument")],
  ];
  it.each(rows)("%s", async (_name, asked, expected) => {
    using fixture = new Fixture();
    expect(await fixture.members.resolveAddresses(asked)).toEqual(expected);
  });
});
