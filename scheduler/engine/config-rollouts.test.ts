/** `rolloutOnConfigChange`, through the whole engine. */
import { expect, test } from "vitest";
import type { ApiObject } from "../../api/object-meta.ts";
import { configDigestAnnotation } from "../core/labels.ts";
import { daemonSet, deployment, eventsIn, startEngine } from "../testing/test-engine.ts";
import { configRolloutLimits } from "./config-rollouts.ts";

const { quietMs, heldMsMax } = configRolloutLimits;

type Started = Awaited<ReturnType<typeof startEngine>>;

const aConfigMap = (key: string, name = "app") => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default" },
  data: { key },
});

function rolling(replicas: number, template: Record<string, unknown> = {}) {
  const made = deployment(replicas, {
    volumes: [{ name: "v", configMap: { name: "app", optional: false } }],
    mounts: [{ volume: "v", path: "/v", readOnly: true }],
    ...template,
  });
  return { ...made, spec: { ...made.spec, rolloutOnConfigChange: true } };
}

/** Lets nodes start what they get, and stop what they are to stop, until nothing happens any more. */
async function settle({ pass }: Started, node: ReturnType<Started["node"]>, ms = 500): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    node.runAll();
    node.endStopped();
    await pass(100);
  }
}

/** The templates of what runs, by the digest of what they read. */
const digests = ({ instances }: Started) =>
  instances()
    .filter(({ state }) => state.kind === "bound")
    .map(({ annotations }) => annotations[configDigestAnnotation]);

const revisions = ({ backend }: Started) => {
  const found: ApiObject[] = [];
  const stop = new AbortController();
  backend.watch(
    { group: "apps", plural: "controllerrevisions" },
    (event) => event.kind === "put" && found.push(event.object),
    stop.signal,
  );
  stop.abort();
  return found.length;
};

async function startRolling(replicas = 4) {
  const started = await startEngine();
  const node = started.node("a");
  started.backend.put("configmaps", aConfigMap("1"));
  const declared = started.backend.put("wasmdeployments", rolling(replicas));
  await settle(started, node);
  return { started, node, declared };
}

test("a change of a ConfigMap replaces all instances, a few at a time, once it has been quiet", async () => {
  const { started, node } = await startRolling();
  const [before] = digests(started);
  const first = new Set(node.held.keys());
  started.backend.put("configmaps", aConfigMap("2"));
  await settle(started, node, quietMs - 200);
  expect(new Set(digests(started))).toEqual(new Set([before]));
  // Files change at once all the same.
  expect(node.updates.at(-1)?.files).toEqual({ key: "2" });
  await settle(started, node, 3_000);
  const after = digests(started);
  expect(after).toHaveLength(4);
  expect(new Set(after).size).toBe(1);
  expect(after[0]).not.toBe(before);
  expect([...node.held.keys()].filter((uid) => first.has(uid))).toEqual([]);
  expect(revisions(started)).toBe(2);
});

test("without the field nothing is replaced", async () => {
  const { started, node } = await startRolling();
  const declared = rolling(4);
  started.backend.put("wasmdeployments", {
    ...declared,
    spec: { ...declared.spec, rolloutOnConfigChange: false },
  });
  await settle(started, node, 2_000);
  const uids = [...node.held.keys()];
  started.backend.put("configmaps", aConfigMap("2"));
  await settle(started, node, 15_000);
  expect([...node.held.keys()]).toEqual(uids);
  expect(digests(started)).toEqual([undefined, undefined, undefined, undefined]);
});

test("a burst of changes is one rollout, and what never rests is rolled out now and then", async () => {
  const { started, node } = await startRolling();
  for (let at = 2; at < 10; at++) {
    started.backend.put("configmaps", aConfigMap(String(at)));
    await settle(started, node, 300);
  }
  await settle(started, node, 4_000);
  expect(revisions(started)).toBe(2);
  const seconds = 40;
  for (let at = 0; at < seconds; at++) {
    started.backend.put("configmaps", aConfigMap(`again ${at}`));
    await settle(started, node, 1_000);
  }
  await settle(started, node, 4_000);
  const more = revisions(started) - 2;
  expect(more).toBeGreaterThanOrEqual(2);
  expect(more).toBeLessThanOrEqual(Math.ceil((seconds * 1_000) / heldMsMax) + 1);
});

test("a change that is taken back in time rolls out nothing", async () => {
  const { started, node } = await startRolling();
  started.backend.put("configmaps", aConfigMap("2"));
  await settle(started, node, 500);
  started.backend.put("configmaps", aConfigMap("1"));
  await settle(started, node, 4_000);
  expect(revisions(started)).toBe(1);
});

