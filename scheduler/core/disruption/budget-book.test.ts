import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { WasmDisruptionBudget, WasmDisruptionBudgetSpec } from "../../../api/gen/kinds.gen.ts";
import type { Instance, InstanceState } from "../model.ts";
import { aMeta, anInstance, aStatus, startMs } from "../testing/builders.ts";
import { BudgetBook } from "./budget-book.ts";
import type { OwnerFacts } from "./namespace-book.ts";

function aBudget(name: string, spec: Partial<WasmDisruptionBudgetSpec>): WasmDisruptionBudget {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDisruptionBudget",
    metadata: aMeta(name),
    spec: {
      selector: { matchLabels: { app: "web" } },
      unhealthyInstanceEvictionPolicy: "IfHealthyBudget",
      ...spec,
    },
  };
}

function bound(ready: boolean, readySinceMs = startMs, nodeName = "n1"): InstanceState {
  const observed = aStatus({ phase: "Running", ready, readySinceMs: ready ? readySinceMs : undefined });
  return { kind: "bound", nodeName, observed };
}

function stopping(): InstanceState {
  return { kind: "stopping", nodeName: "n1", observed: aStatus({ phase: "Running", ready: true }) };
}

const pending: InstanceState = { kind: "pending", reason: "", message: "", nominatedNode: undefined };

/** A book with owners that want so many, and what it has said. */
function aBook(owners: Readonly<Record<string, OwnerFacts>> = {}, instances: readonly Instance[] = []) {
  const facts = new Map(Object.entries(owners));
  const unreachable = new Set<string>();
  const freed: string[] = [];
  const book = new BudgetBook({
    owner: (uid) => facts.get(uid),
    isReachable: (nodeName) => !unreachable.has(nodeName),
    instancesIn: (namespace) => instances.filter((one) => one.namespace === namespace),
    touched: () => {},
    allowsMore: (uids) => freed.push(...uids),
  });
  book.instancesAreKnown();
  const put = (instance: Instance, nowMs = startMs) => book.instanceChanged(instance, false, nowMs);
  const allowed = (name: string) => book.standing("default", name)?.allowed;
  return { book, facts, unreachable, freed, put, allowed };
}

function web(uid: string, state: InstanceState = bound(true), overrides: Partial<Instance> = {}): Instance {
  const owner = { kind: "WasmDeployment", name: "web", uid: "web" } as const;
  return anInstance(uid, { owner, labels: { app: "web" }, state, ...overrides });
}

const wantsFour = { web: { wanted: 4, minReadyMs: 0 } };

test.each<{
  readonly name: string;
  readonly spec: Partial<WasmDisruptionBudgetSpec>;
  readonly states: readonly InstanceState[];
  readonly allowed: number;
}>([
  {
    name: "what is above a number",
    spec: { minAvailable: 2 },
    states: [bound(true), bound(true), bound(true)],
    allowed: 1,
  },
  {
    name: "a share is of what is wanted, rounded up",
    spec: { minAvailable: "30%" },
    states: [bound(true), bound(true), bound(true)],
    allowed: 1,
  },
  {
    name: "what may be missing",
    spec: { maxUnavailable: 1 },
    states: Array(4).fill(bound(true)),
    allowed: 1,
  },
  {
    name: "what is missing counts",
    spec: { maxUnavailable: 1 },
    states: Array(3).fill(bound(true)),
    allowed: 0,
  },
  {
    name: "a share that may be missing is rounded up",
    spec: { maxUnavailable: "30%" },
    states: Array(4).fill(bound(true)),
    allowed: 2,
  },
  {
    name: "what is not ready is missing",
    spec: { minAvailable: 1 },
    states: [bound(true), bound(false)],
    allowed: 0,
  },
  { name: "what waits is missing", spec: { minAvailable: 1 }, states: [bound(true), pending], allowed: 0 },
  { name: "what stops is missing", spec: { minAvailable: 1 }, states: [bound(true), stopping()], allowed: 0 },
  { name: "more than there are", spec: { minAvailable: 9 }, states: [bound(true)], allowed: 0 },
  { name: "nothing is selected", spec: { maxUnavailable: 1 }, states: [], allowed: 0 },
  {
    name: "all may be missing",
    spec: { maxUnavailable: "100%" },
    states: [bound(true), bound(true)],
    allowed: 2,
  },
])("BudgetBook: $name", ({ spec, states, allowed }) => {
  const { book, put, allowed: allowedBy } = aBook(wantsFour);
  book.put(aBudget("b", spec), startMs);
  for (const [at, state] of states.entries()) put(web(`i${at}`, state));
  expect(allowedBy("b")).toBe(allowed);
});

test("BudgetBook: an empty selector selects all of the namespace, and nothing of another", () => {
  const { book, put } = aBook(wantsFour);
  book.put(aBudget("b", { selector: {}, minAvailable: 0 }), startMs);
  put(web("x"));
  put(web("y", bound(true), { labels: {} }));
  put(web("z", bound(true), { namespace: "other" }));
  expect(book.standing("default", "b")).toMatchObject({ healthy: 2, expected: 2 });
});

