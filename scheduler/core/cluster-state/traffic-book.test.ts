import { expect, test } from "vitest";
import { seededRandom } from "../../../kit/random.ts";
import { lostMemoryMs, TrafficBook, type TrafficSample } from "./traffic-book.ts";

function setUp(known: readonly string[] = ["w", "v"]) {
  const changed: string[] = [];
  const workloads = new Set(known);
  const book = new TrafficBook({ isKnown: (uid) => workloads.has(uid), changed: (uid) => changed.push(uid) });
  /** A session of a node that has told nothing, long ago. */
  const connect = (nodeName: string, atMs = 0, bootId = "boot") => {
    book.connected(nodeName, bootId, atMs);
    book.toldAll(nodeName);
  };
  return { book, changed, workloads, connect };
}

const told = (arrived: number, inFlight = 0, queued = 0, uid = "w"): TrafficSample => ({
  uid,
  arrived,
  inFlight,
  queued,
});

/** `perSecond` arrivals at a node, told of each second. */
function flow(
  book: TrafficBook,
  nodeName: string,
  perSecond: number,
  fromMs: number,
  toMs: number,
  from = 0,
): number {
  let arrived = from;
  for (let atMs = fromMs + 1_000; atMs <= toMs; atMs += 1_000) {
    arrived += perSecond;
    book.take(nodeName, [told(arrived, 2, 1)], atMs);
  }
  return arrived;
}

test("TrafficBook: arrivals per second, and what is in flight, of all nodes together", () => {
  const { book, connect } = setUp();
  connect("n1");
  connect("n2");
  expect(book.figures("w", 0)).toBeUndefined();
  for (let atMs = 1_000; atMs <= 30_000; atMs += 1_000) {
    book.take("n1", [told(atMs / 10, 3, 1)], atMs);
    book.take("n2", [told(atMs / 50, 4, 2)], atMs + 300);
  }
  const figures = book.figures("w", 30_300);
  expect(figures).toMatchObject({ inFlight: 7, queued: 3, isAtLeast: false, isActive: true });
  expect(figures?.arrivedPerSecond).toBeCloseTo(120, 6);
  expect(figures?.inFlightMean).toBeCloseTo(7, 6);
  expect(figures?.queuedMean).toBeCloseTo(3, 6);
});

test("TrafficBook: after an idle time the next requests came just now, not all the time since", () => {
  const { book, connect } = setUp();
  connect("n1");
  book.take("n1", [told(5)], 1_000);
  expect(book.figures("w", 60_000)).toMatchObject({ arrivedPerSecond: 0, isActive: false });
  book.take("n1", [told(105)], 60_000);
  expect(book.figures("w", 61_000)?.arrivedPerSecond).toBeCloseTo(10, 6);
});

test("TrafficBook: on average there is what was there for as long as it was", () => {
  const { book, connect } = setUp();
  connect("n1");
  book.take("n1", [told(1, 8, 4)], 20_000);
  book.take("n1", [told(1, 0, 0)], 25_000);
  expect(book.figures("w", 26_000)).toMatchObject({
    inFlight: 0,
    inFlightMean: 4,
    queuedMean: 2,
    isActive: true,
  });
  expect(book.figures("w", 31_000)?.inFlightMean).toBeCloseTo(4, 6);
  expect(book.figures("w", 33_500)?.inFlightMean).toBeCloseTo(2, 6);
  expect(book.figures("w", 36_000)).toMatchObject({ inFlightMean: 0, isActive: false });
});

test("TrafficBook: one that stays in flight is activity, though nothing is told of it", () => {
  const { book, connect } = setUp();
  connect("n1");
  book.take("n1", [told(1, 1)], 1_000);
  expect(book.figures("w", 500_000)).toMatchObject({ isActive: true, arrivedPerSecond: 0 });
  expect(book.figures("w", 500_000)?.inFlightMean).toBeCloseTo(1, 6);
});

test("TrafficBook: what a node has counted before a new leader is the past, and for a while the rate is not whole", () => {
  const { book } = setUp();
  book.connected("n1", "boot", 5_000);
  book.take("n1", [told(1_000_000, 3)], 5_000);
  book.toldAll("n1");
  expect(book.figures("w", 8_000)).toMatchObject({ arrivedPerSecond: 0, isAtLeast: true, inFlight: 3 });
  flow(book, "n1", 100, 5_000, 16_000, 1_000_000);
  const figures = book.figures("w", 16_000);
  expect(figures?.arrivedPerSecond).toBeCloseTo(100, 6);
  expect(figures?.isAtLeast).toBe(false);
});

