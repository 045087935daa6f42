import { expect, test } from "vitest";
import {
  asMetricSays,
  autoscaler,
  autoscalers,
  deployments,
  queueMetric,
  startKeeper,
} from "../testing/autoscaler-life.ts";
import type { Decision } from "../core/autoscaling/decision.ts";
import type { AutoscalerMemory } from "../core/autoscaling/memory.ts";
import { anInstance } from "../core/testing/builders.ts";
import { deployment } from "../testing/test-engine.ts";

const condition = (
  status: { conditions?: readonly { type: string; status: string; reason: string; message: string }[] },
  type: string,
) => status.conditions?.find((one) => one.type === type);

function nothing(memory: AutoscalerMemory): Decision {
  const why = "";
  return {
    replicas: undefined,
    why,
    status: {},
    unknown: [],
    isFallback: false,
    memory,
    memoryIfFailed: memory,
    events: [],
    wakeAtMs: undefined,
  };
}

test("AutoscalerKeeper: sets the scale to what is decided, and says so in status and events", async () => {
  const life = await startKeeper();
  life.backend.put(deployments, deployment(2));
  life.backend.put(autoscalers, autoscaler("auto"));
  life.value(5);
  await life.pass(1_000);
  expect(life.replicas()).toBe(5);
  expect(life.status()).toMatchObject({ desiredReplicas: 5, targets: "5" });
  expect(life.events.map(({ reason, involved }) => `${involved.name} ${reason}`)).toEqual([
    "auto SuccessfulRescale",
  ]);
  expect(life.keeper.rescales).toEqual({ up: 1, down: 0, conflict: 0, refused: 0 });
  await life.keeper.close();
});

test("AutoscalerKeeper: looks at most once a second, however often a metric changes", async () => {
  const life = await startKeeper();
  life.backend.put(deployments, deployment(2));
  life.backend.put(autoscalers, autoscaler("auto"));
  await life.pass(1_000);
  const before = life.inputs.length;
  for (let value = 0; value < 100; value++) {
    life.value(3 + (value % 2));
    await life.pass(50);
  }
  expect(life.inputs.length - before).toBeLessThanOrEqual(6);
  await life.keeper.close();
});

test("AutoscalerKeeper: does not look when nothing changes", async () => {
  const life = await startKeeper();
  life.backend.put(deployments, deployment(2));
  life.backend.put(autoscalers, autoscaler("auto"));
  life.value(2);
  await life.pass(10_000);
  const before = life.inputs.length;
  await life.pass(600_000);
  expect(life.inputs.length).toBe(before);
  await life.keeper.close();
});

test("AutoscalerKeeper: looks again at the time that the decision names, by the monotonic clock", async () => {
  const wakes: number[] = [];
  const life = await startKeeper({
    decide: ({ memory, monotonicMs }) => {
      wakes.push(monotonicMs);
      return { ...nothing(memory), wakeAtMs: monotonicMs + 30_000 };
    },
  });
  life.backend.put(deployments, deployment(2));
  life.backend.put(autoscalers, autoscaler("auto"));
  await life.pass(10_000);
  life.clock.jump(-3_600_000);
  await life.pass(60_000);
  expect(wakes.length).toBeGreaterThanOrEqual(3);
  expect(wakes.slice(-2)).toEqual([wakes.at(-2), (wakes.at(-2) ?? 0) + 30_000]);
  await life.keeper.close();
});

test("AutoscalerKeeper: what somebody else has set meanwhile is looked at again, not overwritten", async () => {
  const life = await startKeeper();
  life.backend.put(deployments, deployment(2));
  life.backend.put(autoscalers, autoscaler("auto"));
  await life.pass(1_000);
  life.backend.holdWrites = true;
  life.value(5);
  await life.pass(1_000);
  life.setReplicas(7);
  const before = life.inputs.length;
  life.backend.releaseWrites();
  await life.pass(0);
  expect(life.replicas()).toBe(7);
  expect(life.keeper.rescales.conflict).toBe(1);
  await life.pass(1_000);
  const next = life.inputs[before];
  expect(next?.target).toMatchObject({ kind: "found", target: { specReplicas: 7 } });
  // What was decided and not done is not remembered.
  expect(next?.memory.replicas).toBe(2);
  expect(life.replicas()).toBe(5);
  await life.keeper.close();
});

