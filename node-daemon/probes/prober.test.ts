import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/log.ts";
import { seededRandom } from "../../kit/random.ts";
import type { Health } from "../core/lifecycle-state.ts";
import type { ProbeConfig } from "../core/probe-config.ts";
import type { ProbeAnswer } from "../core/probing.ts";
import { type ExecQuestion, type ProbedRun, Prober } from "./prober.ts";

const ready: Health = { started: true, ready: true, reason: "", message: "" };

function config(given: Partial<ProbeConfig> = {}): ProbeConfig {
  return {
    target: { kind: "exec", args: ["check"] },
    initialDelayMs: 0,
    periodMs: 10_000,
    timeoutMs: 1000,
    successThreshold: 1,
    failureThreshold: 1,
    gracePeriodMs: undefined,
    ...given,
  };
}

function run(given: Partial<ProbedRun> = {}): ProbedRun {
  return {
    uid: "a",
    run: 0,
    namespace: "default",
    probes: { liveness: config() },
    startedMonotonicMs: 0,
    health: ready,
    adopted: false,
    ...given,
  };
}

function probing() {
  const clock = new FakeClock();
  const asked: (ExecQuestion & { readonly answer: (answer: ProbeAnswer) => void })[] = [];
  const told: string[] = [];
  const prober = new Prober({
    clock,
    random: seededRandom(3),
    log: silentLog,
    exec: (question) =>
      new Promise((answer) => {
        asked.push({ ...question, answer });
      }),
    events: {
      health: (uid, number, health) => told.push(`${uid}/${number} ${health.reason || "ready"}`),
      unhealthy: (uid, number) => told.push(`${uid}/${number} dead`),
    },
  });
  const advance = async (ms: number) => {
    clock.advance(ms);
    await new Promise(setImmediate);
  };
  return { prober, clock, asked, told, advance };
}

test("Prober: asks again a period later, give or take its jitter, and never twice at a time", async () => {
  const { prober, asked, advance } = probing();
  prober.follow(run());
  await advance(1);
  await advance(60_000);
  expect(asked.length).toBe(1);
  asked[0]?.answer({ kind: "success" });
  await advance(1);
  await advance(1);
  expect(asked.length).toBe(2);
  asked[1]?.answer({ kind: "success" });
  await advance(8900);
  expect(asked.length).toBe(2);
  await advance(2100);
  expect(asked.length).toBe(3);
});

test("Prober: a run that is over is asked nothing more, and its answer changes nothing", async () => {
  const { prober, asked, told, advance } = probing();
  prober.follow(run());
  await advance(1);
  prober.forget("a");
  expect(asked[0]?.signal.aborted).toBe(true);
  asked[0]?.answer({ kind: "failure", message: "" });
  await advance(60_000);
  expect([asked.length, told]).toEqual([1, []]);
});

test("Prober: the next run begins anew, and the same one again changes nothing", async () => {
  const { prober, asked, told, advance } = probing();
  prober.follow(run());
  prober.follow(run());
  await advance(1);
  prober.follow(run({ run: 1 }));
  await advance(1);
  expect(asked.length).toBe(2);
  asked[1]?.answer({ kind: "failure", message: "" });
  await advance(1);
  expect(told).toEqual(["a/1 dead"]);
});

test("Prober: a question that rejects is no answer", async () => {
  const { prober, told, advance } = probing();
  prober.follow(run({ probes: { liveness: config({ target: { kind: "exec", args: [] } }) } }));
  await advance(1);
  expect(told).toEqual([]);
});

test("Prober: ten thousand probes of one namespace that all hang leave another one its places", async () => {
  const { prober, asked, advance } = probing();
  for (let index = 0; index < 10_000; index++) prober.follow(run({ uid: `bad-${index}`, namespace: "bad" }));
  await advance(5);
  expect(asked.length).toBe(64);
  prober.follow(run({ uid: "good", namespace: "good" }));
  await advance(5);
  expect(asked.map(({ uid }) => uid).filter((uid) => uid === "good")).toEqual(["good"]);
  prober.close();
});

test("Prober: those that an earlier daemon had probed are asked over a whole period", async () => {
  const { prober, asked, advance } = probing();
  for (let index = 0; index < 1000; index++) prober.follow(run({ uid: `a-${index}`, adopted: true }));
  const counts: number[] = [];
  for (let second = 0; second < 10; second++) {
    await advance(1000);
    for (const { answer } of asked.splice(0)) {
      answer({ kind: "success" });
      counts[second] = (counts[second] ?? 0) + 1;
    }
    // Those that waited in the gate.
    await advance(0);
    while (asked.length > 0) {
      counts[second] = (counts[second] ?? 0) + asked.length;
      for (const { answer } of asked.splice(0)) answer({ kind: "success" });
      await advance(0);
    }
  }
  expect(Math.min(...counts)).toBeGreaterThan(50);
  expect(Math.max(...counts)).toBeLessThan(150);
});

test("Prober: a wait of a day is one, though no timer lasts that long", async () => {
  const { prober, asked, clock, advance } = probing();
  prober.follow(run({ probes: { liveness: config({ initialDelayMs: 86_400_000 }) } }));
  for (let hour = 0; hour < 21; hour++) await advance(3_600_000);
  expect(asked.length).toBe(0);
  for (let hour = 0; hour < 6; hour++) await advance(3_600_000);
  expect([asked.length, clock.monotonic()]).toEqual([1, 97_200_000]);
});
