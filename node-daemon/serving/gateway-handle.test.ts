import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../kit/clock.ts";
import { silentLog } from "../../kit/log.ts";
import { controlVersion, processName, socketName, type ToGateway } from "../gateway/control.ts";
import { FrameReader, MessageWriter } from "../shim/frames.ts";
import { processStartTicks } from "../shim/process-identity.ts";
import { GatewayHandle } from "./gateway-handle.ts";
import { servingLimits } from "./limits.ts";

let folder: string;
let server: Server;
let sockets: Socket[];
let handle: GatewayHandle;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-handle-"));
  sockets = [];
});
afterEach(async () => {
  handle.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const config = {
  gatewayId: "g",
  buildId: "b",
  nodeName: "n",
  listen: [],
  debugHeaders: false,
  trustForwarded: false,
  connectionsPerClientMax: 0,
  accessLog: undefined,
  orphanMs: undefined,
};

/** A gateway that says hello and reads when `read` says so. */
async function gateway(snapshot: () => Iterable<ToGateway>): Promise<{ read: () => Promise<number> }> {
  const identity = { pid: process.pid, startTicks: processStartTicks(process.pid) };
  writeFileSync(join(folder, processName), JSON.stringify(identity));
  server = createServer((socket) => {
    sockets.push(socket);
    socket.pause();
    socket.on("error", () => {});
    const hello = { protocol: controlVersion, gatewayId: "g", buildId: "b", pid: process.pid };
    new MessageWriter(socket).send({ kind: "hello", ...hello, addresses: [], finishing: false });
  });
  await new Promise<void>((resolve) => server.listen(join(folder, socketName), resolve));
  handle = new GatewayHandle({
    folder,
    config,
    clock: systemClock,
    log: silentLog,
    events: { teach: snapshot, changed: () => {}, message: () => {}, died: () => {} },
  });
  await handle.connect();
  return { read: () => countUpToPing(sockets[0]) };
}

async function countUpToPing(socket: Socket | undefined): Promise<number> {
  let count = 0;
  const reader = new FrameReader();
  for await (const chunk of socket ?? []) {
    // What the handle has sent.
    for (const message of reader.push(chunk as Buffer) as ToGateway[]) {
      if (message.kind === "ping") return count;
      count++;
    }
  }
  throw new Error(`the connection was closed after ${count} messages`);
}

test("GatewayHandle: a snapshot that is larger than what may wait is told all the same, and what follows", async () => {
  const pem = "x".repeat(2 ** 20);
  const most = servingLimits.unreadBytesMax / pem.length + 4;
  const { read } = await gateway(function* () {
    for (let at = 0; at < most; at++) yield { kind: "ticketKey", pem };
  });
  expect(handle.isReady).toBe(true);
  handle.send({ kind: "routeGone", uid: "r" });
  handle.send({ kind: "ping" });
  expect(await read()).toBe(most + 1);
  expect(sockets).toHaveLength(1);
});
