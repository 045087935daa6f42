import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ClusterNode, NodeCapacity, PlacementRequirements } from "../../model.ts";
import { committedWith, footprintOf, nothingCommitted } from "../../resources.ts";
import { aNode, requirements } from "../../testing/builders.ts";
import type { NodeView } from "../framework.ts";
import { noNeighbours } from "../neighbours.ts";
import { emptyNode } from "../snapshot.ts";
import { filterPlugins, scorePlugins } from "../strategies.ts";
import { usageLimit } from "./usage-limit/usage-limit.ts";

const nonsense = /NaN|undefined|Infinity/;

/** What readCapacity lets through, and what overcommit can make of it. */
const amount = fc.oneof(
  fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER * 1_000),
  fc.nat(),
);
const resourceName = fc.constantFrom("example.com/camera", "example.com/gpu");
const amounts = fc.array(fc.tuple(resourceName, amount), { maxLength: 2 }).map((entries) => new Map(entries));
const capacity: fc.Arbitrary<NodeCapacity> = fc.record({
  cpuMillis: amount,
  memoryBytes: amount,
  instances: amount,
  processes: amount,
  extended: amounts,
});

const ratio = fc.constantFrom(0.1, 1, 1.001, 100);

const text = fc
  .oneof(
    fc.constantFrom("", "zone", "constructor", "__proto__", "v8", "14.6", "999999999999", "-1"),
    fc.string(),
  )
  .filter((one) => !nonsense.test(one));
const labels = fc.dictionary(text, text, { maxKeys: 4 });
const effect = fc.constantFrom("NoSchedule", "PreferNoSchedule", "NoExecute");
const address = fc.constantFrom("127.0.0.1", "0.0.0.0", "::", "::1");
const port = fc.record({ address, port: fc.integer({ min: 1, max: 3 }) });

const node: fc.Arbitrary<ClusterNode> = fc
  .record({
    labels,
    taints: fc.array(fc.record({ key: text, value: text, effect }), { maxLength: 3 }),
    unschedulable: fc.boolean(),
    allocatable: capacity,
    grants: fc.option(
      fc.record({
        hostPaths: fc.array(fc.record({ path: text.map((path) => `/${path}`) }), { maxLength: 2 }),
        listen: fc.array(
          fc.record({
            namespace: fc.option(text, { nil: undefined }),
            address: fc.oneof(address, fc.constant("*")),
            fromPort: fc.constant(1),
            toPort: fc.constantFrom(2, 65_535),
          }),
          { maxLength: 2 },
        ),
      }),
      { nil: undefined },
    ),
    overcommit: fc.record({ cpu: ratio, memory: ratio }),
    runtimes: fc.array(
      fc.record({
        name: fc.constantFrom("v8", ""),
        version: text,
        features: fc.array(text, { maxLength: 2 }),
      }),
      { maxLength: 2 },
    ),
  })
  .map((given) => aNode("n1", given));

const excess = fc.oneof(
  amount,
  amount.map((less) => -less),
);

const view: fc.Arbitrary<NodeView> = fc
  .record({
    node,
    committed: capacity,
    ports: fc.array(port, { maxLength: 3 }),
    usageExcess: fc.option(fc.record({ cpuMillis: excess, memoryBytes: excess }), { nil: undefined }),
    ownerInstances: fc.nat(),
  })
  .map((given) => ({ ...emptyNode, ...given }));

const requirement = fc.record({
  key: text,
  operator: fc.constantFrom("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"),
  values: fc.array(text, { maxLength: 2 }),
});
const term = fc.record(
  {
    matchExpressions: fc.array(requirement, { maxLength: 2 }),
    matchFields: fc.array(requirement, { maxLength: 2 }),
  },
  { requiredKeys: [] },
);

const wanted: fc.Arbitrary<PlacementRequirements> = fc
  .record({
    runtimeVersion: text,
    runtimeFeatures: fc.array(text, { maxLength: 2 }),
    image: fc.oneof(
      fc.constant("https://example.com/m"),
      text.map((path) => `file://${path}`),
    ),
    requests: fc.record({ cpuMillis: amount, memoryBytes: amount }),
    isolation: fc.constantFrom("shared", "process", "confined"),
    claims: fc.record({
      extended: amounts,
      ports: fc.array(port, { maxLength: 2 }),
      affinity: fc.constant({ near: [], apart: [], preferred: [] }),
      tolerations: fc.constant([]),
    }),
    nodeAffinity: fc.record({
      required: fc.option(fc.array(term, { maxLength: 2 }), { nil: undefined }),
      preferred: fc.array(fc.record({ weight: fc.integer({ min: 1, max: 100 }), term }), { maxLength: 2 }),
    }),
    hostPaths: fc.array(text, { maxLength: 2 }),
    listeners: fc.array(fc.record({ address, port: fc.constantFrom(0, 1, 2) }), { maxLength: 2 }),
    nodeSelector: labels,
    tolerations: fc.array(
      fc.record({
        key: text,
        operator: fc.constantFrom("Exists", "Equal"),
        value: text,
        effect: fc.oneof(effect, fc.constant("")),
        seconds: fc.option(amount, { nil: undefined }),
      }),
      { maxLength: 2 },
    ),
  })
  .map((given) => requirements(given));

test("every plugin: no node, however absurd, makes it throw or score what is no number from 0 to 100", () => {
  fc.assert(
    fc.property(
      wanted,
      view,
      fc.record({ cpuMillis: amount, memoryBytes: amount }),
      (request, one, requested) => {
        for (const plugin of [...filterPlugins, usageLimit({ cpu: 50, memory: 50 })]) {
          const verdict = plugin.prepare(request)?.(one);
          if (verdict === undefined || verdict.kind === "success") continue;
          expect(verdict.reasons.length, plugin.name).toBeGreaterThan(0);
          for (const { summary, detail } of verdict.reasons) {
            expect(summary).not.toBe("");
            expect(`${summary} ${detail}`).not.toMatch(nonsense);
          }
        }
        for (const plugin of scorePlugins) {
          const score = plugin.prepare(request, { ...noNeighbours, requested })?.(one) ?? 0;
          expect(score >= 0 && score <= 100, `${plugin.name} says ${score}`).toBe(true);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("committedWith: sums of the largest amounts stay numbers, and what is added is taken away again", () => {
  fc.assert(
    fc.property(wanted, fc.integer({ min: 1, max: 1_000 }), (request, count) => {
      const footprint = footprintOf(request);
      let committed = nothingCommitted;
      for (let added = 0; added < count; added++) committed = committedWith(committed, footprint, 1);
      for (const value of [committed.cpuMillis, committed.memoryBytes, ...committed.extended.values()])
        expect(Number.isFinite(value)).toBe(true);
      expect(committed.instances).toBe(count);
      for (let removed = 0; removed < count; removed++) committed = committedWith(committed, footprint, -1);
      expect(committed.instances).toBe(0);
    }),
    { numRuns: 100 },
  );
});
