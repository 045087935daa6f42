import { afterEach, expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { silentLog } from "../../../kit/log.ts";
import { seededRandom } from "../../../kit/random.ts";
import type { Reading } from "../../core/autoscaling/reading.ts";
import type { MetricWatch } from "../metric-source.ts";
import { serverLimits } from "./asked-server.ts";
import { QuestionBoard, boardLimits } from "./question-board.ts";
import { type Asked, type Question, unknown } from "./question.ts";

const value = (number: number): Asked => ({
  kind: "answered",
  reading: { kind: "value", value: number, isAtLeast: false, atMs: 0 },
});
const silence = (isDown = false): Asked => ({
  kind: "unanswered",
  reading: unknown("Unreachable", "nothing"),
  isDown,
});

/** What was asked and has not been answered yet. */
interface Open {
  readonly key: string;
  readonly signal: AbortSignal;
  answer(asked: Asked): void;
}

class Desk {
  readonly clock = new FakeClock();
  readonly board = new QuestionBoard({ clock: this.clock, random: seededRandom(1), log: silentLog });
  readonly open: Open[] = [];
  readonly asked: string[] = [];

  question(key: string, given: Partial<Question> = {}): Question {
    return {
      key,
      server: "http://a:1",
      owner: "ns",
      intervalMs: 15_000,
      timeoutMs: 5_000,
      ask: (signal) => {
        this.asked.push(key);
        return new Promise((resolve, reject) => {
          const open = { key, signal, answer: resolve };
          this.open.push(open);
          signal.addEventListener("abort", () => {
            if (this.open.includes(open)) this.open.splice(this.open.indexOf(open), 1);
            reject(new Error("aborted"));
          });
        });
      },
      ...given,
    };
  }

  watch(key: string, given: Partial<Question> = {}, changed = () => {}): MetricWatch {
    return this.board.watch(this.question(key, given), changed);
  }

  /** Moves time on in steps, so that what follows from an answer comes in its time. */
  async pass(ms: number, stepMs = 500): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.clock.advance(Math.min(stepMs, ms - passed));
      await settled();
    }
    if (ms === 0) {
      this.clock.advance(0);
      await settled();
    }
  }

  async answer(asked: (key: string) => Asked): Promise<void> {
    for (const open of this.open.splice(0)) open.answer(asked(open.key));
    await settled();
  }

  /** Answers whatever is asked meanwhile. */
  async passAnswering(ms: number, asked: (key: string) => Asked, stepMs = 500): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      await this.pass(stepMs, stepMs);
      while (this.open.length > 0) await this.answer(asked);
    }
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => void setImmediate(resolve));
}

const desks: Desk[] = [];
function desk(): Desk {
  const made = new Desk();
  desks.push(made);
  return made;
}
afterEach(async () => {
  for (const { board } of desks.splice(0)) await board[Symbol.asyncDispose]();
});

const reasonOf = (reading: Reading) => (reading.kind === "unknown" ? reading.reason : reading.kind);

test("QuestionBoard: nothing is known before the first answer, and `changed` says that it came", async () => {
  const d = desk();
  let changes = 0;
  const watch = d.watch("q", {}, () => changes++);
  expect(reasonOf(watch.read())).toBe("Pending");
  await d.pass(0);
  await d.answer(() => value(7));
  expect(watch.read()).toMatchObject({ kind: "value", value: 7 });
  expect([changes, d.asked.length]).toEqual([1, 1]);
});

test("QuestionBoard: a thousand who ask the same are one question", async () => {
  const d = desk();
  let changes = 0;
  const watches = Array.from({ length: 1000 }, () => d.watch("q", {}, () => changes++));
  await d.pass(0);
  await d.answer(() => value(1));
  expect([d.asked.length, changes, d.board.questionCount]).toEqual([1, 1000, 1]);
  for (const watch of watches.slice(1)) watch.close();
  expect(d.board.questionCount).toBe(1);
  watches[0]?.close();
  watches[0]?.close();
  expect(d.board.questionCount).toBe(0);
  await d.passAnswering(60_000, () => value(1));
  expect(d.asked.length).toBe(1);
});