test("AutoscalerKeeper: a write that is refused is told of and tried again, and its change not remembered", async () => {
  const life = await startKeeper();
  life.backend.put(deployments, deployment(2));
  life.backend.put(autoscalers, autoscaler("auto"));
  life.scales.refusal = "exceeded quota";
  life.value(5);
  await life.pass(2_000);
  expect(life.replicas()).toBe(2);
  expect(condition(life.status(), "AbleToScale")).toMatchObject({
    status: "False",
    reason: "FailedUpdateScale",
    message: "the number of instances could not be set to 5: exceeded quota",
  });
  expect(life.events.map(({ reason, message }) => `${reason}: ${message}`)).toEqual([
    "FailedRescale: New size: 5; reason: it says so; error: exceeded quota",
  ]);
  expect(life.inputs.at(-1)?.memory.replicas).not.toBe(5);
  life.scales.refusal = undefined;
  await life.pass(16_000);
  expect(life.replicas()).toBe(5);
  expect(life.inputs.at(-1)?.memory.replicas).toBe(5);
  await life.keeper.close();
});

test("AutoscalerKeeper: after a write of which nobody knows whether it was done, the idle time begins anew", async () => {
  const life = await startKeeper({
    decide: (input) => {
      const decision = asMetricSays(input);
      const idle = { idleSinceMs: 1 };
      return {
        ...decision,
        memory: { ...decision.memory, ...idle },
        memoryIfFailed: { ...decision.memoryIfFailed, ...idle },
      };
    },
  });
  life.backend.put(deployments, deployment(1));
  life.backend.put(autoscalers, autoscaler("auto"));
  await life.pass(1_000);
  life.value(1);
  await life.pass(1_000);
  expect(life.inputs.at(-1)?.memory.idleSinceMs).toBe(1);
  life.scales.writing = () => {
    throw new Error("the store is down");
  };
  life.value(5);
  await life.pass(1_000);
  const before = life.inputs.length;
  await life.pass(3_000);
  // Between the two a request may have found 0 and set 1.
  expect(life.inputs[before]?.memory.idleSinceMs).toBeUndefined();
  expect(condition(life.status(), "AbleToScale")).toMatchObject({
    status: "False",
    reason: "FailedUpdateScale",
  });
  await life.keeper.close();
});

test("AutoscalerKeeper: warnings of one reason come at most every fifteen seconds", async () => {
  const life = await startKeeper();
  life.backend.put(deployments, deployment(2));
  life.backend.put(autoscalers, autoscaler("auto"));
  life.scales.refusal = "no";
  for (let second = 0; second < 30; second++) {
    life.value(3 + (second % 2));
    await life.pass(1_000);
  }
  expect(life.events.length).toBeLessThanOrEqual(3);
  await life.keeper.close();
});

test("AutoscalerKeeper: of two on one target the oldest scales, and when it goes the other takes over", async () => {
  const life = await startKeeper();
  life.backend.put(deployments, deployment(2));
  life.backend.put(autoscalers, autoscaler("b", {}, "2026-01-01T00:00:00Z"));
  const first = life.backend.put(autoscalers, autoscaler("first", {}, "2025-12-31T00:00:00Z"));
  life.backend.put(autoscalers, autoscaler("a", {}, "2026-01-01T00:00:00Z"));
  life.value(4, "first");
  life.value(8, "a");
  life.value(9, "b");
  await life.pass(3_000);
  expect(life.replicas()).toBe(4);
  expect(condition(life.status("a"), "ScalingActive")).toMatchObject({
    reason: "taken",
    message: "by first",
  });
  expect([...life.redis.watchers].map(({ owner }) => owner.autoscaler)).toEqual(["first"]);
  life.backend.remove(autoscalers, first);
  await life.pass(3_000);
  expect(life.replicas()).toBe(8);
  expect(condition(life.status("b"), "ScalingActive")).toMatchObject({ message: "by a" });
  expect([...life.redis.watchers].map(({ owner }) => owner.autoscaler)).toEqual(["a"]);
  await life.keeper.close();
});

