import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { describe, expect, test } from "vitest";

import { socketLimits } from "./limits.ts";
import type { Datagram, Network, SocketAddress, UdpSocket } from "./network.ts";
import { everythingLocal, loopback4, loopback6, openTestNetwork, valueOf } from "./test-support.ts";

async function receive(socket: UdpSocket): Promise<Datagram> {
  for (;;) {
    const outcome = socket.receive();
    if (outcome !== "wait" && "kind" in outcome) throw new Error(`refused: ${outcome.error}`);
    if (outcome !== "wait") return outcome;
    await new Promise<void>((resolve) => socket.onReadable(resolve));
  }
}

function send(socket: UdpSocket, text: string, remote?: SocketAddress): void {
  const outcome = socket.send(Buffer.from(text), remote);
  if (outcome !== "sent") throw new Error(JSON.stringify(outcome));
}

function use<T>(grant: Parameters<typeof openTestNetwork>[0], body: (network: Network) => T): T {
  const network = openTestNetwork(grant);
  const close = () => network.close();
  const outcome = body(network);
  if (outcome instanceof Promise) void outcome.then(close, close);
  else close();
  return outcome;
}

/** A socket that is no instance's. */
class Outsider implements Disposable {
  readonly socket: Socket = createSocket("udp4");
  readonly address: SocketAddress;

  constructor() {
    const { port } = this.socket.bindSync({ address: "127.0.0.1", port: 0 });
    this.address = { ...loopback4, port };
  }

  send(text: string, { port, address }: SocketAddress): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.send(text, port, address, (error) => (error ? reject(error) : resolve()));
    });
  }

  async receive(): Promise<string> {
    const [bytes] = (await once(this.socket, "message")) as [Buffer];
    return bytes.toString();
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}

const denied = { kind: "refused", error: "access-denied" };

describe.each([loopback4, loopback6])("a UDP socket, $family", (loopback) => {
  test("sends and receives, connected or not", async () => {
    await use(everythingLocal, async (network) => {
      const server = valueOf(network.bindUdp(loopback));
      const client = valueOf(
        network.bindUdp({ ...loopback, address: loopback.family === "ipv4" ? "0.0.0.0" : "::" }),
      );
      const localPort = client.local.port;
      valueOf(client.connect(server.local));
      expect(client.local).toEqual({ ...loopback, port: localPort });
      expect(client.remote).toEqual(server.local);
      send(client, "one");
      send(client, "", server.local);
      const first = await receive(server);
      expect([Buffer.from(first.bytes).toString(), first.remote]).toEqual(["one", client.local]);
      expect((await receive(server)).bytes.byteLength).toBe(0);
      send(server, "two", client.local);
      expect((await receive(client)).remote).toEqual(server.local);
    });
  });

  test("connect again, and disconnect: the port stays", () => {
    use(everythingLocal, (network) => {
      const socket = valueOf(network.bindUdp(loopback));
      const { port } = socket.local;
      valueOf(socket.connect({ ...loopback, port: 9 }));
      valueOf(socket.connect({ ...loopback, port: 10 }));
      expect([socket.local.port, socket.remote?.port]).toEqual([port, 10]);
      valueOf(socket.connect(undefined));
      expect([socket.local.port, socket.remote]).toEqual([port, undefined]);
    });
  });
});

describe("UdpSocket.send: refuses", () => {
  const to = (port: number, address = "127.0.0.1"): SocketAddress => ({ family: "ipv4", address, port });
  const rows: readonly (readonly [
    name: string,
    bytes: number,
    remote: SocketAddress | undefined,
    error: string,
  ])[] = [
    ["no destination", 1, undefined, "invalid-argument"],
    ["port 0", 1, to(0), "invalid-argument"],
    ["the other family", 1, { ...loopback6, port: 9 }, "invalid-argument"],
    ["what the list does not have", 1, to(9, "192.0.2.1"), "access-denied"],
    ["metadata of the cloud", 1, to(80, "169.254.169.254"), "access-denied"],
    ["a datagram that no packet holds", 65_508, to(9), "datagram-too-large"],
  ];
  test.each(rows)("%s", (_name, bytes, remote, error) => {
    use(everythingLocal, (network) => {
      const socket = valueOf(network.bindUdp(loopback4));
      expect(socket.send(new Uint8Array(bytes), remote)).toEqual({ kind: "refused", error });
    });
  });

  test("another destination than the one it is connected to", () => {
    use(everythingLocal, (network) => {
      const socket = valueOf(network.bindUdp(loopback4));
      valueOf(socket.connect(to(9)));
      expect(socket.send(new Uint8Array(1), to(10))).toEqual({ kind: "refused", error: "invalid-argument" });
    });
  });
});