test("BudgetBook: what was there before the namespace's first budget counts", () => {
  const { book, allowed } = aBook(wantsFour, [web("x"), web("y")]);
  book.put(aBudget("b", { minAvailable: 1 }), startMs);
  expect(allowed("b")).toBe(1);
});

test("BudgetBook: of two budgets that select an instance both must allow it, and those that do not are named", () => {
  const { book, put } = aBook(wantsFour);
  book.put(aBudget("lax", { minAvailable: 0 }), startMs);
  book.put(aBudget("strict", { minAvailable: 1 }), startMs);
  const instance = web("x");
  put(instance);
  expect(book.refusals(instance).map(({ budget }) => budget.name)).toEqual(["strict"]);
  book.delete({ metadata: aMeta("strict") });
  expect(book.refusals(instance)).toEqual([]);
});

test("BudgetBook: an instance is healthy when it has been ready for minReadySeconds", () => {
  const { book, put, allowed } = aBook({ web: { wanted: 1, minReadyMs: 5_000 } });
  book.put(aBudget("b", { maxUnavailable: 1 }), startMs);
  put(web("x", bound(true, startMs)));
  expect([allowed("b"), book.nextDueMs()]).toEqual([0, startMs + 5_000]);
  book.timePassed(startMs + 4_999);
  expect(allowed("b")).toBe(0);
  book.timePassed(startMs + 5_000);
  expect([allowed("b"), book.nextDueMs()]).toEqual([1, undefined]);
});

test("BudgetBook: who was waited for when the clock was set back is healthy", () => {
  const { book, put, allowed } = aBook({ web: { wanted: 1, minReadyMs: 5_000 } });
  book.put(aBudget("b", { minAvailable: 0 }), startMs);
  put(web("x", bound(true, startMs)));
  expect(allowed("b")).toBe(0);
  book.timePassed(startMs - 3_600_000, startMs + 5_000);
  expect([allowed("b"), book.nextDueMs()]).toEqual([1, undefined]);
});

test("BudgetBook: a timer that fires too soon is set again", () => {
  const { book, put, allowed } = aBook({ web: { wanted: 1, minReadyMs: 5_000 } });
  book.put(aBudget("b", { minAvailable: 0 }), startMs);
  put(web("x", bound(true, startMs)));
  book.timePassed(startMs + 4_999, startMs + 5_000);
  expect([allowed("b"), book.nextDueMs()]).toEqual([0, startMs + 5_000]);
});

test("BudgetBook: minReadySeconds that are changed hold for what is there", () => {
  const { book, put, facts, allowed } = aBook({ web: { wanted: 1, minReadyMs: 5_000 } });
  book.put(aBudget("b", { maxUnavailable: 1 }), startMs);
  put(web("x", bound(true, startMs)));
  facts.set("web", { wanted: 1, minReadyMs: 0 });
  book.ownerChanged("default", "web", startMs);
  expect([allowed("b"), book.nextDueMs()]).toEqual([1, undefined]);
});

test("BudgetBook: what is scaled up is missing at once", () => {
  const { book, put, facts, allowed } = aBook({ web: { wanted: 1, minReadyMs: 0 } });
  book.put(aBudget("b", { maxUnavailable: 1 }), startMs);
  put(web("x"));
  expect(allowed("b")).toBe(1);
  facts.set("web", { wanted: 2, minReadyMs: 0 });
  book.ownerChanged("default", "web", startMs);
  expect(allowed("b")).toBe(0);
});

test("BudgetBook: what nobody can reach is not healthy", () => {
  const { book, put, unreachable, allowed } = aBook(wantsFour);
  book.put(aBudget("b", { minAvailable: 1 }), startMs);
  put(web("x"));
  put(web("y", bound(true, startMs, "n2")));
  expect(allowed("b")).toBe(1);
  unreachable.add("n2");
  put(web("y", bound(true, startMs, "n2")));
  expect(allowed("b")).toBe(0);
});

test.each<{
  readonly name: string;
  readonly policy: WasmDisruptionBudgetSpec["unhealthyInstanceEvictionPolicy"];
  readonly others: number;
  readonly min: number;
  readonly refused: boolean;
}>([
  {
    name: "may go if enough others are healthy",
    policy: "IfHealthyBudget",
    others: 2,
    min: 2,
    refused: false,
  },
  { name: "may not if too few are", policy: "IfHealthyBudget", others: 1, min: 2, refused: true },
  { name: "may go if none need be healthy", policy: "IfHealthyBudget", others: 0, min: 0, refused: false },
  { name: "may always go with AlwaysAllow", policy: "AlwaysAllow", others: 0, min: 2, refused: false },
])("BudgetBook: what is not ready $name", ({ policy, others, min, refused }) => {
  const { book, put } = aBook(wantsFour);
  book.put(aBudget("b", { minAvailable: min, unhealthyInstanceEvictionPolicy: policy }), startMs);
  for (let n = 0; n < others; n++) put(web(`other${n}`));
  const sick = web("sick", bound(false));
  put(sick);
  expect(book.refusals(sick).length > 0).toBe(refused);
});

