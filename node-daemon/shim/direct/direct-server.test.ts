import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, test } from "vitest";
import { systemClock } from "../../../kit/clock.ts";
import { silentLog } from "../../../kit/log.ts";
import { systemRandom } from "../../../kit/random.ts";
import { RawClient } from "../../gateway/testing/test-gateway.ts";
import { guests } from "../test-guests.ts";
import { TestService, wagi } from "../serving/test-service.ts";
import { Connections } from "./direct-port.ts";
import { openDirectPort } from "./direct-server.ts";

const hello = "Content-Type: text/plain\n\nhello";

function service(port: number, module: Uint8Array = guests.hello(hello)): TestService {
  const listener = { name: "direct", address: "127.0.0.1", port };
  return new TestService(module, { spec: { network: { allow: [], listeners: [listener] } } });
}

/** An answer that took its instance more than a turn comes in chunks. */
const whole = /hello(\r\n0\r\n\r\n)?$/;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function rawClient(port: number): Promise<RawClient> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(socket, "connect");
  return new RawClient(socket);
}

test("direct requests: answered, and counted with what the instance uses", async () => {
  const port = await freePort();
  await using direct = service(port);
  await direct.started;
  const response = await fetch(`http://127.0.0.1:${port}/a?b=c`, { method: "POST", body: "x" });
  expect([response.status, await response.text()]).toEqual([200, "hello"]);
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  await expect
    .poll(() => direct.instance.takeUsage().requests)
    .toMatchObject({ arrived: 2, inFlight: 0, requests: { "2xx": 2, "5xx": 0 } });
});

test("direct requests: a large body comes whole", async () => {
  const port = await freePort();
  await using direct = service(port, guests.cgiEchoes("Content-Type: text/plain\n\n"));
  await direct.started;
  const body = "0123456789abcdef".repeat(20_000);
  const response = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
  expect((await response.text()).endsWith(body)).toBe(true);
});

test("direct requests: two instances share a port, and one that goes takes no connection with it", async () => {
  const port = await freePort();
  await using one = service(port);
  await one.started;
  const kept = await rawClient(port);
  kept.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await kept.until(whole);
  await using other = service(port);
  await other.started;
  one.instance.stop(10_000);
  // One more is answered; those who ask anew come to the other one.
  kept.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(await kept.ended()).toMatch(/hello[^]*HTTP\/1\.1 200 OK[^]*hello/);
  expect(await one.end).toEqual({ kind: "stopped" });
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("hello");
});

test("direct requests: one that is killed closes its connections and its port", async () => {
  const port = await freePort();
  await using direct = service(port);
  await direct.started;
  const client = await rawClient(port);
  direct.instance.stop(0);
  await client.ended();
  await direct.end;
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow("fetch failed");
});

test("direct requests: a port that somebody else has refuses the start, and says which", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await using direct = service(port);
  expect(await direct.end).toMatchObject({
    kind: "refused",
    reason: "AddressInUse",
    message: expect.stringContaining(`listener direct: listen at 127.0.0.1:${port}: `),
    retryable: true,
  });
  server.close();
});

test.each([
  ["two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
  [
    "a length and chunks",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  ["no host", "GET / HTTP/1.1\r\n\r\n"],
])("direct requests: refused as by a gateway: %s", async (_what, bytes) => {
  const port = await freePort();
  await using direct = service(port);
  await direct.started;
  const client = await rawClient(port);
  client.send(bytes);
  expect(await client.ended()).toMatch(/^HTTP\/1\.1 400 /);
  expect(direct.instance.takeUsage().requests).toBeUndefined();
});

test("direct requests: connections beyond the bound of the process are closed, and the others go on", async () => {
  const port = await freePort();
  const options = {
    uid: "one",
    namespace: "default",
    name: "one",
    listener: { name: "direct", address: "127.0.0.1", port },
    serving: wagi,
    accept: () => {},
    caused: () => {},
  };
  const connections = new Connections(1);
  const direct = await openDirectPort(options, {
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    connections,
  });
  const first = await rawClient(port);
  const second = await rawClient(port);
  await second.ended();
  expect(first.isEnded).toBe(false);
  first.socket.destroy();
  await once(first.socket, "close");
  await expect
    .poll(async () => {
      const third = await rawClient(port);
      third.send("GET / HTTP/1.1\r\n\r\n");
      return third.ended();
    })
    .toMatch(/^HTTP\/1\.1 400 /);
  direct.close();
});
