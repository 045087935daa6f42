import * as fc from "fast-check";
import { expect, test } from "vitest";
import { LinkViolation } from "./frame.ts";
import { defaultLinkLimits, pieceCharge } from "./limits.ts";
import { GrowthPool, ReceiveWindow, SendWindow } from "./windows.ts";

const limits = {
  ...defaultLinkLimits,
  windowBytes: 4_096,
  windowBytesMax: 16_384,
  growthBytesMax: 20_000,
};

test("ReceiveWindow: a sender that obeys is never beyond it, is never stuck, and what is kept is bounded", () => {
  const step = fc.record({
    send: fc.nat({ max: 9_000 }),
    consume: fc.nat({ max: 9_000 }),
    which: fc.nat({ max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const pool = new GrowthPool(limits.growthBytesMax);
      const ends = Array.from({ length: 4 }, () => ({
        receiver: new ReceiveWindow(limits, pool),
        sender: new SendWindow(limits.windowBytes),
        pieces: 0,
      }));
      for (const { send, consume, which } of steps) {
        const end = ends[which]!;
        const bytes = end.sender.allowed(send, false);
        if (bytes > 0) {
          end.sender.spend(bytes, false);
          end.receiver.receive(bytes);
        }
        const credit = end.receiver.consume(consume);
        if (credit > 0) end.sender.grant(credit);
        const kept = ends.reduce((sum, { receiver }) => sum + receiver.unconsumed, 0);
        expect(kept).toBeLessThanOrEqual(4 * limits.windowBytes + limits.growthBytesMax);
        expect(end.receiver.unconsumed).toBeLessThanOrEqual(limits.windowBytesMax);
        // Whoever has consumed everything can be sent something.
        if (end.receiver.unconsumed === 0) expect(end.sender.allowed(1, false)).toBe(1);
      }
      for (const { receiver } of ends) receiver.close();
      expect(pool.left).toBe(limits.growthBytesMax);
    }),
  );
});

test("ReceiveWindow: pieces of one byte take their charge, too", () => {
  const window = new ReceiveWindow(limits, new GrowthPool(0));
  const most = Math.floor(limits.windowBytes / (1 + pieceCharge));
  for (let index = 0; index < most; index++) window.receive(1);
  expect(() => window.receive(1)).toThrow(LinkViolation);
});

test("ReceiveWindow: more than was received cannot be consumed", () => {
  const window = new ReceiveWindow(limits, new GrowthPool(0));
  window.receive(2_000);
  expect(window.consume(1_000_000)).toBe(2_000 + pieceCharge);
  expect(window.consume(1_000_000)).toBe(0);
});

test.each([
  ["nothing", [0]],
  ["more than anyone may", [2 ** 20]],
  ["little, a thousand times", Array.from({ length: 1_000 }, () => 2_000)],
])("SendWindow: refuses credit of %s", (_name, grants) => {
  const window = new SendWindow(4_096);
  expect(() => grants.forEach((bytes) => window.grant(bytes))).toThrow(LinkViolation);
});