test("BudgetBook: nothing is lost by the end of what waits or stops", () => {
  const { book, put } = aBook(wantsFour);
  book.put(aBudget("b", { maxUnavailable: 0 }), startMs);
  for (const instance of [web("x", pending), web("y", stopping())]) {
    put(instance);
    expect(book.refusals(instance)).toEqual([]);
  }
});

test("BudgetBook: until all nodes have reported nothing may be stopped that a budget selects", () => {
  const book = new BudgetBook({
    owner: () => ({ wanted: 2, minReadyMs: 0 }),
    isReachable: () => true,
    instancesIn: () => [],
    touched: () => {},
    allowsMore: () => {},
  });
  book.put(aBudget("b", { minAvailable: 0, unhealthyInstanceEvictionPolicy: "AlwaysAllow" }), startMs);
  const [instance, other] = [web("x"), web("y", bound(false))];
  for (const one of [instance, other]) book.instanceChanged(one, false, startMs);
  expect([book.refusals(instance).length, book.refusals(other).length]).toEqual([1, 1]);
  expect(book.tally()?.take(instance)).toBe(false);
  book.instancesAreKnown();
  expect([book.refusals(instance).length, book.refusals(other).length]).toEqual([0, 0]);
});

test("BudgetBook: several in one decision count each", () => {
  const { book, put } = aBook(wantsFour);
  book.put(aBudget("b", { minAvailable: 1 }), startMs);
  const all = [web("x"), web("y"), web("z")];
  for (const one of all) put(one);
  const tally = book.tally();
  expect(all.map((one) => tally?.take(one))).toEqual([true, true, false]);
  expect(all.map((one) => book.tally()?.take(one))).toEqual([true, true, true]);
});

test("BudgetBook: owners of what should go are told when more may be stopped, and only then", () => {
  const { book, put, freed } = aBook(wantsFour);
  book.put(aBudget("b", { minAvailable: 2 }), startMs);
  put(web("x", bound(true), { leaving: "drained" }));
  put(web("y", bound(false)));
  expect(freed.splice(0)).toEqual(["web"]);
  put(web("y", bound(false)));
  expect(freed).toEqual([]);
  put(web("y"));
  put(web("z"));
  expect(freed.splice(0)).toEqual(["web", "web"]);
  book.put(aBudget("b", { minAvailable: 0 }), startMs);
  expect(freed.splice(0)).toContain("web");
  book.delete({ metadata: aMeta("b") });
  expect(freed).toEqual(["web"]);
});

const aState = fc.constantFrom<InstanceState | "removed">(
  pending,
  bound(true),
  bound(true, startMs - 2_000),
  bound(false),
  stopping(),
  "removed",
);
const aChange = fc.record({
  uid: fc.integer({ min: 0, max: 8 }),
  state: aState,
  app: fc.constantFrom("web", "api", "none"),
});

test("BudgetBook: counts are what counting everything anew gives, whatever happened", () => {
  fc.assert(
    fc.property(
      fc.array(aChange, { maxLength: 40 }),
      fc.integer({ min: 0, max: 5_000 }),
      (changes, passedMs) => {
        const owners = { web: { wanted: 3, minReadyMs: 0 }, api: { wanted: 2, minReadyMs: 4_000 } };
        const { book } = aBook(owners);
        const specs: readonly Partial<WasmDisruptionBudgetSpec>[] = [
          { maxUnavailable: 1 },
          { minAvailable: "50%", selector: {} },
          {
            minAvailable: 1,
            selector: { matchExpressions: [{ key: "app", operator: "In", values: ["api", "web"] }] },
          },
        ];
        for (const [at, spec] of specs.entries()) book.put(aBudget(`b${at}`, spec), startMs);
        const there = new Map<string, Instance>();
        for (const { uid: number, state, app } of changes) {
          const uid = `i${number}`;
          // The owner and the labels of an instance never change.
          const known = there.get(uid);
          const owner = { kind: "WasmDeployment", name: app, uid: app } as const;
          const next = {
            ...(known ?? anInstance(uid, { owner, labels: { app } })),
            state: state === "removed" ? pending : state,
          };
          if (state === "removed") there.delete(uid);
          else there.set(uid, next);
          book.instanceChanged(next, state === "removed", startMs);
        }
        const nowMs = startMs + passedMs;
        book.timePassed(nowMs);
        const { book: anew } = aBook(
          owners,
          [...there.values()].map((one) => ({ ...one })),
        );
        for (const [at, spec] of specs.entries()) anew.put(aBudget(`b${at}`, spec), nowMs);
        for (const at of specs.keys())
          expect(book.standing("default", `b${at}`)).toEqual(anew.standing("default", `b${at}`));
        const isHealthy = ({ state, owner }: Instance) =>
          state.kind === "bound" &&
          state.observed?.ready === true &&
          (owner.uid !== "api" || (state.observed.readySinceMs ?? 0) + 4_000 <= nowMs);
        const healthy = [...there.values()].filter(
          (one) => one.labels["app"] === "web" && isHealthy(one),
        ).length;
        expect(book.standing("default", "b0")?.healthy).toBe(healthy);
      },
    ),
    { numRuns: 300 },
  );
});