test("QuestionBoard: each is asked once in its interval, and they are spread over it", async () => {
  const d = desk();
  for (let at = 0; at < 150; at++) d.watch(`q${at}`);
  await d.passAnswering(15_000, () => value(1));
  d.asked.length = 0;
  const perSecond: number[] = [];
  for (let second = 0; second < 15; second++) {
    const before = d.asked.length;
    await d.passAnswering(1_000, () => value(1));
    perSecond.push(d.asked.length - before);
  }
  expect(d.asked.length).toBe(150);
  expect(new Set(d.asked).size).toBe(150);
  expect(Math.max(...perSecond)).toBeLessThan(30);
});

test("QuestionBoard: `changed` comes only when something else would be read", async () => {
  const d = desk();
  let changes = 0;
  d.watch("q", {}, () => changes++);
  await d.passAnswering(60_000, () => value(1));
  expect(changes).toBe(1);
  await d.passAnswering(15_000, () => value(2));
  expect(changes).toBe(2);
});

test("QuestionBoard: at most 8 of one server and 64 in all, in turn", async () => {
  const d = desk();
  for (let server = 0; server < 20; server++)
    for (let at = 0; at < 20; at++) d.watch(`s${server} q${at}`, { server: `http://s${server}:1` });
  await d.pass(0);
  // None of them has ever answered.
  expect(d.open.length).toBe(boardLimits.unprovenMax);
  expect(new Set(d.open.map(({ key }) => key.split(" ")[0])).size).toBe(boardLimits.unprovenMax);
  let most = 0;
  let mostOfOne = 0;
  while (d.open.length > 0) {
    most = Math.max(most, d.open.length);
    const counts = Map.groupBy(d.open, ({ key }) => key.split(" ")[0]);
    mostOfOne = Math.max(mostOfOne, ...[...counts.values()].map(({ length }) => length));
    await d.answer(() => value(1));
  }
  expect([most, mostOfOne, d.asked.length]).toEqual([boardLimits.runningMax, serverLimits.newMax, 400]);
  for (let at = 0; at < 20; at++) d.board.askNow(`s0 q${at}`);
  await d.pass(0);
  expect(d.open.length).toBe(serverLimits.runningMax);
});

test("QuestionBoard: a hundred servers that never answer do not delay one that does", async () => {
  const d = desk();
  d.watch("good", { server: "http://good:1", intervalMs: 1_000 });
  await d.pass(0);
  await d.answer(() => value(1));
  for (let at = 0; at < 100; at++) d.watch(`dead${at}`, { server: `http://dead${at}:1`, timeoutMs: 60_000 });
  d.asked.length = 0;
  for (let step = 0; step < 120; step++) {
    await d.pass(500);
    for (const open of d.open.filter(({ key }) => key === "good")) {
      d.open.splice(d.open.indexOf(open), 1);
      open.answer(value(1));
    }
  }
  expect(d.asked.filter((key) => key === "good").length).toBeGreaterThanOrEqual(59);
});

test("QuestionBoard: a new server does not wait for those that have failed", async () => {
  const d = desk();
  for (let at = 0; at < 100; at++) d.watch(`dead${at}`, { server: `http://dead${at}:1`, timeoutMs: 5_000 });
  // All of them have been tried once, and many of them stand in line again.
  await d.pass(60_000);
  d.watch("new", { server: "http://new:1" });
  await d.pass(5_500);
  expect(d.asked).toContain("new");
});

test("QuestionBoard: what does not answer costs its time, and its signal is aborted", async () => {
  const d = desk();
  const watch = d.watch("q", { timeoutMs: 2_000 });
  await d.pass(0);
  const signal = d.open[0]?.signal;
  await d.pass(1_500);
  expect(signal?.aborted).toBe(false);
  await d.pass(500);
  expect(signal?.aborted).toBe(true);
  expect(watch.read()).toEqual(unknown("Unreachable", "http://a:1 did not answer within 2 s"));
});

test("QuestionBoard: one answer that does not come changes nothing for as long as the last one holds", async () => {
  const d = desk();
  let changes = 0;
  const watch = d.watch("q", {}, () => changes++);
  await d.pass(0);
  await d.answer(() => value(5));
  const refuse = () => silence(true);
  await d.passAnswering(20_500, refuse);
  expect(reasonOf(watch.read())).toBe("value");
  await d.passAnswering(1_000, refuse);
  expect(watch.read()).toEqual(unknown("Unreachable", "nothing"));
  expect(changes).toBe(2);
});