test("AutoscalerKeeper: a target of another uid is another one: nothing of the former is remembered", async () => {
  const life = await startKeeper();
  const { metadata, ...app } = life.backend.put(deployments, deployment(2));
  life.backend.put(autoscalers, autoscaler("auto"));
  life.value(4);
  await life.pass(3_000);
  const owner = [...life.redis.watchers][0]?.owner;
  expect(owner).toMatchObject({ namespace: "default", targetUid: metadata.uid });
  life.backend.remove(deployments, { ...app, metadata });
  await life.pass(2_000);
  expect(life.redis.watchers.size).toBe(0);
  expect(condition(life.status(), "ScalingActive")).toMatchObject({ status: "False", reason: "notFound" });
  life.backend.put(deployments, deployment(1));
  await life.pass(1_000);
  const again = life.inputs.findLast(({ target }) => target.kind === "found");
  expect([...life.redis.watchers][0]?.owner.targetUid).not.toBe(metadata.uid);
  expect(again).toBeDefined();
  expect(
    life.inputs.find((input) => input.target.kind === "found" && input.target.target.specReplicas === 1)
      ?.memory.replicas,
  ).toBeUndefined();
  await life.keeper.close();
});

test("AutoscalerKeeper: metrics that stay keep their watch when others change", async () => {
  const life = await startKeeper();
  life.backend.put(deployments, deployment(2));
  const declared = life.backend.put(
    autoscalers,
    autoscaler("auto", { metrics: [queueMetric("a"), queueMetric("b")] }),
  );
  life.redis.say("auto", { kind: "value", value: 2, isAtLeast: false, atMs: 0 });
  await life.pass(2_000);
  const before = [...life.redis.watchers];
  expect(life.status().desiredReplicas).toBe(2);
  const status = life.status();
  life.backend.put(autoscalers, {
    ...declared,
    status,
    spec: { ...autoscaler("auto").spec, metrics: [queueMetric("c"), queueMetric("b")] },
  });
  await life.pass(2_000);
  const after = [...life.redis.watchers];
  const key = (watcher: (typeof after)[number]) => watcher.metric.redis?.list?.key ?? "";
  expect(after.map(key).toSorted()).toEqual(["b", "c"]);
  expect(after.find((one) => key(one) === "b")).toBe(before.find((one) => key(one) === "b"));
  await life.keeper.close();
});

test("AutoscalerKeeper: without metrics it is cpu at 80 percent", async () => {
  const life = await startKeeper();
  life.backend.put(deployments, deployment(2));
  life.backend.put(autoscalers, autoscaler("auto", { metrics: [] }));
  await life.pass(1_000);
  expect(life.inputs.at(-1)?.readings).toEqual([
    { kind: "unknown", reason: "Forbidden", message: "this scheduler reads no metrics of type Resource" },
  ]);
  await life.keeper.close();
});

test("AutoscalerKeeper: while nodes are unknown, what is known is a part, and it is looked at again after that", async () => {
  const life = await startKeeper();
  life.nodes.hasUnknown = true;
  life.backend.put(deployments, deployment(5));
  life.backend.put(autoscalers, autoscaler("auto"));
  life.value(2);
  await life.pass(10_000);
  expect(life.replicas()).toBe(5);
  expect(life.inputs.at(-1)?.readings).toMatchObject([{ kind: "value", value: 2, isAtLeast: true }]);
  life.redis.say("auto", { kind: "perInstance", samples: new Map([["i", 1]]), atMs: 0 });
  await life.pass(2_000);
  expect(life.inputs.at(-1)?.readings).toMatchObject([{ kind: "unknown", reason: "Pending" }]);
  life.value(2);
  await life.pass(2_000);
  life.nodes.hasUnknown = false;
  life.keeper.nodesAreKnown();
  await life.pass(2_000);
  expect(life.replicas()).toBe(2);
  await life.keeper.close();
});

