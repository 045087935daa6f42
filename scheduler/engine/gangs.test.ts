import { expect, test } from "vitest";
import { startCompetition } from "../testing/competing-workloads.ts";
import { eventsIn } from "../testing/test-engine.ts";
import { stepsPerTurn } from "./step-backlog.ts";

const times = (count: number, place: string) => Array.from({ length: count }, () => place);

test("Engine: a gang gets nodes together, or none and says how far it would come", async () => {
  const { backend, node, gang, pass, places, messages } = await startCompetition();
  node("a", 3);
  node("b", 2);
  gang("team", 8);
  await pass(500);
  expect(places()).toEqual({ team: times(8, "pending") });
  expect(messages("team")).toHaveLength(1);
  expect(messages("team")[0]).toMatch(
    /^Unschedulable: gang of 8: 5 have a place, 3 have none: 0\/2 nodes are available: 2 insufficient cpu\.\n {2}a: insufficient cpu: wants 1000m, 0m free/,
  );
  await pass(1_500);
  expect(eventsIn(backend).map(({ reason }) => reason)).toContain("FailedPlacement");
  node("c", 3);
  await pass(12_000);
  expect(places()["team"]?.filter((place) => place === "c")).toHaveLength(3);
  expect(places()["team"]).toHaveLength(8);
  expect(places()["team"]).not.toContain("pending");
});

test("Engine: a gang larger than a batch is placed in one turn", async () => {
  const { node, gang, pass, places } = await startCompetition();
  const nodes = ["a", "b"].map((name) => node(name, 650));
  gang("team", 1_300);
  await pass(500);
  expect(places()["team"]).toEqual([...times(650, "a"), ...times(650, "b")]);
  expect(nodes.map(({ held }) => held.size)).toEqual([650, 650]);
});

test("Engine: a gang of which a turn can make only a part waits for all of it", async () => {
  const { node, gang, pass, places } = await startCompetition();
  node("a", 1);
  // One step is left of the turn.
  gang("other", stepsPerTurn - 1, "low", { placementPolicy: "Independent", parallelism: stepsPerTurn - 1 });
  gang("team", 2, "high");
  await pass(500);
  expect(places()["team"]).toEqual(["pending", "pending"]);
  expect(places()["other"]?.filter((place) => place === "a")).toHaveLength(1);
});

test("Engine: a gang larger than can be placed together says what to do", async () => {
  const { node, gang, pass, messages } = await startCompetition();
  node("a", 4);
  gang("team", 10_001);
  await pass(500);
  expect(messages("team")).toEqual([
    "Unschedulable: gang of 10001: at most 10000 instances can be placed together; lower parallelism, or use placementPolicy Independent",
  ]);
});

test("Engine: of two gangs that fit one at a time, one has all of its places and the other none", async () => {
  const { node, gang, pass, places } = await startCompetition();
  const a = node("a", 6);
  gang("one", 4);
  gang("two", 4);
  await pass(500);
  expect(places()).toEqual({ one: times(4, "a"), two: times(4, "pending") });
  a.runAll();
  for (const uid of a.held.keys())
    a.report(uid, { phase: "Succeeded", ready: false, exitCode: 0, finishedMs: 2 });
  await pass(12_000);
  expect(places()["two"]).toEqual(times(4, "a"));
});

test("Engine: a quota that lets in less than the gang lets in none of it", async () => {
  const { backend, node, gang, pass, places, messages } = await startCompetition();
  node("a", 8);
  const quota = (cpu: string) =>
    backend.put("resourcequotas", {
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "q", namespace: "default" },
      spec: { hard: { "requests.cpu": cpu } },
    });
  quota("3");
  gang("team", 4);
  await pass(500);
  expect(places()).toEqual({ team: times(4, "pending") });
  expect(messages("team")).toEqual([
    "Unschedulable: gang of 4: the quota lets 3 of it in: exceeded quota: q, requested: requests.cpu=1, used: requests.cpu=3, limited: requests.cpu=3",
  ]);
  quota("4");
  await pass(1_000);
  expect(places()).toEqual({ team: times(4, "a") });
});

test("Engine: room is made for a gang only if all of it then fits, and it is placed together", async () => {
  const { node, deploy, gang, pass, places } = await startCompetition();
  const a = node("a", 3);
  const b = node("b", 3);
  deploy("low", 4);
  await pass(300);
  for (const one of [a, b]) one.runAll();
  gang("large", 7, "high");
  await pass(500);
  expect([...a.stopped, ...b.stopped]).toEqual([]);
  gang("team", 5, "high");
  await pass(300);
  expect(places()["team"]).toEqual([...times(3, "nominated for a"), ...times(2, "nominated for b")].sort());
  const stopped = a.stopped.length + b.stopped.length;
  expect(stopped).toBe(3);
  a.endStopped();
  await pass(12_000);
  expect(places()["team"]).toHaveLength(5);
  expect(places()["team"]?.every((place) => place.startsWith("nominated"))).toBe(true);
  b.endStopped();
  await pass(300);
  expect(places()["team"]?.filter((place) => place === "a" || place === "b")).toHaveLength(5);
  expect(places()["large"]).toEqual(times(7, "pending"));
});

