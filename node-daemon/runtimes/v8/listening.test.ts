import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import type { Isolation } from "../../../api/isolation.ts";
import { guests } from "../../shim/test-guests.ts";
import { TestNode } from "./test-driver.ts";

const listeners = [
  { name: "fixed", address: "127.0.0.2", port: 0 },
  { name: "web", address: "127.0.0.1", port: 0 },
  { name: "admin", address: "127.0.0.1", port: 0 },
];

test.each(["shared", "process"] satisfies Isolation[])(
  "V8Driver: tells where a %s run listens whose template leaves the ports open, also the next daemon",
  async (isolation) => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const network = { allow: [], listeners };
    const module = await node.prepared(driver, guests.sleepsThenExits(600_000, 0));
    driver.start(node.spec("one", module, { network, isolation }));
    await told.until(() => told.startedUids[0]);
    const ports = listeners.map(({ name }) => driver.boundPortOf("one", name));
    expect(new Set(ports).size).toBe(3);
    for (const [index, { address }] of listeners.entries()) {
      const socket = connect(ports[index] ?? 0, address);
      await once(socket, "connect");
      socket.destroy();
    }
    expect(driver.boundPortOf("one", "other")).toBeUndefined();
    expect(driver.boundPortOf("other", "web")).toBeUndefined();
    await driver.close("keep");
    const next = await node.open();
    expect(listeners.map(({ name }) => next.driver.boundPortOf("one", name))).toEqual(ports);
    next.driver.stop("one", 0);
    await next.told.endOf("one");
    expect(next.driver.boundPortOf("one", "web")).toBeUndefined();
  },
);

test("V8Driver: a port that the template gives is not told", async () => {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const free = await node.prepared(driver, guests.sleepsThenExits(600_000, 0));
  driver.start(node.spec("one", free, { network: { allow: [], listeners: listeners.slice(1, 2) } }));
  await told.until(() => told.startedUids[0]);
  const port = driver.boundPortOf("one", "web") ?? 0;
  driver.stop("one", 0);
  await told.endOf("one");
  const fixed = [{ name: "web", address: "127.0.0.1", port }];
  driver.start(node.spec("two", free, { network: { allow: [], listeners: fixed } }));
  await told.until(() => told.startedUids[1]);
  expect(driver.boundPortOf("two", "web")).toBeUndefined();
});
