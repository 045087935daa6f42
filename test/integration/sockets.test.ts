/** A server in C, through the daemon's driver and a shim: suspended while it waits, reached by real clients. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, connect, type Socket } from "node:net";
import { beforeAll, expect, test } from "vitest";
import type { PreparedModule, RunSpec, RuntimeDriver } from "../../node-daemon/runtimes/runtime-driver.ts";
import { type Recorder, TestNode } from "../../node-daemon/runtimes/v8/test-driver.ts";
import { guest } from "../support/guests.ts";

let echo: Uint8Array;

beforeAll(async () => {
  echo = readFileSync(await guest("echo"));
}, 180_000);

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  server.close();
  await once(server, "close");
  return address.port;
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(socket, "connect");
  return socket;
}

async function answerTo(port: number, text: string | Uint8Array): Promise<Buffer> {
  const socket = await dial(port);
  socket.end(text);
  return Buffer.concat(await socket.toArray());
}

interface Started {
  readonly node: TestNode;
  readonly driver: RuntimeDriver;
  readonly told: Recorder;
  readonly module: PreparedModule;
}

async function start(node: TestNode): Promise<Started> {
  const { driver, told } = await node.open();
  return { node, driver, told, module: await node.prepared(driver, echo) };
}

function listening(port: number, more: Partial<RunSpec> = {}): Partial<RunSpec> {
  const listeners = [
    { name: "echo", address: "127.0.0.1", port },
    { name: "spare", address: "127.0.0.1", port: 0 },
  ];
  return { network: { allow: [], listeners }, ...more };
}

test("echoes to one client after the other, and is found by its environment", async () => {
  await using node = new TestNode();
  const { driver, told, module } = await start(node);
  const port = await freePort();
  driver.start(node.spec("one", module, listening(port)));
  await told.hasStarted(1);
  expect((await answerTo(port, "hello\n")).toString()).toBe("hello\n6 bytes\n");
  const big = Buffer.alloc(3_000_000, "wherry");
  // More than all buffers hold: the guest waits for its client to read, and its client for it.
  const socket = await dial(port);
  socket.end(big);
  const answer = Buffer.concat(await socket.toArray());
  expect(answer.equals(Buffer.concat([big, Buffer.from("3000000 bytes\n")]))).toBe(true);
  expect((await answerTo(port, "stop")).toString()).toBe("stop4 bytes\n");
  expect(await told.endOf("one")).toEqual({ kind: "exited", exitCode: 0 });
  expect(node.log("one")).toContain("2 listeners from 3: echo:spare\n");
});

test("what a guest sent before it exited arrives whole", async () => {
  await using node = new TestNode();
  const { driver, told, module } = await start(node);
  const port = await freePort();
  const env = [["ECHO_TAIL", "20000000"]] as const;
  driver.start(node.spec("one", module, listening(port, { env })));
  await told.hasStarted(1);
  expect((await answerTo(port, "stop")).byteLength).toBe("stop4 bytes\n".length + 20_000_000);
  expect(await told.endOf("one")).toEqual({ kind: "exited", exitCode: 0 });
});

test("a port that is taken refuses the run, which may be tried again", async () => {
  await using node = new TestNode();
  const { driver, told, module } = await start(node);
  const port = await freePort();
  driver.start(node.spec("one", module, listening(port)));
  await told.hasStarted(1);
  driver.start(node.spec("two", module, listening(port)));
  expect(await told.endOf("two")).toEqual({
    kind: "refused",
    reason: "AddressInUse",
    message: `listen for echo at 127.0.0.1:${port}: another process or instance has this address`,
    retryable: true,
  });
});

test("stop: a guest that waits for clients, or for one client, is gone, and so are its sockets", async () => {
  await using node = new TestNode();
  const { driver, told, module } = await start(node);
  const ports = [await freePort(), await freePort()] as const;
  for (const [index, port] of ports.entries())
    driver.start(node.spec(`run-${index}`, module, listening(port)));
  await told.hasStarted(2);
  const client = await dial(ports[1]);
  client.write("hello");
  await once(client, "data");
  // It may come before the end of the run is told.
  const clientEnded = once(client, "end");
  for (const uid of ["run-0", "run-1"]) {
    driver.stop(uid, 0);
    expect(await told.endOf(uid)).toEqual({ kind: "stopped" });
  }
  client.resume();
  await clientEnded;
  client.destroy();
  for (const port of ports) await expect(dial(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("a client that resets leaves the others served", async () => {
  await using node = new TestNode();
  const { driver, told, module } = await start(node);
  const port = await freePort();
  driver.start(node.spec("one", module, listening(port)));
  await told.hasStarted(1);
  const rude = await dial(port);
  rude.write("hello");
  await once(rude, "data");
  rude.resetAndDestroy();
  expect((await answerTo(port, "hi")).toString()).toBe("hi2 bytes\n");
  expect((await answerTo(port, "stop")).toString()).toBe("stop4 bytes\n");
  await told.endOf("one");
  expect(node.log("one")).toContain("recv: Connection reset by peer");
});