test("a ConfigMap that is deleted rolls out nothing, also after a new scheduler has started; other contents do", async () => {
  const { started, node, declared } = await startRolling();
  const uids = new Set(node.held.keys());
  const stored = started.backend.get({ group: "", plural: "configmaps" }, "default", "app")!;
  started.backend.remove("configmaps", stored);
  await settle(started, node, 15_000);
  expect(new Set(node.held.keys())).toEqual(uids);
  expect(eventsIn(started.backend).map(({ reason }) => reason)).toContain("FailedMount");
  await started.engine.close();

  const next = await startEngine(started.backend, 8);
  const again = next.node("a");
  for (const [uid, entry] of node.held) again.held.set(uid, entry);
  again.connect();
  await settle(next, again, 15_000);
  expect(new Set(again.held.keys())).toEqual(uids);
  expect(revisions(next)).toBe(1);

  next.backend.put("configmaps", aConfigMap("1"));
  await settle(next, again, 5_000);
  expect(new Set(again.held.keys())).toEqual(uids);
  next.backend.put("configmaps", aConfigMap("2"));
  await settle(next, again, 5_000);
  expect(again.held.size).toBe(4);
  expect([...again.held.keys()].filter((uid) => uids.has(uid))).toEqual([]);
  expect(declared.metadata.uid).toBeDefined();
});

test("what waits for its first ConfigMap starts once, when that comes", async () => {
  const started = await startEngine();
  const node = started.node("a");
  started.backend.put("wasmdeployments", rolling(2));
  await settle(started, node, 1_000);
  expect(started.instances().map(({ state }) => state)).toMatchObject([
    { reason: "ConfigMapNotFound" },
    { reason: "ConfigMapNotFound" },
  ]);
  started.backend.put("configmaps", aConfigMap("1"));
  await settle(started, node, 5_000);
  expect(node.held.size).toBe(2);
  expect(node.acknowledged).toEqual([]);
  expect(new Set(digests(started)).size).toBe(1);
});

test("the template and what it reads changed together are one rollout", async () => {
  const { started, node } = await startRolling();
  started.backend.put("configmaps", aConfigMap("2"));
  await settle(started, node, 200);
  started.backend.put("wasmdeployments", rolling(4, { args: ["new"] }));
  await settle(started, node, 8_000);
  expect(node.held.size).toBe(4);
  expect(revisions(started)).toBe(2);
});

test("undo: the template of before comes back with what is configured now, and stays", async () => {
  const { started, node } = await startRolling();
  const [old] = digests(started);
  started.backend.put("wasmdeployments", rolling(4, { args: ["new"] }));
  await settle(started, node, 3_000);
  started.backend.put("configmaps", aConfigMap("2"));
  await settle(started, node, 5_000);
  const [current] = digests(started);
  expect(current).not.toBe(old);
  // As it was kept, with the digest of then.
  const undone = rolling(4);
  const template = { metadata: { annotations: { [configDigestAnnotation]: old } }, ...undone.spec.template };
  started.backend.put("wasmdeployments", { ...undone, spec: { ...undone.spec, template } });
  await settle(started, node, 3_000);
  expect(digests(started)).toEqual([current, current, current, current]);
  const uids = new Set(node.held.keys());
  await settle(started, node, 15_000);
  expect(new Set(node.held.keys())).toEqual(uids);
});

test("variables count as well", async () => {
  const started = await startEngine();
  const node = started.node("a");
  const env = [{ name: "KEY", valueFrom: { configMapKeyRef: { name: "app", key: "key", optional: false } } }];
  started.backend.put("configmaps", aConfigMap("1"));
  started.backend.put("wasmdeployments", rolling(1, { env, volumes: [], mounts: [] }));
  await settle(started, node);
  started.backend.put("configmaps", aConfigMap("2"));
  await settle(started, node, 5_000);
  expect(node.held.size).toBe(1);
  const specs = [...node.templates.values()].map(({ specJson }) => Buffer.from(specJson).toString());
  expect(specs.at(-1)).toContain('"value":"2"');
});

test("a daemon set: a change replaces its instances node by node", async () => {
  const started = await startEngine();
  const nodes = [started.node("a"), started.node("b")];
  const settleAll = async (ms: number) => {
    for (let left = ms; left > 0; left -= 100) {
      for (const node of nodes) {
        node.runAll();
        node.endStopped();
      }
      await started.pass(100);
    }
  };
  started.backend.put("configmaps", aConfigMap("1"));
  const volumes = [{ name: "v", configMap: { name: "app", optional: false } }];
  started.backend.put("wasmdaemonsets", daemonSet({ volumes }, { rolloutOnConfigChange: true }));
  await settleAll(1_000);
  const before = nodes.flatMap(({ held }) => [...held.keys()]);
  expect(before).toHaveLength(2);
  started.backend.put("configmaps", aConfigMap("2"));
  await settleAll(8_000);
  const after = nodes.flatMap(({ held }) => [...held.keys()]);
  expect(after).toHaveLength(2);
  expect(after.filter((uid) => before.includes(uid))).toEqual([]);
  expect(new Set(digests(started)).size).toBe(1);
});