test("TrafficBook: a workload that a node tells of later has begun there", () => {
  const { book, connect } = setUp();
  connect("n1");
  book.take("n1", [told(50)], 30_000);
  expect(book.figures("w", 31_000)?.arrivedPerSecond).toBeCloseTo(5, 6);
  expect(book.figures("w", 31_000)?.isAtLeast).toBe(false);
});

test.each([
  { name: "of a daemon that has started again", bootId: "other" },
  { name: "of the same daemon", bootId: "boot" },
])("TrafficBook: a counter that falls has begun anew: $name", ({ bootId }) => {
  const { book, connect } = setUp();
  connect("n1");
  flow(book, "n1", 100, 0, 20_000);
  book.away("n1", 20_000);
  book.connected("n1", bootId, 21_000);
  book.take("n1", [told(100)], 21_000);
  book.toldAll("n1");
  flow(book, "n1", 100, 21_000, 33_000, 100);
  expect(book.figures("w", 22_000)?.arrivedPerSecond).toBeLessThanOrEqual(110);
  expect(book.figures("w", 33_000)?.arrivedPerSecond).toBeCloseTo(100, 6);
});

test("TrafficBook: a daemon of another start counts from 0, though it has counted more by now", () => {
  const { book, connect } = setUp();
  connect("n1");
  book.take("n1", [told(10)], 10_000);
  book.away("n1", 11_000);
  book.connected("n1", "other", 20_000);
  book.take("n1", [told(40)], 20_000);
  expect(book.figures("w", 21_000)?.arrivedPerSecond).toBeCloseTo(4, 6);
});

test("TrafficBook: what came while there was no session is spread over that time", () => {
  const { book, connect } = setUp();
  connect("n1");
  flow(book, "n1", 10, 0, 10_000);
  book.away("n1", 10_000);
  book.connected("n1", "boot", 110_000);
  book.take("n1", [told(100 + 1_000)], 110_000);
  book.toldAll("n1");
  expect(book.figures("w", 111_000)?.arrivedPerSecond).toBeCloseTo(10, 6);
});

test("TrafficBook: while a node that has told of it is silent, it is at least what the others say", () => {
  const { book, connect, changed } = setUp();
  connect("n1");
  connect("n2");
  book.take("n1", [told(10, 4, 2)], 20_000);
  book.take("n2", [told(10, 3, 1)], 20_000);
  changed.length = 0;
  book.away("n2", 21_000);
  expect(changed).toEqual(["w"]);
  expect(book.figures("w", 21_000)).toMatchObject({ inFlight: 4, queued: 2, isAtLeast: true });
  // Whoever has told nothing of it is not missed.
  book.take("n1", [told(1, 1, 0, "v")], 21_000);
  expect(book.figures("v", 21_000)?.isAtLeast).toBe(false);

  book.connected("n2", "boot", 60_000);
  book.take("n2", [told(10, 5, 0)], 60_000);
  book.toldAll("n2");
  expect(book.figures("w", 60_001)).toMatchObject({ inFlight: 9, isAtLeast: true });
  expect(book.figures("w", 71_000)).toMatchObject({ inFlight: 9, isAtLeast: false });
});

test("TrafficBook: a node that is lost counts for nothing after five minutes, and at once when it is deleted", () => {
  const { book, connect } = setUp();
  for (const name of ["n1", "n2", "n3"]) {
    connect(name);
    book.take(name, [told(10, 1)], 1_000);
  }
  book.away("n2", 2_000);
  book.lost("n2", 30_000);
  expect(book.figures("w", 30_000 + lostMemoryMs - 1)).toMatchObject({ inFlight: 2, isAtLeast: true });
  expect(book.figures("w", 30_000 + lostMemoryMs)).toMatchObject({ inFlight: 2, isAtLeast: false });
  book.away("n3", 400_000);
  expect(book.figures("w", 400_000)).toMatchObject({ inFlight: 1, isAtLeast: true });
  book.removeNode("n3", 400_001);
  expect(book.figures("w", 400_001)).toMatchObject({ inFlight: 1, isAtLeast: false });
  // It comes back, and is as any other.
  connect("n2", 500_000);
  book.take("n2", [told(20, 5)], 500_000);
  expect(book.figures("w", 500_000 + lostMemoryMs)).toMatchObject({ inFlight: 6, isAtLeast: false });
});

test("TrafficBook: a node whose loss is declared in a session of it that is new is not forgotten", () => {
  const { book, connect } = setUp();
  connect("n1");
  book.take("n1", [told(10, 1)], 1_000);
  book.lost("n1", 2_000);
  connect("n1", 3_000);
  book.take("n1", [told(11, 1)], 3_000);
  expect(book.figures("w", 3_000 + lostMemoryMs)).toMatchObject({ inFlight: 1, isAtLeast: false });
});

