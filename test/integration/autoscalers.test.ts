/** Autoscalers with the API server, the engine and both clients as they are; only what metrics say is pretended. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WasmAutoscaler } from "../../api/gen/kinds.gen.ts";
import { systemClock } from "../../kit/clock.ts";
import { silentLog } from "../../kit/log.ts";
import { seededRandom } from "../../kit/random.ts";
import { Engine } from "../../scheduler/engine/engine.ts";
import { FakeMetricSource } from "../../scheduler/testing/fake-metric-source.ts";
import { BothClients } from "../support/both-clients.ts";
import { crd, version } from "../../scheduler/apiserver/testing/crds.ts";
import { checkout } from "../support/cluster.ts";
import { exampleManifest } from "../support/examples.ts";
import { deployment, manifest } from "../support/kubectl-session.ts";

let both: BothClients;
let engine: Engine;
const source = new FakeMetricSource();
beforeAll(async () => {
  both = await BothClients.start();
  const { backend, scales } = both.session.server.api;
  engine = new Engine({
    backend,
    clock: systemClock,
    random: seededRandom(1),
    log: silentLog,
    lostAfterMs: 15_000,
    autoscaling: { scales, sources: { Redis: source, Prometheus: source } },
  });
  await engine.start();
});
afterAll(async () => {
  await engine.close();
  await both[Symbol.asyncDispose]();
});

const kubectl = (args: string, input?: string) => both.session.run(args, input);

async function ours(args: string): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const { code, stdout, stderr } = await both.wherry(args);
  if (code !== 0) throw new Error(`wherry ${args} ended with ${code}:\n${stdout}${stderr}`);
  return { stdout, stderr };
}

async function refused(args: string): Promise<string> {
  const { code, stdout, stderr } = await both.wherry(args);
  if (code === 0) throw new Error(`wherry ${args} succeeded:\n${stdout}`);
  return stderr;
}

const queue = (key: string) => ({
  type: "Redis",
  redis: { address: "redis:6379", list: { key }, target: { type: "AverageValue", averageValue: "10" } },
});

function autoscaler(name: string, spec: object = {}, target: object = { kind: "WasmDeployment", name }) {
  return manifest({
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmAutoscaler",
    metadata: { name },
    spec: { scaleTargetRef: target, maxReplicas: 8, metrics: [queue(name)], ...spec },
  });
}

function says(name: string, value: number): void {
  source.say(name, { kind: "value", value, isAtLeast: false, atMs: Date.now() });
}

async function wanted(what: string, path: string): Promise<string> {
  return kubectl(`get ${what} -o jsonpath={${path}}`);
}

async function ableMessage(name: string): Promise<string | undefined> {
  const { status } = JSON.parse(await kubectl(`get wa ${name} -o json`)) as WasmAutoscaler;
  return status?.conditions?.find(({ type }) => type === "AbleToScale")?.message;
}

test("kubectl: an autoscaler scales its deployment, and is shown with what it says and does", async () => {
  await kubectl("apply -f -", manifest(deployment("shop", { replicas: 1 })));
  says("shop", 35);
  expect(await kubectl("apply -f -", autoscaler("shop"))).toBe("wasmautoscaler.wherry.dev/shop created\n");
  await expect.poll(() => wanted("wd/shop", ".spec.replicas"), { timeout: 10_000 }).toBe("4");
  await expect
    .poll(() => kubectl("get wa"), { timeout: 10_000 })
    .toMatch(
      /^NAME +REFERENCE +TARGETS +MIN +MAX +REPLICAS +AGE\nshop +WasmDeployment\/shop +shop: 8750m\/10 \(avg\) +1 +8 +4 /,
    );
  expect(await kubectl("get wa shop -o wide")).toMatch(/ACTIVE +WHY\n.* True +ValidMetricFound/);
  await expect
    .poll(() => kubectl("get events"), { timeout: 10_000 })
    .toMatch(/SuccessfulRescale +wasmautoscaler\/shop +New size: 4 \(was 1\)/);
  const owners = await kubectl("get wd shop -o json --show-managed-fields");
  expect(owners).toMatch(/"manager": "wherry-autoscaler",\s+"operation": "Update",\s+"subresource": "scale"/);
});

test("kubectl: replicas that somebody sets are looked at again at once", async () => {
  await kubectl("apply -f -", manifest(deployment("pushed", { replicas: 3 })));
  says("pushed", 30);
  await kubectl("apply -f -", autoscaler("pushed"));
  await expect.poll(() => wanted("wa/pushed", ".status.desiredReplicas"), { timeout: 10_000 }).toBe("3");
  await kubectl("scale wd/pushed --replicas=1");
  await expect.poll(() => wanted("wd/pushed", ".spec.replicas"), { timeout: 10_000 }).toBe("3");
});

test("kubectl: kinds of users are scaled through their scale", async () => {
  const schema = {
    openAPIV3Schema: {
      type: "object",
      properties: {
        spec: { type: "object", properties: { crew: { type: "integer", maximum: 4 } } },
        status: { type: "object", properties: { aboard: { type: "integer" } } },
      },
    },
  };
  const scale = { specReplicasPath: ".spec.crew", statusReplicasPath: ".status.aboard" };
  await kubectl(
    "apply -f -",
    manifest(crd({ versions: [version({ schema, subresources: { status: {}, scale } })] })),
  );
  await kubectl("wait --for=condition=Established crd/boats.example.com");
  const target = { apiVersion: "example.com/v1", kind: "Boat", name: "tub" };
  says("boat", 30);
  await kubectl("apply -f -", autoscaler("boat", {}, target));
  const condition = () => ableMessage("boat");
  await expect
    .poll(condition, { timeout: 10_000 })
    .toContain('there is no Boat "tub" in namespace "default"');
  const boat = { apiVersion: "example.com/v1", kind: "Boat", metadata: { name: "tub" }, spec: { crew: 1 } };
  await kubectl("apply -f -", manifest(boat));
  await expect.poll(() => wanted("boats/tub", ".spec.crew"), { timeout: 10_000 }).toBe("3");
  // More than its schema allows: what the API server says is shown.
  says("boat", 80);
  await expect.poll(condition, { timeout: 10_000 }).toMatch(/could not be set to 5: .*spec.crew/);
  expect(await wanted("boats/tub", ".spec.crew")).toBe("3");
});

test("kubectl: what cannot be scaled is said", async () => {
  await kubectl("apply -f -", autoscaler("lost", {}, { kind: "WasmJob", name: "x" }));
  await expect
    .poll(() => ableMessage("lost"), {
      timeout: 10_000,
    })
    .toContain("a WasmJob of apiVersion wherry.dev/v1alpha1 cannot be scaled: it has no scale subresource");
  expect(await kubectl("delete wa lost")).toContain("deleted");
});

test("kubectl: what is wrong with an autoscaler is told field by field", async () => {
  const prometheus = { serverURL: "ftp://x", query: "up", target: { type: "Value" } };
  const metrics = [{ type: "Prometheus", prometheus }, { type: "Resource" }];
  const text = await both.session.refused("apply -f -", autoscaler("bad", { minReplicas: 9, metrics }));
  for (const field of [
    "spec.maxReplicas",
    "spec.metrics[0].prometheus.serverURL",
    "spec.metrics[1].resource",
  ])
    expect(text).toContain(field);
  expect(await both.session.refused("apply -f -", autoscaler("bad", { maxReplicas: "many" }))).toContain(
    "spec.maxReplicas",
  );
});

test("wherry autoscale: makes an autoscaler as kubectl autoscale does, and describe tells all of it", async () => {
  const template = {
    spec: {
      module: { image: "file:///srv/x.wasm" },
      http: { handler: "wagi" },
      resources: { requests: { cpu: "100m" } },
    },
  };
  await kubectl("apply -f -", manifest(deployment("web", { replicas: 1, template, wakeOnRequest: true })));
  const made = await ours(
    "autoscale deployment/web --min 0 --max 20 --cpu-percent 70 --in-flight 10 --idle-seconds 60",
  );
  expect(made).toEqual({ stdout: "wasmautoscaler.wherry.dev/web autoscaled\n", stderr: "" });
  const { spec } = JSON.parse(await kubectl("get wa web -o json")) as { spec: unknown };
  expect(spec).toEqual({
    scaleTargetRef: { apiVersion: "wherry.dev/v1alpha1", kind: "WasmDeployment", name: "web" },
    minReplicas: 0,
    maxReplicas: 20,
    idleSeconds: 60,
    metrics: [
      {
        type: "Resource",
        resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } },
      },
      {
        type: "Requests",
        requests: { metric: "inFlight", target: { type: "AverageValue", averageValue: "10" } },
      },
    ],
  });
  await expect
    .poll(() => wanted("wa/web", ".status.reference"), { timeout: 10_000 })
    .toBe("WasmDeployment/web");
  const { stdout } = await ours("describe wa web");
  expect(stdout).toMatch(
    /Reference: +WasmDeployment\/web \(wherry.dev\/v1alpha1\)\nMin Replicas: +0\nMax Replicas: +20\nTo Zero: +when nothing has happened for 60s, once the window of 300s is over\nReplicas: +1 current \/ 1 desired/,
  );
  expect(stdout).toMatch(
    /Scale Up: +4 Instances or 100% each 15s; window 0s\n +Scale Down: +100% each 15s; window 300s\n/,
  );
  expect(stdout).toMatch(/Metrics:\n +Type +Name +Current +Target +Proposes +Measured +Message\n/);
  expect(stdout).toMatch(/ Requests +inFlight +0 \(avg\) +10 \(avg\) /);
  expect(stdout).toMatch(/ Resource +cpu +<unknown> +70% /);
  expect(stdout).toMatch(/Conditions:\n[^]*AbleToScale[^]*ScalingActive[^]*ScalingLimited/);
  expect(await refused("autoscale deployment/web --max 20")).toContain(
    'wasmautoscalers.wherry.dev "web" already exists',
  );
});

test("wherry autoscale: warns of what will not do what was meant, and makes nothing in a dry run", async () => {
  await kubectl("apply -f -", manifest(deployment("plain")));
  const { stdout, stderr } = await ours(
    "autoscale wd plain --min 0 --max 3 --requests-per-second 2.5 --cpu-percent 50% --dry-run=client -o yaml",
  );
  expect(stdout).toContain('averageValue: "2.5"');
  expect(stderr).toContain("requests no cpu");
  expect(stderr).toContain("answers no requests");
  expect(stderr).toContain("set wakeOnRequest of plain");
  expect((await ours("autoscale wd plain --max 3 --dry-run=server --name other")).stdout).toBe(
    "wasmautoscaler.wherry.dev/other autoscaled (server dry run)\n",
  );
  expect(await kubectl("get wa plain other --ignore-not-found")).toBe("");
});

test.each([
  { name: "no such workload", args: "deployment/nobody --max 3", says: '"nobody" not found' },
  { name: "nothing named", args: "deployment --max 3", says: "names no workload" },
  { name: "two named", args: "deployment a b --max 3", says: "names no workload" },
  { name: "no maximum", args: "deployment/plain", says: "--max" },
  {
    name: "a maximum below the minimum",
    args: "deployment/plain --min 4 --max 3",
    says: "--max 3 must not be less than --min 4",
  },
  { name: "a negative minimum", args: "deployment/plain --min=-1 --max 3", says: "--min" },
  { name: "nothing to share", args: "deployment/plain --max 3 --cpu-percent 0", says: "--cpu-percent" },
  { name: "no amount", args: "deployment/plain --max 3 --in-flight none", says: "--in-flight" },
  { name: "nothing as amount", args: "deployment/plain --max 3 --queue-length 0.0", says: "--queue-length" },
  {
    name: "an idle time without zero",
    args: "deployment/plain --max 3 --idle-seconds 9",
    says: "--min 0 only",
  },
  { name: "an unknown format", args: "deployment/plain --max 3 -o table", says: '--output "table"' },
])("wherry autoscale: $name is refused", async ({ args, says: text }) => {
  expect(await refused(`autoscale ${args}`)).toContain(text);
});

test("wherry autoscale: what has no scale is refused", async () => {
  const template = { spec: { module: { image: "file:///srv/x.wasm" }, restartPolicy: "Never" } };
  await kubectl(
    "apply -f -",
    manifest({
      apiVersion: "wherry.dev/v1alpha1",
      kind: "WasmJob",
      metadata: { name: "once" },
      spec: { suspend: true, template },
    }),
  );
  expect(await refused("autoscale wasmjob/once --max 3")).toContain("a WasmJob has no scale");
});

test.each(["requests", "zero", "redis", "prometheus", "schedule"])(
  "examples/autoscaling/%s.yaml is accepted as it is",
  async (name) => {
    const { code, stderr } = await both.kubectl("apply --dry-run=server -f -", {
      input: exampleManifest(`autoscaling/${name}.yaml`),
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  },
);

test("docs/AUTOSCALING.md: its manifest is accepted as it is", async () => {
  const text = readFileSync(join(checkout, "docs/AUTOSCALING.md"), "utf8");
  const [, manifestOfIt = ""] = /```yaml\n([^`]*)```/.exec(text) ?? [];
  expect(manifestOfIt).toContain("kind: WasmAutoscaler");
  const input = manifestOfIt.replace("metadata: { name: web }", "metadata: { name: documented }");
  const { code, stderr } = await both.kubectl("apply --dry-run=server -f -", { input });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});

test("the default roles: whoever may edit may declare autoscalers, and whoever may view may see them", async () => {
  for (const [role, verb, answer] of [
    ["edit", "create", "yes"],
    ["view", "create", "no"],
    ["view", "watch", "yes"],
  ] as const) {
    const user = `of-${role}`;
    await kubectl(`create rolebinding ${user}-${verb} --clusterrole=${role} --user=${user}`);
    const { stdout } = await both.kubectl(`auth can-i ${verb} wasmautoscalers.wherry.dev --as=${user}`);
    expect(stdout.trim()).toBe(answer);
  }
});