test("bindUdp: an address in use, and one that is not this machine's", () => {
  use(everythingLocal, (network) => {
    const { local } = valueOf(network.bindUdp(loopback4));
    expect(network.bindUdp(local)).toEqual({ kind: "refused", error: "address-in-use" });
    const elsewhere = { family: "ipv4", address: "192.0.2.1", port: 0 } as const;
    expect(network.bindUdp(elsewhere)).toEqual({ kind: "refused", error: "address-not-bindable" });
  });
});

test("nobody listens there: told once, by the next call", async () => {
  await use(everythingLocal, async (network) => {
    const gone = valueOf(network.bindUdp(loopback4));
    const { local } = gone;
    gone.close();
    const socket = valueOf(network.bindUdp(loopback4));
    valueOf(socket.connect(local));
    send(socket, "anyone?");
    await new Promise<void>((resolve) => socket.onReadable(resolve));
    expect(socket.receive()).toEqual({ kind: "refused", error: "connection-refused" });
    expect(socket.receive()).toBe("wait");
  });
});

test("a client takes datagrams only from where it may connect to", async () => {
  using friend = new Outsider();
  using stranger = new Outsider();
  await use({ allow: [{ host: "127.0.0.1", port: friend.address.port }] }, async (network) => {
    const client = valueOf(network.bindUdp({ ...loopback4, address: "0.0.0.0" }));
    const local = { ...loopback4, port: client.local.port };
    await stranger.send("psst", local);
    await friend.send("hello", local);
    expect(Buffer.from((await receive(client)).bytes).toString()).toBe("hello");
    expect(client.receive()).toBe("wait");
    expect(client.send(Buffer.from("x"), stranger.address)).toEqual(denied);
    expect(network.bindUdp({ ...loopback4, port: 4242 })).toEqual(denied);
  });
});

test("a server answers whom it heard from, and nobody else", async () => {
  using known = new Outsider();
  using unknown = new Outsider();
  await use({ listeners: [{ name: "dns", address: "127.0.0.1", port: 0 }] }, async (network) => {
    const server = valueOf(network.bindUdp(loopback4));
    await known.send("question", server.local);
    const { remote } = await receive(server);
    const answer = known.receive();
    send(server, "answer", remote);
    expect(await answer).toBe("answer");
    expect(server.send(Buffer.from("x"), unknown.address)).toEqual(denied);
    expect(network.bindUdp({ ...loopback4, address: "0.0.0.0" })).toEqual(denied);
  });
});

test("a full queue: the newest is dropped", async () => {
  using outsider = new Outsider();
  await use(everythingLocal, async (network) => {
    const server = valueOf(network.bindUdp(loopback4));
    for (let i = 0; i <= socketLimits.datagramsMax; i++) {
      await outsider.send(`${i}`, server.local);
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    for (let i = 0; i < socketLimits.datagramsMax; i++) {
      expect(Buffer.from((await receive(server)).bytes).toString()).toBe(`${i}`);
    }
    expect(server.receive()).toBe("wait");
  });
});

test("close: waiters wake, calls are refused, the seat is free", async () => {
  const network = openTestNetwork(everythingLocal, { socketsMax: 1 });
  const socket = valueOf(network.bindUdp(loopback4));
  const woken = new Promise<void>((resolve) => socket.onReadable(resolve));
  socket.close();
  socket.close();
  await woken;
  const invalid = { kind: "refused", error: "invalid-state" };
  expect([socket.receive(), socket.send(new Uint8Array(1), loopback4), socket.connect(undefined)]).toEqual([
    invalid,
    invalid,
    invalid,
  ]);
  valueOf(network.bindUdp(loopback4));
  network.close();
});

test("a flood: each datagram is told, also the ones that are dropped, or that nobody reads", async () => {
  let events = 0;
  let heard = Promise.withResolvers<void>();
  const network = openTestNetwork(everythingLocal, {
    onEvent: () => {
      events++;
      heard.resolve();
    },
  });
  try {
    const server = valueOf(network.bindUdp(loopback4));
    using outsider = new Outsider();
    const count = socketLimits.datagramsMax + 20;
    for (let i = 0; i < count; i++) {
      heard = Promise.withResolvers();
      await outsider.send("x", server.local);
      await heard.promise;
    }
    expect(events).toBe(count);
  } finally {
    network.close();
  }
});