test("QuestionBoard: what is not answered in time is Unreachable, and not outdated for a moment before", async () => {
  const d = desk();
  const seen: string[] = [];
  const watch = d.watch("q", {}, () => seen.push(reasonOf(watch.read())));
  await d.passAnswering(31_000, () => value(5));
  await d.pass(60_000);
  expect(seen).toEqual(["value", "Unreachable"]);
});

test("QuestionBoard: who was away for a moment is said to have been, as it may have lost what it knew", async () => {
  const d = desk();
  const watch = d.watch("q");
  const other = d.watch("other");
  await d.passAnswering(500, () => value(5));
  expect(watch.read()).not.toHaveProperty("awayMs");
  // It is not there when it is asked next, and is a second later.
  let refused = 0;
  await d.passAnswering(19_000, () => (refused++ === 0 ? silence(true) : value(0)));
  expect(watch.read()).toMatchObject({ kind: "value", value: 0, awayMs: expect.any(Number) });
  expect(other.read()).toMatchObject({ awayMs: (watch.read() as { awayMs?: number }).awayMs });
});

test("QuestionBoard: what the server says replaces what was good at once", async () => {
  const d = desk();
  const watch = d.watch("q");
  await d.pass(0);
  await d.answer(() => value(5));
  await d.passAnswering(15_000, () => ({ kind: "answered", reading: unknown("NoData", "empty") }));
  expect(reasonOf(watch.read())).toBe("NoData");
});

test("QuestionBoard: a server that is down is tried with one question, less and less often, up to the interval", async () => {
  const d = desk();
  for (let at = 0; at < 50; at++) d.watch(`q${at}`);
  await d.passAnswering(1_000, () => value(1));
  d.asked.length = 0;
  await d.passAnswering(300_000, () => silence(true), 1_000);
  const { length } = d.asked;
  // 1, 2, 4, 8 and then every 15 seconds: 22 or so; each of fifty questions every 15 seconds would be a thousand.
  expect(length).toBeGreaterThan(18);
  expect(length).toBeLessThan(40);
  // It is back: all are known again within one interval.
  d.asked.length = 0;
  await d.passAnswering(15_000, () => value(2));
  expect(new Set(d.asked).size).toBe(50);
});

test("QuestionBoard: one query that takes too long does not make its server count as down", async () => {
  const d = desk();
  d.watch("slow", { timeoutMs: 1_000, intervalMs: 5_000 });
  for (let at = 0; at < 10; at++) d.watch(`q${at}`, { intervalMs: 5_000 });
  const step = async () => {
    await d.pass(500);
    for (const open of d.open.filter(({ key }) => key !== "slow")) {
      d.open.splice(d.open.indexOf(open), 1);
      open.answer(value(1));
    }
    await settled();
  };
  for (let at = 0; at < 20; at++) await step();
  d.asked.length = 0;
  for (let at = 0; at < 60; at++) await step();
  for (let at = 0; at < 10; at++)
    expect(d.asked.filter((key) => key === `q${at}`).length).toBeGreaterThanOrEqual(5);
});

test("QuestionBoard: many that are never answered keep nobody else from the same server", async () => {
  const d = desk();
  for (let at = 0; at < 200; at++)
    d.watch(`heavy${at}`, { owner: "other", timeoutMs: 5_000, intervalMs: 3_600_000 });
  const watch = d.watch("light", { intervalMs: 5_000 });
  let known = 0;
  for (let at = 0; at < 600; at++) {
    await d.pass(500);
    const light = d.open.find(({ key }) => key === "light");
    if (light) {
      d.open.splice(d.open.indexOf(light), 1);
      light.answer(value(1));
      await settled();
    }
    if (at >= 20 && reasonOf(watch.read()) === "value") known++;
  }
  expect(known).toBe(580);
});