test("TrafficBook: of workloads that do not exist nothing is kept, and of those that are gone neither", () => {
  const { book, connect, changed } = setUp(["w"]);
  connect("n1");
  book.take(
    "n1",
    Array.from({ length: 500 }, (_, at) => told(1, 1, 1, `of-others-${at}`)),
    1_000,
  );
  expect(changed).toEqual([]);
  expect(book.figures("of-others-1", 1_000)).toBeUndefined();
  book.take("n1", [told(5, 5, 5)], 1_000);
  book.removeWorkload("w");
  book.removeWorkload("never there");
  expect(book.figures("w", 1_000)).toBeUndefined();
  book.away("n1", 2_000);
  book.removeNode("n1", 2_000);
  book.removeNode("n1", 2_000);
  book.take("n1", [told(5, 5, 5)], 3_000);
  expect(book.figures("w", 3_000)).toBeUndefined();
});

test("TrafficBook: a node that says absurd things spoils its own part, and nothing of it stays", () => {
  const { book, connect } = setUp();
  connect("good");
  connect("bad");
  const absurd = Number.MAX_SAFE_INTEGER;
  for (let atMs = 1_000; atMs <= 60_000; atMs += 1_000) {
    book.take("good", [told(atMs / 100, 7, 1)], atMs);
    if (atMs <= 30_000)
      book.take("bad", [told(atMs % 2_000 === 0 ? absurd : 0, 2 ** 32 - 1, 2 ** 32 - 1)], atMs);
    if (atMs === 45_000) book.removeNode("bad", atMs);
  }
  const figures = book.figures("w", 60_000);
  expect(figures).toMatchObject({ inFlight: 7, queued: 1, isAtLeast: false });
  expect(figures?.arrivedPerSecond).toBeCloseTo(10, 6);
  expect(figures?.inFlightMean).toBeCloseTo(7, 6);
});

test("TrafficBook: whatever happens, sums are those of the nodes that are heard of, and no rate is negative or endless", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = seededRandom(seed);
    const pick = (count: number) => Math.floor(random.fraction() * count);
    const { book, workloads } = setUp(["w0", "w1", "w2"]);
    const open = new Set<string>();
    const last = new Map<string, { readonly inFlight: number; readonly queued: number }>();
    let nowMs = 0;
    for (let step = 0; step < 500; step++) {
      nowMs += pick(3_000);
      const nodeName = `n${pick(4)}`;
      const uid = `w${pick(4)}`;
      const forget = (isGone: (key: string) => boolean) => {
        for (const key of last.keys()) if (isGone(key)) last.delete(key);
      };
      switch (pick(9)) {
        case 0:
          book.connected(nodeName, `boot${pick(3)}`, nowMs);
          open.add(nodeName);
          forget((key) => key.startsWith(`${nodeName} `));
          break;
        case 1:
          book.toldAll(nodeName);
          break;
        case 2:
          book.away(nodeName, nowMs);
          open.delete(nodeName);
          forget((key) => key.startsWith(`${nodeName} `));
          break;
        case 3:
          if (pick(3) === 0) book.lost(nodeName, nowMs);
          else book.removeNode(nodeName, nowMs);
          open.delete(nodeName);
          forget((key) => key.startsWith(`${nodeName} `));
          break;
        case 4:
          book.removeWorkload(uid);
          forget((key) => key.endsWith(` ${uid}`));
          break;
        default: {
          const [inFlight, queued] = [pick(50), pick(20)];
          book.take(nodeName, [told(pick(1_000), inFlight, queued, uid)], nowMs);
          if (open.has(nodeName) && workloads.has(uid)) last.set(`${nodeName} ${uid}`, { inFlight, queued });
        }
      }
      for (const one of workloads) {
        const figures = book.figures(one, nowMs);
        const of = [...last].filter(([key]) => key.endsWith(` ${one}`)).map(([, value]) => value);
        const sum = (what: "inFlight" | "queued") => of.reduce((all, value) => all + value[what], 0);
        expect([figures?.inFlight ?? 0, figures?.queued ?? 0]).toEqual([sum("inFlight"), sum("queued")]);
        for (const rate of [figures?.arrivedPerSecond, figures?.inFlightMean, figures?.queuedMean]) {
          expect(rate ?? 0).toBeGreaterThanOrEqual(0);
          expect(rate ?? 0).toBeLessThan(1e6);
        }
      }
    }
    for (let at = 0; at < 4; at++) book.removeNode(`n${at}`, nowMs);
    for (const one of workloads)
      expect(book.figures(one, nowMs + 20_000) ?? { isAtLeast: false }).toMatchObject({ isAtLeast: false });
  }
});
