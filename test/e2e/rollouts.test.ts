/** Updates of deployments whose instances answer all the time, in real shims: whoever reads sees every version, and no gap. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WasmDeployment } from "../../api/gen/kinds.gen.ts";
import { eventually, TestCluster, type TestInstance } from "../support/cluster.ts";
import { exampleManifest } from "../support/examples.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { runKubectl } from "../support/kubectl.ts";
import { deployment } from "../support/manifests.ts";

const data = mkdtempSync(join(tmpdir(), "wherry-rollouts-"));
let cluster: TestCluster;
let image: string;

beforeAll(async () => {
  cluster = await TestCluster.start(["one", "two"], {
    hostPaths: [guestFolder(), data],
    listen: ["127.0.0.1:1024-65535"],
  });
  image = await guestImage("herald");
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  rmSync(data, { recursive: true, force: true });
});

type Spec = Readonly<Record<string, unknown>>;

const surgeOnly = { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };

/** A deployment whose instances all answer into one file. */
class Heralds {
  readonly name: string;
  readonly #folder: string;
  #replicas: number;
  #spec: Spec;

  constructor(name: string, replicas: number, spec: Spec = {}) {
    this.name = name;
    this.#folder = join(data, name);
    this.#replicas = replicas;
    this.#spec = { strategy: surgeOnly, ...spec };
    mkdirSync(this.#folder);
  }

  async roll(version: string, image_ = image, spec: Spec = {}): Promise<void> {
    this.#spec = { ...this.#spec, ...spec };
    const template = {
      env: [
        { name: "VERSION", value: version },
        { name: "INSTANCE", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      ],
      volumes: [{ name: "data", hostPath: { path: this.#folder } }],
      mounts: [{ volume: "data", path: "/data" }],
      terminationGracePeriodSeconds: 1,
    };
    await cluster.apply(
      deployment(this.#replicas, { name: this.name, image: image_, template, spec: this.#spec }),
    );
  }

  async scale(replicas: number): Promise<void> {
    this.#replicas = replicas;
    await cluster.client().scale(this.name, replicas);
  }

  object(): Promise<WasmDeployment> {
    return cluster.json<WasmDeployment>("wasmdeployment", this.name);
  }

  async instances(): Promise<readonly TestInstance[]> {
    return (await cluster.instances()).filter(({ spec }) => spec.owner.name === this.name);
  }

  /** What was answered, in the order in which it was. */
  answers(): readonly string[] {
    return readFileSync(join(this.#folder, "answers"), "utf8").split("\n").slice(0, -1);
  }

  async is(phase: string): Promise<WasmDeployment> {
    let found: WasmDeployment | undefined;
    await eventually(async () => {
      found = await this.object();
      expect(found.status?.observedGeneration).toBe(found.metadata.generation);
      expect(found.status?.rollout?.phase).toBe(phase);
    });
    return found!;
  }

  /** Between any two answers there is an instance that answered before and answers after. */
  expectNoGap(): void {
    const answers = this.answers();
    const last = new Map(answers.map((answer, place) => [answer, place]));
    let until = 0;
    for (const [place, answer] of answers.entries()) {
      expect(until, `nobody answers after ${answers[place - 1]}`).toBeGreaterThanOrEqual(place);
      until = Math.max(until, last.get(answer) ?? 0);
    }
  }
}

function conditionOf({ status }: WasmDeployment, type: string): string {
  const condition = status?.conditions?.find((one) => one.type === type);
  return condition ? `${condition.status} ${condition.reason}` : "none";
}

function firstOfEach(lines: readonly string[]): readonly string[] {
  return [...new Set(lines.map((line) => line.split(" ")[0] ?? ""))];
}

test("ten updates in a row: a reader of the logs hears every version in order, and somebody always answers", async () => {
  const heralds = new Heralds("ten", 3);
  await heralds.roll("v0");
  await heralds.is("Complete");
  const reader = cluster.stream("logs", "-f", `wasmdeployment/${heralds.name}`);
  try {
    const versions = Array.from({ length: 11 }, (_, number) => `v${number}`);
    for (const version of versions) {
      await heralds.roll(version);
      await heralds.is("Complete");
      await eventually(() => {
        expect(reader.text()).toContain(`${version} answers`);
        return Promise.resolve();
      });
    }
    const heard = reader.text().match(/v\d+(?= answers)/g) ?? [];
    expect(firstOfEach(heard)).toEqual(versions);
    expect(firstOfEach(heralds.answers())).toEqual(versions);
    heralds.expectNoGap();
    const object = await heralds.object();
    expect(object.status).toMatchObject({ revision: 11, availableReplicas: 3, updatedReplicas: 3 });
  } finally {
    reader.stop();
  }
}, 240_000);

test("an update that fails is rolled back, and those that worked never stopped", async () => {
  const heralds = new Heralds("cautious", 2, {
    autoRollback: true,
    minReadySeconds: 1,
    progressDeadlineSeconds: 4,
  });
  await heralds.roll("good");
  await heralds.is("Complete");
  const before = (await heralds.instances()).map(({ metadata }) => metadata.uid).toSorted();
  await heralds.roll("bad", await guestImage("trapper"));
  const object = await heralds.is("RolledBack");
  expect(
    ["RolledBack", "Progressing", "Available", "Ready", "Stalled"].map((type) => conditionOf(object, type)),
  ).toEqual([
    "True ProgressDeadlineExceeded",
    "False ProgressDeadlineExceeded",
    "True MinimumReplicasAvailable",
    "False RolledBack",
    "True RolledBack",
  ]);
  await eventually(async () => {
    expect((await heralds.instances()).map(({ metadata }) => metadata.uid).toSorted()).toEqual(before);
  });
  await heralds.scale(3);
  await eventually(async () => {
    expect((await heralds.object()).status).toMatchObject({ availableReplicas: 3, updatedReplicas: 0 });
  });
  await heralds.roll("better");
  expect(conditionOf(await heralds.is("Complete"), "RolledBack")).toBe("none");
  heralds.expectNoGap();
}, 120_000);

test("kubectl wait sees each moment as it is, and a paused deployment changes its number only", async () => {
  const heralds = new Heralds("slow", 2);
  const wait = (condition: string, timeout: string) =>
    runKubectl(cluster.directory.kubeconfig, [
      "wait",
      `--for=condition=${condition}`,
      `--timeout=${timeout}`,
      "wasmdeployment/slow",
    ]);
  await heralds.roll("v1");
  expect(await wait("Ready", "60s")).toMatchObject({ code: 0 });
  expect(await wait("Available", "60s")).toMatchObject({ code: 0 });

  await heralds.roll("v2", image, { paused: true });
  await eventually(async () => {
    expect(conditionOf(await heralds.object(), "Progressing")).toBe("Unknown DeploymentPaused");
  });
  expect((await wait("Ready", "1s")).code).not.toBe(0);
  expect(await wait("Available", "60s")).toMatchObject({ code: 0 });
  await heralds.scale(4);
  await eventually(async () => {
    expect((await heralds.object()).status).toMatchObject({ availableReplicas: 4, updatedReplicas: 0 });
  });
  expect(firstOfEach(heralds.answers())).toEqual(["v1"]);
  await heralds.roll("v2", image, { paused: false });
  expect(await wait("Ready", "60s")).toMatchObject({ code: 0 });
  expect((await heralds.object()).status).toMatchObject({
    availableReplicas: 4,
    updatedReplicas: 4,
    revision: 2,
  });
  heralds.expectNoGap();
}, 120_000);

test("kill -9 of the scheduler in the middle of an update: the next one goes on with it, without a gap", async () => {
  const heralds = new Heralds("long", 4, { minReadySeconds: 1 });
  await heralds.roll("old");
  await heralds.is("Complete");
  // Watched, since asking now and then could miss the middle.
  const inTheMiddle = cluster.client().until("long", (status) => {
    const { updatedReplicas, rollout } = status as NonNullable<WasmDeployment["status"]>;
    return updatedReplicas === 2 && rollout?.phase === "Progressing";
  });
  await heralds.roll("new");
  await inTheMiddle;
  await cluster.killScheduler();
  await cluster.startScheduler();
  const object = await heralds.is("Complete");
  expect(object.status).toMatchObject({ availableReplicas: 4, updatedReplicas: 4, replicas: 4, revision: 2 });
  await eventually(async () => {
    expect(await heralds.instances()).toHaveLength(4);
  });
  expect(firstOfEach(heralds.answers())).toEqual(["old", "new"]);
  heralds.expectNoGap();
}, 120_000);

test("kill -9 of a daemon: how long its instances have been ready counts on", async () => {
  const heralds = new Heralds("steady", 2, { minReadySeconds: 3 });
  await heralds.roll("v1");
  await heralds.is("Complete");
  const availableEver: number[] = [];
  const watch = new AbortController();
  const seen = cluster.client().until("steady", (status) => {
    availableEver.push(Number(status["availableReplicas"]));
    return watch.signal.aborted;
  });
  await cluster.killNode("one");
  await cluster.startNode("one");
  await eventually(async () => {
    const instances = await heralds.instances();
    expect(instances.map(({ status }) => status.display)).toEqual(["Running", "Running"]);
  });
  watch.abort();
  await heralds.scale(3);
  await seen;
  expect(Math.min(...availableEver)).toBe(2);
}, 120_000);

test("the example: a careless update of a careful deployment is undone by itself", async () => {
  await cluster.apply(exampleManifest("deployments/careful.yaml"));
  const phase = async () =>
    (await cluster.json<WasmDeployment>("wasmdeployment", "careful")).status?.rollout?.phase;
  await eventually(async () => expect(await phase()).toBe("Complete"));
  await cluster.apply(
    exampleManifest("deployments/careless.yaml", {
      "progressDeadlineSeconds: 30": "progressDeadlineSeconds: 8",
    }),
  );
  await eventually(async () => expect(await phase()).toBe("RolledBack"));
  const { status } = await cluster.json<WasmDeployment>("wasmdeployment", "careful");
  expect(status).toMatchObject({ availableReplicas: 3, updatedReplicas: 0, revision: 2 });
}, 120_000);
