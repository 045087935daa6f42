import { EventEmitter } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { ConnectionGate, type GateLimits } from "./connection-gate.ts";

class FakeSocket extends EventEmitter {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readableLength = 0;
  destroyed = false;
  timeoutMs = 0;

  constructor(remoteAddress: string, remotePort: number) {
    super();
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
  }

  destroy(): this {
    if (this.destroyed) return this;
    this.destroyed = true;
    this.emit("close");
    return this;
  }

  setTimeout(ms: number): this {
    this.timeoutMs = ms;
    return this;
  }
}

const limits: GateLimits = { handshakes: 2, handshakeMs: 100, waiting: 5, ofAddress: 1_000, silentMs: 1_000 };

function gateOf(changes: Partial<GateLimits> = {}) {
  const clock = new FakeClock();
  const begun: string[] = [];
  // As much of a socket as the gate looks at.
  const gate = new ConnectionGate<FakeSocket>(
    { ...limits, ...changes },
    clock,
    ({ remoteAddress, remotePort }) => begun.push(`${remoteAddress}:${remotePort}`),
  );
  let port = 0;
  const connect = (address: string, says = true): FakeSocket => {
    const socket = new FakeSocket(address, ++port);
    gate.enter(socket);
    if (says) socket.emit("readable");
    return socket;
  };
  return { clock, gate, begun, connect };
}

test("ConnectionGate: so many handshakes at once, the others in turn as those end", async () => {
  const { gate, begun, connect } = gateOf();
  const sockets = [1, 2, 3, 4].map(() => connect("a"));
  expect(begun).toEqual(["a:1", "a:2"]);
  gate.finished(sockets[0] ?? {});
  gate.finished(sockets[0] ?? {});
  await nextTurn();
  expect([begun, gate.underWay]).toEqual([["a:1", "a:2", "a:3"], 2]);
});

test("ConnectionGate: whoever says nothing keeps nobody waiting, and is dropped", () => {
  const { begun, connect } = gateOf();
  const silent = Array.from({ length: 500 }, () => connect("mute", false));
  connect("b");
  expect(begun).toEqual(["b:501"]);
  expect(silent[0]?.timeoutMs).toBe(1_000);
  silent[0]?.emit("timeout");
  expect(silent[0]?.destroyed).toBe(true);
  silent[1]?.emit("readable");
  expect([begun.at(-1), silent[1]?.timeoutMs]).toEqual(["mute:2", 0]);
});

test("ConnectionGate: a handshake that stalls keeps others waiting for a moment only", async () => {
  const { clock, gate, begun, connect } = gateOf();
  for (let i = 0; i < 4; i++) connect("slow");
  connect("b");
  clock.advance(100);
  await nextTurn();
  expect(begun).toEqual(["slow:1", "slow:2", "slow:3", "b:5"]);
  expect(gate.underWay).toBe(2);
});

test("ConnectionGate: addresses take turns", async () => {
  const { gate, begun, connect } = gateOf({ handshakes: 1, waiting: 1_000 });
  const first = connect("noisy");
  for (let i = 0; i < 900; i++) connect("noisy");
  connect("quiet");
  gate.finished(first);
  await nextTurn();
  gate.finished({ remoteAddress: "noisy", remotePort: 2 });
  await nextTurn();
  expect(begun).toEqual(["noisy:1", "noisy:2", "quiet:902"]);
});

test.each([
  { name: "that wait", changes: { waiting: 3 } },
  { name: "of one address", changes: { ofAddress: 5 } },
])("ConnectionGate: too many connections $name are closed at once", ({ changes }) => {
  const { gate, connect } = gateOf(changes);
  const sockets = Array.from({ length: 10 }, () => connect("a"));
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual([
    ...Array<boolean>(5).fill(false),
    ...Array<boolean>(5).fill(true),
  ]);
  expect(gate.waiting).toBe(3);
});

test("ConnectionGate: who leaves makes room", async () => {
  const { gate, begun, connect } = gateOf({ ofAddress: 4 });
  const sockets = [1, 2, 3, 4].map(() => connect("a"));
  sockets[2]?.destroy();
  connect("a");
  gate.finished(sockets[0] ?? {});
  gate.finished(sockets[1] ?? {});
  await nextTurn();
  expect(begun).toEqual(["a:1", "a:2", "a:4", "a:5"]);
});

test("ConnectionGate: close closes all that have not begun", () => {
  const { gate, connect } = gateOf();
  const sockets = [connect("a"), connect("a"), connect("a"), connect("b", false)];
  gate.close();
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false, true, true]);
  expect([gate.waiting, gate.underWay]).toEqual([0, 0]);
});