test("Engine: when one nominated place of a gang is lost, all of its places are given up", async () => {
  const { node, deploy, gang, pass, places } = await startCompetition();
  const a = node("a", 2);
  const b = node("b", 2);
  deploy("low", 2);
  await pass(300);
  for (const one of [a, b]) one.runAll();
  gang("team", 4, "high");
  await pass(300);
  expect(places()["team"]?.every((place) => place.startsWith("nominated"))).toBe(true);
  b.disconnect();
  await pass(500);
  expect(places()["team"]).toEqual(times(4, "pending"));
  a.endStopped();
  await pass(12_000);
  expect(places()["low"]).toContain("a");
  node("c", 3);
  a.runAll();
  await pass(12_000);
  expect(places()["team"]?.every((place) => place !== "pending")).toBe(true);
});

test("Engine: a gang that becomes smaller, or no gang any more, is tried again", async () => {
  const { node, gang, pass, places } = await startCompetition();
  node("a", 3);
  gang("shrinking", 4);
  await pass(500);
  gang("shrinking", 4, "low", { parallelism: 2 });
  await pass(500);
  expect(places()).toEqual({ shrinking: times(2, "a") });
  gang("loose", 4);
  await pass(500);
  expect(places()["loose"]).toEqual(times(4, "pending"));
  gang("loose", 4, "low", { placementPolicy: "Independent" });
  await pass(500);
  expect(places()["loose"]).toEqual(["a", ...times(3, "pending")]);
});

test("Engine: what a gang loses later is replaced by itself", async () => {
  const { node, gang, pass, places } = await startCompetition();
  const a = node("a", 3);
  gang("team", 3, "low", { backoffLimit: 6 });
  await pass(500);
  a.runAll();
  const [uid = ""] = a.held.keys();
  a.report(uid, { phase: "Failed", ready: false, reason: "Error", exitCode: 1, finishedMs: 2 });
  await pass(3_000);
  expect(places()["team"]).toEqual(["a", "a", "a", "ended: Error"]);
});

/** A node that small instances keep full: each that ends makes room for one of many others. */
async function startBusyNode() {
  const competition = await startCompetition();
  const { node, gang, pass } = competition;
  const a = node("a", 4);
  gang("small", 1_000, "low", { placementPolicy: "Independent", parallelism: 8 });
  await pass(300);
  const endOne = async () => {
    a.runAll();
    const [uid = ""] =
      [...a.held].find(
        ([, { instance, status }]) => instance.owner.name === "small" && status.phase === "Running",
      ) ?? [];
    a.report(uid, { phase: "Succeeded", ready: false, exitCode: 0, finishedMs: 2 });
    await pass(500);
  };
  return { ...competition, a, endOne };
}

test("Engine: a gang that has waited long enough collects places, so small instances do not starve it", async () => {
  const { gang, pass, places, messages, endOne } = await startBusyNode();
  gang("team", 3);
  gang("later", 3);
  for (let ended = 0; ended < 20; ended++) await endOne();
  expect(places()["team"]).toEqual(times(3, "pending"));
  await pass(25_000);
  await endOne();
  expect(places()["team"]).toEqual(["nominated for a", "pending", "pending"]);
  expect(messages("team")[0]).toContain("gang of 3: 1 has a place reserved, 2 have none");
  expect(places()["later"]).toEqual(times(3, "pending"));
  await endOne();
  await endOne();
  expect(places()["team"]).toEqual(times(3, "a"));
  // And then the next.
  expect(places()["later"]).toEqual(times(3, "pending"));
});

test("Engine: a gang that collects in vain gives up after its term, and lets others go first", async () => {
  const { gang, pass, places, endOne } = await startBusyNode();
  gang("team", 3);
  await pass(31_000);
  await endOne();
  expect(places()["team"]).toContain("nominated for a");
  await pass(590_000);
  expect(places()["team"]).toContain("nominated for a");
  await pass(20_000);
  expect(places()["team"]).toEqual(times(3, "pending"));
  expect(places()["small"]?.filter((place) => place === "a")).toHaveLength(4);
});

test("Engine: a gang that collects and is deleted, or could never fit, keeps nothing from others", async () => {
  const { gang, remove, pass, places, endOne } = await startBusyNode();
  gang("huge", 5);
  gang("team", 4);
  await pass(61_000);
  await endOne();
  expect(places()["huge"]).toEqual(times(5, "pending"));
  expect(places()["team"]).toContain("nominated for a");
  remove("wasmjobs", "team");
  await pass(500);
  expect(places()["small"]?.filter((place) => place === "a")).toHaveLength(4);
  gang("last", 4);
  await pass(61_000);
  await endOne();
  expect(places()["last"]).toContain("nominated for a");
});

test("Engine: a higher one may take what a gang has collected, and the gang begins anew", async () => {
  const { gang, deploy, pass, places, endOne } = await startBusyNode();
  gang("team", 3);
  await pass(31_000);
  await endOne();
  deploy("high", 1, "high");
  await pass(500);
  expect(places()["high"]).toEqual(["a"]);
  expect(places()["team"]).toEqual(times(3, "pending"));
  for (let ended = 0; ended < 3; ended++) await endOne();
  expect(places()["team"]).toEqual(times(3, "a"));
});
