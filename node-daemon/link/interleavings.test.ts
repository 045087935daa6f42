/** Many exchanges over one connection that cuts and delays what it carries, with windows of a few pieces, in any order. */
import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { seededRandom } from "../../kit/random.ts";
import type { CalleeExchange, CallerExchange, ExchangeEnd, ExchangeFault, ResponseHead } from "./exchange.ts";
import { type Pair, choppyPair, Heard, pair, someHead } from "./test-link.ts";

interface Plan {
  readonly requestBytes: number;
  readonly answerBytes: number;
  /** Of one write. */
  readonly pieceBytes: number;
  /** The answer begins before the request has ended. */
  readonly early: boolean;
  /** Each piece is consumed so many turns after it came. */
  readonly consumeTurns: number;
  readonly ends: "whole" | "cancelled" | "fault" | "unanswered body";
}

const plan: fc.Arbitrary<Plan> = fc.record({
  requestBytes: fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 40_000 })),
  answerBytes: fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 40_000 })),
  pieceBytes: fc.integer({ min: 1, max: 10_000 }),
  early: fc.boolean(),
  consumeTurns: fc.nat({ max: 3 }),
  ends: fc.oneof(
    { weight: 5, arbitrary: fc.constant("whole" as const) },
    fc.constantFrom("cancelled" as const, "fault" as const, "unanswered body" as const),
  ),
});

const limits = { windowBytes: 4_096, windowBytesMax: 16_384, growthBytesMax: 30_000 };

/** Bytes that are of this exchange and direction, and of no other. */
function bodyOf(name: string, bytes: number): Buffer {
  const seed = createHash("sha256").update(name).digest();
  return Buffer.alloc(bytes, seed);
}

/** Writes as fast as it is allowed to. Returns what goes on when there is room again. */
function pour(
  body: Buffer,
  pieceBytes: number,
  write: (piece: Buffer) => boolean,
  end: () => void,
): () => void {
  let at = 0;
  let ended = false;
  // As few large pieces as a short test allows.
  const step = Math.max(pieceBytes, Math.ceil(body.length / 50), 1);
  const go = () => {
    while (at < body.length) {
      const piece = Buffer.from(body.subarray(at, at + step));
      at += piece.length;
      const more = write(piece);
      piece.fill(0xee);
      if (!more) return;
    }
    if (ended) return;
    ended = true;
    end();
  };
  return go;
}

function after(turns: number, act: () => void): void {
  if (turns === 0) act();
  else setImmediate(() => after(turns - 1, act));
}

function answer(exchange: CalleeExchange, plan: Plan, name: string, received: Map<string, Buffer[]>): void {
  const pieces: Buffer[] = [];
  received.set(name, pieces);
  let begun = false;
  const go = pour(
    bodyOf(`answer ${name}`, plan.answerBytes),
    plan.pieceBytes,
    (piece) => exchange.write(piece),
    () => {
      if (plan.ends === "fault") {
        exchange.fault({ kind: "failed", reason: "trapped", message: "" });
      } else {
        exchange.end({ trailers: ["name", name] });
      }
    },
  );
  const begin = () => {
    if (begun) return;
    begun = true;
    exchange.respond({ status: 200, headers: ["name", name] });
    go();
  };
  exchange.listen({
    data: (bytes) => {
      pieces.push(bytes);
      if (plan.ends !== "unanswered body") after(plan.consumeTurns, () => exchange.consumed(bytes.length));
    },
    end: begin,
    cancelled() {},
    drain: go,
  });
  if (plan.early || plan.ends === "unanswered body") begin();
}

function ask(link: Pair, plan: Plan, name: string): { readonly heard: Heard; readonly done: Promise<void> } {
  const heard = new Heard();
  const done = new Promise<void>((resolve) => {
    let exchange: CallerExchange | undefined;
    let go = () => {};
    heard.onData = (bytes) => after(plan.consumeTurns, () => exchange?.consumed(bytes.length));
    const listener = {
      head: (head: ResponseHead) => heard.head(head),
      data: (bytes: Buffer) => heard.data(bytes),
      end: (end: ExchangeEnd) => {
        heard.end(end);
        resolve();
      },
      fault: (fault: ExchangeFault) => {
        heard.fault(fault);
        resolve();
      },
      drain: () => go(),
    };
    exchange = link.caller.open({ ...someHead, path: name }, listener);
    go = pour(
      bodyOf(`request ${name}`, plan.requestBytes),
      plan.pieceBytes,
      (piece) => exchange?.write(piece) ?? true,
      () => exchange?.end(["name", name]),
    );
    go();
    if (plan.ends === "cancelled") {
      after(plan.consumeTurns * 3, () => {
        exchange?.cancel();
        resolve();
      });
    }
  });
  return { heard, done };
}

test("a link: whatever is said at the same time, each exchange gets its own, whole and in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(plan, { minLength: 1, maxLength: 12 }), fc.nat(), async (plans, seed) => {
      const random = seededRandom(seed);
      const link = await pair({ limits, duplexes: choppyPair(() => random.fraction()) });
      const received = new Map<string, Buffer[]>();
      let answered = 0;
      const answering = setInterval(() => {
        for (; answered < link.requests.length; answered++) {
          const exchange = link.requests[answered]!;
          answer(exchange, plans[Number(exchange.head.path)]!, exchange.head.path, received);
        }
      }, 0);
      while (!link.caller.accepts) await new Promise(setImmediate);
      const asked = plans.map((plan, index) => ask(link, plan, `${index}`));
      await Promise.all(asked.map(({ done }) => done));
      clearInterval(answering);
      for (const [index, plan] of plans.entries()) {
        if (plan.ends === "cancelled") continue;
        const { heard } = asked[index]!;
        expect(heard.events[0]).toBe(`head 200 name,${index}`);
        expect(heard.events.length).toBe(2);
        expect(heard.events[1]).toBe(
          plan.ends === "fault" ? "fault failed trapped" : `end {"trailers":["name","${index}"]}`,
        );
        const answer = Buffer.concat(heard.pieces);
        const whole = bodyOf(`answer ${index}`, plan.answerBytes);
        // A fault overtakes what waits for room.
        expect(answer.equals(plan.ends === "fault" ? whole.subarray(0, answer.length) : whole)).toBe(true);
        const request = Buffer.concat(received.get(`${index}`) ?? []);
        const asWritten = bodyOf(`request ${index}`, plan.requestBytes);
        const all = plan.ends === "whole" && !plan.early;
        expect(request.equals(all ? asWritten : asWritten.subarray(0, request.length))).toBe(true);
      }
      expect(link.ends).toEqual([]);
      expect(link.caller.count).toBe(0);
      link.caller.close();
      while (link.ends.length < 2) await new Promise(setImmediate);
      expect(link.callee.count).toBe(0);
      expect(link.ends.map((end) => end.reason)).toContain("closed");
    }),
    { numRuns: 100 },
  );
});
