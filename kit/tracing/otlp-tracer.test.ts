import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../clock.ts";
import { silentLog } from "../log.ts";
import { openTracer } from "./open-tracer.ts";
import { noTracer, type Tracer } from "./tracer.ts";

const names = { service: "s", instance: "", packagesFrom: import.meta.filename, clock: systemClock };

/** A collector that answers so; undefined: never. */
async function collector(status: number | undefined): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().once("end", () => {
      if (status !== undefined) response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`;
}

function tell(tracer: Tracer, count: number): void {
  for (let told = 0; told < count; told++)
    tracer.start("n", { kind: "internal", parent: undefined, startMs: 1_000, attributes: {} }).end(2_000);
}

test("openTracer: without a collector it is the one that does nothing", () => {
  expect(openTracer(undefined, names, silentLog)).toBe(noTracer);
});

test("openTracer: without its packages it is the one that does nothing", () => {
  const url = "http://127.0.0.1:1/v1/traces";
  expect(openTracer({ url }, { ...names, packagesFrom: "/nowhere/a.js" }, silentLog)).toBe(noTracer);
});

test("OtlpTracer: counts what the collector has got", async () => {
  await using tracer = openTracer({ url: await collector(200) }, names, silentLog);
  tell(tracer, 700);
  await expect.poll(() => tracer.figures).toEqual({ exported: 700, dropped: 0, failed: 0 });
});

test("OtlpTracer: drops what there is no room for, and counts it", async () => {
  const tracer = openTracer({ url: await collector(undefined) }, names, silentLog);
  tell(tracer, 5_000);
  expect(tracer.figures).toEqual({ exported: 0, dropped: 5_000 - 4_096, failed: 0 });
});

test("OtlpTracer: what a collector refuses is counted, and makes room again", async () => {
  await using tracer = openTracer({ url: await collector(400) }, names, silentLog);
  tell(tracer, 4_096);
  await expect.poll(() => tracer.figures).toEqual({ exported: 0, dropped: 0, failed: 4_096 });
  tell(tracer, 1);
  expect(tracer.figures.dropped).toBe(0);
});

test("OtlpTracer: ends also when the collector never answers", async () => {
  const tracer = openTracer({ url: await collector(undefined) }, names, silentLog);
  tell(tracer, 10);
  await tracer[Symbol.asyncDispose]();
  expect(tracer.figures.exported).toBe(0);
});

test("OtlpTracer: a child is in its parent's trace", async () => {
  await using tracer = openTracer({ url: await collector(200) }, names, silentLog);
  const parent = { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true };
  const span = tracer.start("n", { kind: "server", parent, startMs: 1, attributes: {} });
  expect(span.context).toMatchObject({ traceId: parent.traceId, isSampled: true });
  expect(span.context.spanId).toMatch(/^(?!b+$)[0-9a-f]{16}$/);
});