test("AutoscalerKeeper: figures alone are written every few seconds, and times every minute", async () => {
  const life = await startKeeper();
  life.backend.put(deployments, deployment(10));
  life.backend.put(autoscalers, autoscaler("auto"));
  const writes = async (seconds: number, next: (second: number) => number) => {
    const before = life.keeper.statusWrites;
    for (let second = 0; second < seconds; second++) {
      life.value(next(second));
      await life.pass(1_000);
    }
    return life.keeper.statusWrites - before;
  };
  await writes(10, () => 20);
  // Above the most that it may be: nothing changes but what the metric is.
  const figures = await writes(30, (second) => 20 + second);
  expect(figures).toBeGreaterThanOrEqual(5);
  expect(figures).toBeLessThanOrEqual(7);
  await writes(10, () => 20);
  expect(await writes(120, () => 20)).toBeLessThanOrEqual(3);
  // The last is written even if nothing comes after it.
  life.value(44);
  await life.pass(6_000);
  expect(life.status().targets).toBe("44");
  await life.keeper.close();
});

test("AutoscalerKeeper: says that requests wake it slowly where nothing else wakes it", async () => {
  const metrics = [
    {
      type: "Requests" as const,
      requests: {
        metric: "inFlight" as const,
        target: { type: "AverageValue" as const, averageValue: "10" },
      },
    },
  ];
  const notes = await Promise.all(
    [false, true].map(async (wakesOnRequest) => {
      const life = await startKeeper({ wakesOnRequest });
      life.backend.put(deployments, deployment(2));
      life.backend.put(autoscalers, autoscaler("auto", { minReplicas: 0, metrics }));
      life.requests.say("auto", { kind: "value", value: 2, isAtLeast: false, atMs: 0 });
      await life.pass(2_000);
      await life.keeper.close();
      return condition(life.status(), "ScalingActive")?.message;
    }),
  );
  expect(notes).toEqual([
    "requests that come at 0 wait until their figures have come here, a second or two: with wakeOnRequest the deployment would be woken at once",
    "",
  ]);
});

test("AutoscalerKeeper: of kinds of users the selector of the scale says which instances are theirs", async () => {
  const instance = (name: string, labels: Record<string, string>, namespace = "default") =>
    anInstance(`uid-${name}`, { name, labels, namespace });
  const seen: (readonly string[])[] = [];
  const life = await startKeeper({
    instances: [
      instance("a", { app: "x" }),
      instance("b", { app: "y" }),
      instance("c", { app: "x" }, "other"),
    ],
    decide: ({ target, memory }) => {
      if (target.kind === "found") seen.push(target.target.instances.map(({ uid }) => uid));
      return nothing(memory);
    },
  });
  const fleet = {
    apiVersion: "example.com/v1",
    kind: "Fleet",
    metadata: { name: "app", namespace: "default" },
    spec: { replicas: 1 },
  };
  life.backend.put("fleets", { ...fleet, status: { selector: "app=x" } });
  const scaleTargetRef = { apiVersion: "example.com/v1", kind: "Fleet", name: "app" };
  life.backend.put(autoscalers, autoscaler("auto", { scaleTargetRef }));
  await life.pass(1_000);
  life.backend.put("fleets", { ...fleet, status: { selector: "app in (y)" } });
  await life.pass(1_500);
  life.backend.put("fleets", { ...fleet, status: { selector: "this is (none" } });
  await life.pass(1_500);
  expect([...new Set(seen.map((uids) => uids.join(" ")))]).toEqual(["uid-a", "uid-b", ""]);
  await life.keeper.close();
});

test("AutoscalerKeeper: a deleted autoscaler leaves nothing behind", async () => {
  const life = await startKeeper();
  life.backend.put(deployments, deployment(2));
  const declared = life.backend.put(autoscalers, autoscaler("auto"));
  life.value(2);
  await life.pass(2_000);
  life.backend.remove(autoscalers, declared);
  await life.pass(2_000);
  const before = life.inputs.length;
  life.setReplicas(9);
  await life.pass(60_000);
  expect(life.inputs.length).toBe(before);
  expect(life.redis.watchers.size).toBe(0);
  expect([...life.keeper.list()]).toEqual([]);
  await life.keeper.close();
});
