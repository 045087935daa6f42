import { expect, test } from "vitest";
import { Dice } from "../soak/dice.ts";
import { Wire } from "./network.ts";
import { SimulatedTime } from "./simulated-time.ts";

function open(seed: number) {
  const time = new SimulatedTime();
  const heard: string[] = [];
  let isClosed = false;
  const wire = new Wire({
    time,
    dice: new Dice(seed),
    slowness: () => ({ delayMsMax: 50 }),
    onClosed: () => (isClosed = true),
  });
  wire.server.on("data", ({ heartbeat }: { heartbeat: { instances: number } }) =>
    heard.push(`heartbeat ${heartbeat.instances}`),
  );
  for (const event of ["end", "cancelled", "close"]) wire.server.on(event, () => heard.push(event));
  wire.client.on("error", () => {});
  wire.client.on("status", ({ code }: { code: number }) => heard.push(`status ${code}`));
  const pass = (ms: number) => {
    while (time.fireNext(time.elapsedMs + ms));
  };
  return { wire, heard, pass, isClosed: () => isClosed };
}

test.each([1, 2, 3])("Wire: keeps the order, and the end comes after all before it, seed %i", (seed) => {
  const { wire, heard, pass } = open(seed);
  for (const instances of [1, 2, 3]) wire.client.write({ heartbeat: { rssBytes: 1, instances } });
  wire.client.end();
  pass(1_000);
  expect(heard).toEqual(["heartbeat 1", "heartbeat 2", "heartbeat 3", "end"]);
});

test("Wire: when it is cut, what is on its way is lost, and both ends notice in time", () => {
  const { wire, heard, pass, isClosed } = open(4);
  wire.client.write({ heartbeat: { rssBytes: 1, instances: 1 } });
  wire.cut();
  pass(20_000);
  expect(heard.toSorted()).toEqual(["cancelled", "close", "status 14"]);
  expect(isClosed()).toBe(true);
});

test("Wire: an end that is dead notices nothing", () => {
  const { wire, heard, pass, isClosed } = open(5);
  wire.cut({ server: true });
  pass(20_000);
  expect(heard).toEqual(["status 14"]);
  expect(isClosed()).toBe(true);
});

test("Wire: a session that the server refuses tells the client why", () => {
  const { wire, heard, pass } = open(6);
  wire.server.emit("error", { code: 6, details: "taken" });
  pass(1_000);
  expect(heard).toEqual(["close", "status 6"]);
});
