/** Random lives: whatever people and nodes do, at each moment the limits hold, and in the end every rollout has ended. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { WasmDeploymentSpec } from "../../../../api/gen/kinds.gen.ts";
import { recreate, rolling } from "../../testing/builders.ts";
import { DeploymentLife } from "../../testing/deployment-life.ts";

const templates = ["v1", "v2", "v3", "broken1", "broken2"];

const strategies = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constantFrom(0, 1, 3, "25%", "100%"), fc.constantFrom(0, 1, 2, "25%", "100%")),
  },
  { weight: 1, arbitrary: fc.constant("recreate" as const) },
);

const specs: fc.Arbitrary<Partial<WasmDeploymentSpec>> = fc.record({
  replicas: fc.nat({ max: 12 }),
  minReadySeconds: fc.constantFrom(0, 0, 5),
  progressDeadlineSeconds: fc.constantFrom(30, 600),
  autoRollback: fc.boolean(),
  revisionHistoryLimit: fc.constantFrom(0, 1, 10),
  strategy: strategies.map((one) => (one === "recreate" ? recreate : rolling(...one))),
});

type Happening =
  | { readonly kind: "template"; readonly to: string }
  | { readonly kind: "replicas"; readonly to: number }
  | { readonly kind: "spec"; readonly to: Partial<WasmDeploymentSpec> }
  | { readonly kind: "paused"; readonly to: boolean }
  | { readonly kind: "refused"; readonly to: boolean }
  | { readonly kind: "time"; readonly ms: number }
  | { readonly kind: "storesAtOnce"; readonly to: boolean }
  | { readonly kind: "advance" | "fail" | "die" | "leave" | "stay" | "loseRevision"; readonly which: number }
  | { readonly kind: "advanceAll" | "store" | "changeLeader" | "dieMany" };

const which = fc.nat({ max: 1_000 });
const happenings: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("template"), to: fc.constantFrom(...templates) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("replicas"), to: fc.nat({ max: 15 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("spec"), to: specs }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("paused"), to: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("refused"), to: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("storesAtOnce"), to: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("time"),
      ms: fc.constantFrom(1, 1_000, 6_000, 40_000, -3_600_000),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom("advance", "advance", "fail", "die", "leave", "stay"),
      which,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("loseRevision"), which }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom("advanceAll", "advanceAll", "store", "changeLeader", "dieMany"),
    }),
  },
);

function happen(life: DeploymentLife, happening: Happening): void {
  const pick = (place: number) => life.instances[place % Math.max(1, life.instances.length)];
  switch (happening.kind) {
    case "template":
      life.edit({}, happening.to);
      return;
    case "replicas":
      life.edit({ replicas: happening.to });
      return;
    case "spec":
      life.edit(happening.to);
      return;
    case "paused":
      life.edit({ paused: happening.to });
      return;
    case "refused":
      life.refusal = happening.to ? "no PriorityClass" : undefined;
      return;
    case "storesAtOnce":
      life.storesAtOnce = happening.to;
      return;
    case "time":
      life.nowMs += happening.ms;
      return;
    case "advance":
    case "fail":
    case "die": {
      const instance = pick(happening.which);
      if (instance) life[happening.kind](instance);
      return;
    }
    case "leave":
    case "stay": {
      const instance = pick(happening.which);
      const leaving = happening.kind === "leave" ? "its node is drained" : undefined;
      if (instance) life.change(instance.uid, { leaving });
      return;
    }
    case "loseRevision": {
      const lost = life.revisions[happening.which % Math.max(1, life.revisions.length)];
      life.revisions = life.revisions.filter((revision) => revision !== lost);
      return;
    }
    case "advanceAll":
      for (const instance of life.instances) life.advance(instance);
      return;
    case "dieMany":
      for (const [place, instance] of life.instances.entries()) if (place % 2 === 0) life.die(instance);
      return;
    case "store":
      life.store();
      return;
    case "changeLeader":
      life.changeLeader();
      return;
  }
}

function live(spec: Partial<WasmDeploymentSpec>, story: readonly Happening[]): DeploymentLife {
  const life = new DeploymentLife(spec);
  life.look();
  for (const happening of story) {
    happen(life, happening);
    life.look();
  }
  return life;
}

const stories = fc.array(happenings, { maxLength: 60 });
const numRuns = 400;

test("reconcileDeployment: within its limits at each moment, and complete in the end when templates work", () => {
  fc.assert(
    fc.property(specs, stories, fc.constantFrom("v1", "v2", "v3"), (spec, story, last) => {
      const life = live(spec, story);
      life.refusal = undefined;
      life.storesAtOnce = true;
      life.edit({ paused: false }, `${last}-final`);
      life.settle();
      const { replicas } = life.deployment.spec;
      expect(life.phase).toBe("Complete");
      expect(life.reasonOf("Ready")).toBe("True InstancesAvailable");
      expect(life.reasonOf("Stalled")).toBeUndefined();
      expect(life.tally).toBe(replicas === 0 ? "" : `${last}-final:${replicas}`);
      expect(life.available).toHaveLength(replicas);
    }),
    { numRuns },
  );
});

test("reconcileDeployment: a template that never works ends as failed, or as rolled back to one that did", () => {
  fc.assert(
    fc.property(specs, stories, (spec, story) => {
      const life = live(spec, story);
      life.refusal = undefined;
      life.storesAtOnce = true;
      const replicas = Math.max(1, life.deployment.spec.replicas);
      life.edit({ paused: false, replicas }, "v2");
      life.settle();
      life.edit({}, "broken-final");
      life.settle();
      const { autoRollback } = life.deployment.spec;
      expect(life.phase).toBe(autoRollback ? "RolledBack" : "Failed");
      expect(life.reasonOf("Progressing")).toBe("False ProgressDeadlineExceeded");
      expect(life.reasonOf("Stalled")).toMatch(/^True /);
      expect(life.reasonOf("Ready")).toMatch(/^False /);
      if (autoRollback) expect(life.tally).toBe(`v2:${replicas}`);
      const before = life.status;
      life.nowMs += 3_600_000;
      life.quiesce();
      expect(life.status).toEqual(before);

      life.edit({}, "v3");
      life.settle();
      expect([life.phase, life.tally]).toEqual(["Complete", `v3:${replicas}`]);
    }),
    { numRuns },
  );
});

test("reconcileDeployment: whatever happened, it comes to rest and says how it ended", () => {
  fc.assert(
    fc.property(specs, stories, (spec, story) => {
      const life = live(spec, story);
      life.storesAtOnce = true;
      life.settle();
      if (life.deployment.spec.paused) return;
      expect(["Complete", "Failed", "RolledBack", "RollbackFailed"]).toContain(life.phase);
      const ready = life.reasonOf("Ready");
      if (life.phase !== "Complete") expect(life.reasonOf("Stalled")).toMatch(/^True /);
      expect(ready).toBeDefined();
    }),
    { numRuns },
  );
});