test("QuestionBoard: servers that answer late keep nobody from those that answer soon", async () => {
  const d = desk();
  for (let server = 0; server < 20; server++)
    for (let at = 0; at < 8; at++)
      d.watch(`late${server}.${at}`, {
        server: `http://late${server}:1`,
        owner: "other",
        timeoutMs: 60_000,
        intervalMs: 60_000,
      });
  const beganMs = new Map<string, number>();
  const answerLate = async () => {
    const nowMs = d.clock.monotonic();
    for (const open of d.open.slice()) {
      if (!open.key.startsWith("late")) continue;
      const sinceMs = beganMs.get(open.key) ?? nowMs;
      beganMs.set(open.key, sinceMs);
      if (nowMs - sinceMs < 50_000) continue;
      beganMs.delete(open.key);
      d.open.splice(d.open.indexOf(open), 1);
      open.answer(value(1));
    }
    await settled();
  };
  // Until it is known of each of them.
  for (let at = 0; at < 1_200; at++) {
    await d.pass(1_000, 1_000);
    await answerLate();
  }
  d.watch("soon", { server: "http://soon:1", intervalMs: 5_000 });
  let asked = 0;
  for (let at = 0; at < 60; at++) {
    await d.pass(1_000, 1_000);
    const soon = d.open.find(({ key }) => key === "soon");
    if (soon) {
      asked++;
      d.open.splice(d.open.indexOf(soon), 1);
      soon.answer(value(1));
    }
    await answerLate();
  }
  expect(asked).toBeGreaterThanOrEqual(11);
});

test.each([3, 8, 50, 200])(
  "QuestionBoard: %i questions that hang for a minute each do not keep others of the same server from their answers",
  async (count) => {
    const d = desk();
    const watch = d.watch("good");
    await d.passAnswering(31_000, () => value(5));
    for (let at = 0; at < count; at++) d.watch(`hangs ${at}`, { intervalMs: 1_000, timeoutMs: 60_000 });
    const seen = new Set<string>();
    for (let second = 0; second < 600; second++) {
      await d.pass(1_000);
      for (const open of d.open.filter(({ key }) => key === "good")) {
        d.open.splice(d.open.indexOf(open), 1);
        open.answer(value(5));
      }
      await settled();
      seen.add(reasonOf(watch.read()));
    }
    expect([...seen]).toEqual(["value"]);
  },
);

test("QuestionBoard: that a server is down is told to all who ask something of it", async () => {
  const d = desk();
  const told = new Set<string>();
  const watches = ["a", "b", "c"].map((key) => d.watch(key, {}, () => told.add(key)));
  await d.pass(0);
  await d.answer(() => silence(true));
  expect(d.asked).toEqual(["a"]);
  expect([...told]).toEqual(["a", "b", "c"]);
  expect(watches.map((watch) => reasonOf(watch.read()))).toEqual([
    "Unreachable",
    "Unreachable",
    "Unreachable",
  ]);
});

test("QuestionBoard.askNow: asks at once; what is being asked is asked again after it", async () => {
  const d = desk();
  d.watch("q");
  await d.pass(0);
  d.board.askNow("q");
  expect(d.asked.length).toBe(1);
  await d.answer(() => value(1));
  expect(d.asked.length).toBe(2);
  await d.answer(() => value(1));
  d.board.askNow("q");
  d.board.askNow("q");
  d.board.askNow("unknown");
  await settled();
  expect(d.asked.length).toBe(3);
});

test("QuestionBoard: a question that throws is unreachable, not the end of the board", async () => {
  const d = desk();
  const watch = d.watch("q", { ask: () => Promise.reject(new Error("a bug")) });
  const other = d.watch("other");
  await d.pass(0);
  await d.passAnswering(2_000, () => value(1));
  expect(reasonOf(watch.read())).toBe("Unreachable");
  expect(reasonOf(other.read())).toBe("value");
});

test("QuestionBoard: closed and watched again while it is asked, the old answer is nobody's", async () => {
  const d = desk();
  let changes = 0;
  d.watch("q", {}, () => changes++).close();
  d.watch("q", {}, () => changes++).close();
  const watch = d.watch("q", {}, () => changes++);
  await d.pass(0);
  const [first] = d.open.splice(0);
  watch.close();
  const again = d.watch("q", {}, () => changes++);
  first?.answer(value(1));
  await settled();
  expect([reasonOf(again.read()), changes]).toEqual(["Pending", 0]);
});

test("QuestionBoard: ten thousand questions of one server take their turns, and wait once each", async () => {
  const d = desk();
  for (let at = 0; at < 10_000; at++) d.watch(`q${at}`, { ask: () => Promise.resolve(value(at)) });
  const before = process.cpuUsage();
  await d.pass(0);
  for (let turn = 0; turn < 50; turn++) await settled();
  const last = d.watch("q9999");
  expect(reasonOf(last.read())).toBe("value");
  expect(process.cpuUsage(before).user).toBeLessThan(5_000_000);
});
