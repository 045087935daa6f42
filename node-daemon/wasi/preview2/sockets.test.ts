import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";

import { GuestTrap } from "../component-resources.ts";
import { FakeComponentHost } from "../component-test-support.ts";
import type { Result } from "../component-values.ts";
import { noNetwork, type SocketError } from "../sockets/network.ts";
import { dial, everythingLocal, LoopbackServer, openTestNetwork } from "../sockets/test-support.ts";
import type { WitSocketAddress } from "../sockets/wit-addresses.ts";
import type { InputStream } from "./input-stream.ts";
import { ResolveAddressStream } from "./name-lookup.ts";
import type { OutputStream } from "./output-stream.ts";
import type { Pollable } from "./pollable.ts";
import { socketsInterfaces } from "./sockets.ts";
import { IoError } from "./stream-error.ts";
import { TcpSocket } from "./tcp-socket.ts";
import { UdpSocket } from "./udp-socket.ts";

function address(port: number, ...bytes: [number, number, number, number]): WitSocketAddress {
  return { tag: "ipv4", val: { port, address: bytes } };
}

const loopback = (port = 0): WitSocketAddress => address(port, 127, 0, 0, 1);
const loopback6 = (port = 0): WitSocketAddress => ipv6(port, 1);

function ipv6(port: number, last: number, beforeLast = 0, scopeId = 0, first = 0): WitSocketAddress {
  const mapped = beforeLast === 0 ? 0 : 0xffff;
  return {
    tag: "ipv6",
    val: { port, flowInfo: 0, address: [first, 0, 0, 0, 0, mapped, beforeLast, last], scopeId },
  };
}

class Fixture implements Disposable {
  readonly host = new FakeComponentHost();

  constructor(grant = everythingLocal) {
    this.host.network = openTestNetwork(grant);
  }

  tcp(): TcpSocket {
    return valueOf(TcpSocket.create(this.host, "ipv4"));
  }

  udp(): UdpSocket {
    return valueOf(UdpSocket.create(this.host, "ipv4"));
  }

  listener(): TcpSocket {
    const socket = this.tcp();
    valueOf(socket.startBind(undefined, loopback()));
    valueOf(socket.finishBind());
    valueOf(socket.startListen());
    valueOf(socket.finishListen());
    return socket;
  }

  bound(): UdpSocket {
    const socket = this.udp();
    valueOf(socket.startBind(undefined, loopback()));
    valueOf(socket.finishBind());
    return socket;
  }

