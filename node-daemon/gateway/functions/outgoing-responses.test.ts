import type { ServerHttp2Stream } from "node:http2";
import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { gatewayLimits } from "../limits.ts";
import { ByteBudget } from "../core/byte-budget.ts";
import { OutgoingResponses } from "./outgoing-responses.ts";

/** A stream whose client takes what it is sent when the test says so. */
class TestStream extends Writable {
  readonly taken: (() => void)[] = [];
  isCutOff = false;

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    this.taken.push(done);
  }

  close(): void {
    this.isCutOff = true;
    this.destroy();
  }
}

const room = 100;

function sending() {
  const clock = new FakeClock();
  const budget = new ByteBudget(room);
  const stream = new TestStream();
  // What it uses of one is what this has.
  const responses = new OutgoingResponses(stream as unknown as ServerHttp2Stream, budget, clock);
  const send = (bytes: number) => {
    expect(budget.take(bytes)).toBe(true);
    responses.add([Buffer.alloc(bytes)], bytes);
    responses.flush();
  };
  return { clock, budget, stream, responses, send };
}

/** How much is free of the budget. */
function left(budget: ByteBudget): number {
  for (let bytes = room; bytes > 0; bytes--) {
    if (!budget.take(bytes)) continue;
    budget.give(bytes);
    return bytes;
  }
  return 0;
}

test("OutgoingResponses: an output counts until its client has taken it", async () => {
  const { budget, stream, send } = sending();
  send(60);
  send(40);
  expect(left(budget)).toBe(0);
  stream.taken.shift()?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect(left(budget)).toBe(60);
  stream.taken.shift()?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect(left(budget)).toBe(100);
});

test("OutgoingResponses: whoever takes nothing is cut off, and what was kept for it is free", async () => {
  const { clock, budget, stream, responses, send } = sending();
  send(30);
  expect(budget.take(20)).toBe(true);
  responses.add([Buffer.alloc(20)], 20);
  clock.advance(gatewayLimits.unreadMs - 1);
  expect(stream.isCutOff).toBe(false);
  clock.advance(1);
  expect(stream.isCutOff).toBe(true);
  await new Promise((resolve) => setImmediate(resolve));
  expect(left(budget)).toBe(100);
  // What comes after the end goes nowhere.
  expect(budget.take(50)).toBe(true);
  responses.add([Buffer.alloc(50)], 50);
  expect(left(budget)).toBe(100);
});

test("OutgoingResponses: whoever takes something has as long again for the next", async () => {
  const { clock, stream, send } = sending();
  send(1);
  send(1);
  clock.advance(gatewayLimits.unreadMs - 1);
  stream.taken.shift()?.();
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(gatewayLimits.unreadMs - 1);
  expect(stream.isCutOff).toBe(false);
  stream.taken.shift()?.();
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(gatewayLimits.unreadMs);
  expect(stream.isCutOff).toBe(false);
});
