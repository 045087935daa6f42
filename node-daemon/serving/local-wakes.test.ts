import { beforeEach, expect, test } from "vitest";
import type { HttpHandler } from "../../api/gen/kinds.gen.ts";
import { localWakeAnnotation } from "../../api/wake-up.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { seededRandom } from "../../kit/random.ts";
import type { NodeAssignment } from "../core/assignment.ts";
import { assigned, reduce } from "../core/lifecycle.ts";
import { type HeldInstance, policyOf } from "../held-instance.ts";
import type { CheckpointChange } from "../session/checkpoint.ts";
import { Templates } from "../templates.ts";
import { buildAssignment, buildTemplate } from "../testing/builders.ts";
import { LocalWakes } from "./local-wakes.ts";

const http: HttpHandler = {
  handler: "wagi",
  concurrency: 4,
  queueLength: 8,
  requestsPerInstance: 100,
  requestTimeoutSeconds: 30,
  maxRequestBodyBytes: 1024,
};

let woken: Set<string>;
let templates: Templates;
let held: HeldInstance[];
let disk: Map<string, NodeAssignment>;
let wakes: LocalWakes;
let allocatable: { cpuMillis: number; memoryBytes: number; instances: number };
beforeEach(() => {
  woken = new Set(["owner-1"]);
  templates = new Templates();
  templates.receive(buildTemplate({ http }));
  templates.receive(buildTemplate({ http, onDisconnect: "stop" }, { id: "careful" }));
  held = [];
  disk = new Map();
  allocatable = { cpuMillis: 1000, memoryBytes: 2 ** 30, instances: 10 };
  wakes = open();
});

function open(): LocalWakes {
  const workload = (uid: string) => ({
    uid,
    namespace: "default",
    kind: "WasmDeployment",
    name: "web",
    wakes: woken.has(uid),
    nodes: [],
  });
  return new LocalWakes({
    held: () => held,
    templates,
    serving: { workload },
    allocatable,
    clock: new FakeClock(5_000),
    random: seededRandom(1),
  });
}

function hold(given: Partial<NodeAssignment>, ended = true): HeldInstance {
  const assignment = buildAssignment({ name: "web-abc-12345", ...given });
  const template = templates.use(assignment.templateId);
  let { lifecycle } = assigned(policyOf(template, assignment));
  const stop = { kind: "stop", cause: "Stopped", graceMs: 0 } as const;
  if (ended) lifecycle = reduce(lifecycle, stop, { wallMs: 0, monotonicMs: 0 }).lifecycle;
  const one = { assignment, template, lifecycle, setup: undefined, ready: undefined };
  const instance = { ...one, basis: undefined, retained: undefined };
  held.push(instance);
  return instance;
}

/** As the agent does when the scheduler has noted its end. */
function forget(one: HeldInstance): void {
  store(wakes.keep(one));
  held = held.filter((other) => other !== one);
  templates.unuse(one.template);
}

function store(changes: readonly CheckpointChange[]): void {
  for (const change of changes) {
    if (change.kind === "putWakeForm") disk.set(change.assignment.owner.uid, change.assignment);
    if (change.kind === "removeWakeForm") disk.delete(change.workload);
  }
}

test("LocalWakes: another instance like the last, by its own uid and name, that says what woke it", () => {
  forget(hold({ uid: "a", annotations: { note: "x" }, proof: "p", labels: { app: "web" } }));
  const made = wakes.wake("owner-1");
  expect(made).toMatchObject({
    ...buildAssignment(),
    labels: { app: "web" },
    annotations: { note: "x", [localWakeAnnotation]: "true" },
    name: expect.stringMatching(/^web-abc-[a-z0-9]{5}$/) as string,
    uid: expect.stringMatching(/^[-0-9a-f]{36}$/) as string,
    createdMs: 5_000,
    proof: "",
  });
  expect(made?.name).not.toBe("web-abc-12345");
});

test("LocalWakes: the newest instance is the form, in whatever order they went, held or not", () => {
  forget(hold({ uid: "new", createdMs: 2, templateHash: "second" }));
  forget(hold({ uid: "old", createdMs: 1, templateHash: "first" }));
  expect(wakes.wake("owner-1")?.templateHash).toBe("second");
  hold({ uid: "newest", createdMs: 3, templateHash: "third" });
  expect(wakes.wake("owner-1")?.templateHash).toBe("third");
});

test("LocalWakes: the next daemon knows the form, and its template stays", () => {
  forget(hold({ uid: "a" }));
  expect(templates.forgetUnused().map((change) => "id" in change && change.id)).toEqual(["careful"]);
  wakes = open();
  wakes.load([...disk.values()]);
  expect(wakes.wake("owner-1")).toBeDefined();
});

test("LocalWakes: what is not woken any more is forgotten, with its template", () => {
  forget(hold({ uid: "a" }));
  woken.clear();
  const unused: string[] = [];
  store(wakes.review(({ id }) => unused.push(id)));
  expect(unused).toEqual(["template-1"]);
  expect(disk.size).toBe(0);
  woken.add("owner-1");
  expect(wakes.wake("owner-1")).toBeUndefined();
});

test.each([
  ["it has one", () => void hold({ uid: "b" }, false)],
  ["it is not to be woken", () => woken.clear()],
  ["the node has no more instances", () => (allocatable.instances = 0)],
  ["another takes its memory", () => void hold({ uid: "b", owner: other, memoryBytes: 2 ** 30 }, false)],
  ["another takes its CPU", () => void hold({ uid: "b", owner: other, cpuMillis: 960 }, false)],
])("LocalWakes: no instance when %s", (_name, happens) => {
  forget(hold({ uid: "a" }));
  expect(wakes.wake("owner-1")).toBeDefined();
  happens();
  expect(wakes.wake("owner-1")).toBeUndefined();
});
const other = { kind: "WasmDeployment", name: "other", uid: "owner-2" };

test("LocalWakes: what must not run twice is not woken here, nor what never ran here", () => {
  forget(hold({ uid: "a", templateId: "careful" }));
  expect(wakes.wake("owner-1")).toBeUndefined();
  woken.add("owner-2");
  expect(wakes.wake("owner-2")).toBeUndefined();
});