  async connect(remote: WitSocketAddress): Promise<[TcpSocket, InputStream, OutputStream]> {
    const socket = this.tcp();
    valueOf(socket.startConnect(undefined, remote));
    await ready(socket.subscribe());
    return [socket, ...valueOf(socket.finishConnect())];
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

async function ready(pollable: Pollable): Promise<void> {
  await pollable.block();
  pollable[Symbol.dispose]();
}

const failure = (val: SocketError) => ({ tag: "err", val });

async function accepted(listener: TcpSocket): Promise<[TcpSocket, InputStream, OutputStream]> {
  await ready(listener.subscribe());
  return valueOf(listener.accept());
}

async function text(stream: InputStream): Promise<string> {
  const read = await stream.blockingRead(100n);
  return read.tag === "ok" ? Buffer.from(read.val).toString() : read.val.tag;
}

async function heard(client: Socket): Promise<string> {
  return Buffer.concat((await client.toArray()) as Buffer[]).toString();
}

describe("TcpSocket", () => {
  it("serves: bind, listen, accept, read, write, shut down", async () => {
    using fixture = new Fixture();
    const listener = fixture.listener();
    const local = valueOf(listener.localAddress());
    expect([listener.isListening(), listener.accept()]).toEqual([true, failure("would-block")]);
    const client = await dial({ family: "ipv4", address: "127.0.0.1", port: local.val.port });
    client.write("hello");
    const [socket, input, output] = await accepted(listener);
    expect(valueOf(socket.localAddress())).toEqual(local);
    expect(valueOf(socket.remoteAddress())).toEqual(loopback(client.localPort));
    expect(await text(input)).toBe("hello");
    valueOf(await output.blockingWriteAndFlush(Buffer.from("bye")));
    valueOf(socket.shutdown("send"));
    expect(await heard(client)).toBe("bye");
    client.end();
    expect(await text(input)).toBe("closed");
  });

  it("connects, from where it was bound to", async () => {
    using fixture = new Fixture();
    using server = await LoopbackServer.open();
    const socket = fixture.tcp();
    valueOf(socket.startBind(undefined, loopback()));
    valueOf(socket.finishBind());
    const local = valueOf(socket.localAddress());
    valueOf(socket.startConnect(undefined, loopback(server.address.port)));
    expect(socket.finishConnect()).toEqual(failure("would-block"));
    expect(socket.startConnect(undefined, loopback(1))).toEqual(failure("concurrency-conflict"));
    await ready(socket.subscribe());
    const [input, output] = valueOf(socket.finishConnect());
    expect([valueOf(socket.localAddress()), valueOf(socket.remoteAddress()).val.port]).toEqual([
      local,
      server.address.port,
    ]);
    valueOf(await output.blockingWriteAndFlush(Buffer.from("hi")));
    const peer = await server.socket();
    for (const one of [input, output, socket]) one[Symbol.dispose]();
    expect(await heard(peer)).toBe("hi");
  });

  it("a connection outlives its socket while a stream of it is held", async () => {
    using fixture = new Fixture();
    using server = await LoopbackServer.open();
    const [socket, input, output] = await fixture.connect(loopback(server.address.port));
    socket[Symbol.dispose]();
    input[Symbol.dispose]();
    valueOf(await output.blockingWriteAndFlush(Buffer.from("still here")));
    output[Symbol.dispose]();
    expect(await heard(await server.socket())).toBe("still here");
    expect(fixture.host.resources.open).toBe(0);
  });

  it("what an output stream accepted is sent before a shutdown", async () => {
    using fixture = new Fixture();
    using server = await LoopbackServer.open();
    const [socket, , output] = await fixture.connect(loopback(server.address.port));
    const peer = await server.socket();
    let sent = 0;
    for (let room = valueOf(output.checkWrite()); room > 0n; room = valueOf(output.checkWrite())) {
      valueOf(output.write(new Uint8Array(Number(room))));
      sent += Number(room);
    }
    valueOf(socket.shutdown("send"));
    expect((await heard(peer)).length).toBe(sent);
  });

  it("refused, and nothing granted", async () => {
    using fixture = new Fixture();
    const gone = fixture.listener();
    const { port } = valueOf(gone.localAddress()).val;
    gone[Symbol.dispose]();
    for (const [remote, error] of [
      [loopback(port), "connection-refused"],
      [address(80, 169, 254, 169, 254), "access-denied"],
    ] as const) {
      const socket = fixture.tcp();
      valueOf(socket.startConnect(undefined, remote));
      await ready(socket.subscribe());
      expect(socket.finishConnect()).toEqual(failure(error));
      expect(socket.finishConnect()).toEqual(failure("not-in-progress"));
      expect(socket.startConnect(undefined, remote)).toEqual(failure("invalid-state"));
    }
  });

  it("an instance without a network makes sockets that may do nothing", async () => {
    using fixture = new Fixture();
    fixture.host.network.close();
    fixture.host.network = noNetwork;
    const socket = fixture.tcp();
    valueOf(socket.startBind(undefined, loopback()));
    expect(socket.finishBind()).toEqual(failure("access-denied"));
    valueOf(socket.startConnect(undefined, loopback(80)));
    await ready(socket.subscribe());
    expect(socket.finishConnect()).toEqual(failure("access-denied"));
  });

  it("an address that is taken, which leaves the socket unbound", () => {
    using fixture = new Fixture();
    const taken = valueOf(fixture.listener().localAddress());
    const socket = fixture.tcp();
    valueOf(socket.startBind(undefined, taken));
    expect(socket.startBind(undefined, loopback())).toEqual(failure("concurrency-conflict"));
    expect(socket.finishBind()).toEqual(failure("address-in-use"));
    valueOf(socket.startBind(undefined, loopback()));
    valueOf(socket.finishBind());
  });

  const wrongLocal: readonly (readonly [name: string, local: WitSocketAddress, error: SocketError])[] = [
    ["the other family", loopback6(), "invalid-argument"],
    ["multicast", address(0, 224, 0, 0, 1), "invalid-argument"],
    ["broadcast", address(0, 255, 255, 255, 255), "invalid-argument"],
  ];
  it.each(wrongLocal)("start-bind: %s", (_name, local, error) => {
    using fixture = new Fixture();
    expect(fixture.tcp().startBind(undefined, local)).toEqual(failure(error));
  });

  const wrongRemote: readonly (readonly [name: string, remote: WitSocketAddress, error: SocketError])[] = [
    ["the other family", loopback6(80), "invalid-argument"],
    ["port 0", loopback(0), "invalid-argument"],
    ["everywhere", address(80, 0, 0, 0, 0), "invalid-argument"],
    ["multicast", address(80, 239, 0, 0, 1), "invalid-argument"],
  ];
  it.each(wrongRemote)("start-connect: %s", (_name, remote, error) => {
    using fixture = new Fixture();
    expect(fixture.tcp().startConnect(undefined, remote)).toEqual(failure(error));
  });

  it("IPv6: neither mapped addresses nor zones", () => {
    using fixture = new Fixture();
    const socket = valueOf(TcpSocket.create(fixture.host, "ipv6"));
    expect(socket.startBind(undefined, ipv6(0, 1, 0x7f00))).toEqual(failure("invalid-argument"));
    expect(socket.startConnect(undefined, ipv6(80, 1, 0x7f00))).toEqual(failure("invalid-argument"));
    expect(socket.startConnect(undefined, ipv6(80, 1, 0, 2, 0xfe80))).toEqual(failure("not-supported"));
    valueOf(socket.startBind(undefined, loopback6()));
    valueOf(socket.finishBind());
    expect(valueOf(socket.localAddress())).toMatchObject({ val: { address: [0, 0, 0, 0, 0, 0, 0, 1] } });
  });

  const unboundCalls: readonly (readonly [
    name: string,
    call: (socket: TcpSocket) => unknown,
    error: SocketError,
  ])[] = [
    ["finish-bind", (socket) => socket.finishBind(), "not-in-progress"],
    ["finish-connect", (socket) => socket.finishConnect(), "not-in-progress"],
    ["finish-listen", (socket) => socket.finishListen(), "not-in-progress"],
    ["start-listen", (socket) => socket.startListen(), "invalid-state"],
    ["accept", (socket) => socket.accept(), "invalid-state"],
    ["local-address", (socket) => socket.localAddress(), "invalid-state"],
    ["remote-address", (socket) => socket.remoteAddress(), "invalid-state"],
    ["shutdown", (socket) => socket.shutdown("both"), "invalid-state"],
  ];
  it.each(unboundCalls)("unbound: %s", (_name, call, error) => {
    using fixture = new Fixture();
    expect(call(fixture.tcp())).toEqual(failure(error));
  });

  it("dropped while it listens, connects or is bound: the address is free, and nothing is left", async () => {
    using fixture = new Fixture({ ...everythingLocal, allow: [{ host: "192.0.2.1", port: 0 }] });
    const listener = fixture.listener();
    const local = valueOf(listener.localAddress());
    const pollable = listener.subscribe();
    const waiting = pollable.block();
    listener[Symbol.dispose]();
    await waiting;
    expect(pollable.ready()).toBe(true);
    const connecting = fixture.tcp();
    valueOf(connecting.startConnect(undefined, address(9, 192, 0, 2, 1)));
    connecting[Symbol.dispose]();
    const socket = fixture.tcp();
    valueOf(socket.startBind(undefined, local));
    valueOf(socket.finishBind());
    socket[Symbol.dispose]();
    pollable[Symbol.dispose]();
    expect(fixture.host.resources.open).toBe(0);
    expect(fixture.host.bugs).toEqual([]);
  });

  it("settings: bounded as Linux bounds them, and handed on to accepted sockets", async () => {
    using fixture = new Fixture();
    const listener = fixture.tcp();
    const zeros = [
      listener.setKeepAliveIdleTime(0n),
      listener.setKeepAliveInterval(0n),
      listener.setKeepAliveCount(0),
      listener.setHopLimit(0),
      listener.setReceiveBufferSize(0n),
      listener.setSendBufferSize(0n),
      listener.setListenBacklogSize(0n),
    ];
    expect(zeros).toEqual(zeros.map(() => failure("invalid-argument")));
    valueOf(listener.setKeepAliveIdleTime(1n));
    expect(valueOf(listener.keepAliveIdleTime())).toBe(1_000_000_000n);
    valueOf(listener.setKeepAliveIdleTime(2n ** 64n - 1n));
    expect(valueOf(listener.keepAliveIdleTime())).toBe(32_767_000_000_000n);
    valueOf(listener.setKeepAliveEnabled(true));
    valueOf(listener.setKeepAliveInterval(42_000_000_000n));
    valueOf(listener.setKeepAliveCount(2 ** 32 - 1));
    valueOf(listener.setHopLimit(42));
    valueOf(listener.setReceiveBufferSize(65_536n));
    valueOf(listener.setSendBufferSize(2n ** 64n - 1n));
    valueOf(listener.setListenBacklogSize(2n ** 64n - 1n));
    valueOf(listener.startBind(undefined, loopback()));
    valueOf(listener.finishBind());
    valueOf(listener.startListen());
    valueOf(listener.finishListen());
    expect(listener.setListenBacklogSize(1n)).toEqual(failure("not-supported"));
    const [client] = await fixture.connect(valueOf(listener.localAddress()));
    expect(client.setListenBacklogSize(1n)).toEqual(failure("invalid-state"));
    const [socket] = await accepted(listener);
    expect([
      valueOf(socket.keepAliveEnabled()),
      valueOf(socket.keepAliveInterval()),
      valueOf(socket.keepAliveCount()),
      valueOf(socket.hopLimit()),
      valueOf(socket.receiveBufferSize()),
      valueOf(socket.sendBufferSize()),
    ]).toEqual([true, 42_000_000_000n, 127, 42, 65_536n, 2n ** 31n - 1n]);
  });

  it("network-error-code: why a stream broke", async () => {
    using fixture = new Fixture();
    using server = await LoopbackServer.open();
    const [, input] = await fixture.connect(loopback(server.address.port));
    (await server.socket()).resetAndDestroy();
    const read = await input.blockingRead(1n);
    if (read.tag === "ok" || read.val.tag === "closed") throw new Error("not failed");
    const network = socketsInterfaces.find(({ name }) => name === "wasi:sockets/network@0.2");
    if (!network) throw new Error("not offered");
    const { networkErrorCode } = network.make(fixture.host) as {
      networkErrorCode: (error: IoError) => unknown;
    };
    expect(networkErrorCode(read.val.val)).toBe("connection-reset");
    expect(networkErrorCode(new IoError(fixture.host, { errno: 69 }))).toBeUndefined();
  });
});

describe("UdpSocket", () => {
  it("sends and receives datagrams", async () => {
    using fixture = new Fixture();
    const [server, client] = [fixture.bound(), fixture.bound()];
    const [incoming] = valueOf(server.stream(undefined));
    const serverAddress = valueOf(server.localAddress());
    const [answers, outgoing] = valueOf(client.stream(serverAddress));
    expect(valueOf(client.remoteAddress())).toEqual(serverAddress);
    expect(server.remoteAddress()).toEqual(failure("invalid-state"));
    expect(valueOf(outgoing.checkSend())).toBeGreaterThan(1n);
    const datagrams = ["one", "two"].map((data, index) => ({
      data: Buffer.from(data),
      remoteAddress: index === 0 ? undefined : serverAddress,
    }));
    expect(valueOf(outgoing.send(datagrams))).toBe(2n);
    const heard: string[] = [];
    while (heard.length < 2) {
      await ready(incoming.subscribe());
      for (const { data, remoteAddress } of valueOf(incoming.receive(1n))) {
        heard.push(Buffer.from(data).toString());
        expect(remoteAddress).toEqual(valueOf(client.localAddress()));
      }
    }
    expect(heard).toEqual(["one", "two"]);
    expect([incoming.receive(0n), incoming.receive(9n), answers.receive(9n)].map(valueOf)).toEqual([
      [],
      [],
      [],
    ]);
  });

  it("a pair of streams works until the next is made", () => {
    using fixture = new Fixture();
    const socket = fixture.bound();
    const [incoming, outgoing] = valueOf(socket.stream(undefined));
    valueOf(socket.stream(loopback(9)));
    expect([incoming.receive(1n), outgoing.checkSend()]).toEqual([
      failure("invalid-state"),
      failure("invalid-state"),
    ]);
    expect(incoming.subscribe().ready()).toBe(true);
  });

  it("sending without a permit is a trap", () => {
    using fixture = new Fixture();
    const [, outgoing] = valueOf(fixture.bound().stream(undefined));
    expect(() => outgoing.send([{ data: new Uint8Array(1), remoteAddress: loopback(9) }])).toThrow(GuestTrap);
  });

  const wrong: readonly (readonly [
    name: string,
    bytes: number,
    remote: WitSocketAddress | undefined,
    error: SocketError,
  ])[] = [
    ["no destination", 1, undefined, "invalid-argument"],
    ["port 0", 1, loopback(0), "invalid-argument"],
    ["everywhere", 1, address(9, 0, 0, 0, 0), "invalid-argument"],
    ["the other family", 1, loopback6(9), "invalid-argument"],
    ["what is not granted", 1, address(9, 192, 0, 2, 1), "access-denied"],
    ["too much", 65_508, loopback(9), "datagram-too-large"],
  ];
  it.each(wrong)("send: %s", (_name, bytes, remoteAddress, error) => {
    using fixture = new Fixture();
    const [, outgoing] = valueOf(fixture.bound().stream(undefined));
    valueOf(outgoing.checkSend());
    expect(outgoing.send([{ data: new Uint8Array(bytes), remoteAddress }])).toEqual(failure(error));
    expect(outgoing.send([])).toEqual({ tag: "ok", val: 0n });
  });

  it("unbound, bound twice, and dropped", () => {
    using fixture = new Fixture();
    const unbound = fixture.udp();
    expect([unbound.stream(undefined), unbound.localAddress(), unbound.finishBind()]).toEqual([
      failure("invalid-state"),
      failure("invalid-state"),
      failure("not-in-progress"),
    ]);
    const socket = fixture.bound();
    const local = valueOf(socket.localAddress());
    expect(socket.startBind(undefined, local)).toEqual(failure("invalid-state"));
    const streams = valueOf(socket.stream(undefined));
    valueOf(unbound.startBind(undefined, local));
    expect(unbound.finishBind()).toEqual(failure("address-in-use"));
    socket[Symbol.dispose]();
    for (const stream of streams) stream[Symbol.dispose]();
    valueOf(unbound.startBind(undefined, local));
    valueOf(unbound.finishBind());
  });
});

describe("ip-name-lookup", () => {
  it("answers addresses one by one, then none", async () => {
    using fixture = new Fixture();
    const stream = new ResolveAddressStream(fixture.host, "127.0.0.1");
    expect(stream.resolveNextAddress()).toEqual(failure("would-block"));
    await ready(stream.subscribe());
    expect(stream.resolveNextAddress()).toEqual({ tag: "ok", val: { tag: "ipv4", val: [127, 0, 0, 1] } });
    expect(stream.resolveNextAddress()).toEqual({ tag: "ok", val: undefined });
  });

  it("says why not, and can be dropped before", async () => {
    using fixture = new Fixture();
    const stream = new ResolveAddressStream(fixture.host, "example.com");
    await ready(stream.subscribe());
    expect(stream.resolveNextAddress()).toEqual(failure("access-denied"));
    const dropped = new ResolveAddressStream(fixture.host, "127.0.0.1");
    const pollable = dropped.subscribe();
    dropped[Symbol.dispose]();
    await ready(pollable);
    expect(fixture.host.bugs).toEqual([]);
  });
});
