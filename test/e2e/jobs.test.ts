/** Jobs as Kubernetes' documentation has them, in our words: every manifest of examples/jobs, with kubectl as it comes. */
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WasmJob } from "../../api/gen/kinds.gen.ts";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";
import { exampleManifest } from "../support/examples.ts";
import { logsOf } from "../support/jobs.ts";
import { job } from "../support/manifests.ts";
import { runKubectl } from "../support/kubectl.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(["one"]);
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await runKubectl(cluster.directory.kubeconfig, args, input);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}:\n${stderr}`);
  return stdout;
}

async function refused(...args: readonly string[]): Promise<string> {
  const { code, stderr } = await runKubectl(cluster.directory.kubeconfig, args);
  expect(code, stderr).not.toBe(0);
  return stderr;
}

async function apply(name: string, changes: Readonly<Record<string, string>> = {}): Promise<void> {
  await kubectl(["apply", "-f", "-"], exampleManifest(`jobs/${name}.yaml`, changes));
}

function wait(name: string, condition: string): Promise<string> {
  return kubectl(["wait", `--for=${condition}`, `wasmjob/${name}`, "--timeout=90s"]);
}

async function statusOf(name: string): Promise<NonNullable<WasmJob["status"]>> {
  const { status = {} } = JSON.parse(await kubectl(["get", "wj", name, "-o", "json"])) as WasmJob;
  return status;
}

/** Reason of the condition, which is True. */
async function reasonOf(name: string, type: string): Promise<string | undefined> {
  const { conditions = [] } = await statusOf(name);
  return conditions.find((one) => one.type === type && one.status === "True")?.reason;
}

async function patch(name: string, spec: object): Promise<void> {
  await kubectl(["patch", "wj", name, "--type=merge", "-p", JSON.stringify({ spec })]);
}

async function linesOf(name: string, form: RegExp): Promise<readonly string[]> {
  return Array.from((await logsOf(cluster, name)).stdout.matchAll(form), ([, what = ""]) => what).sort();
}

const tried = [
  "one",
  "timeout",
  "time-to-live",
  "indexed",
  "expansion",
  "queue-of-known-length",
  "queue-until-empty",
  "failure-fails-job",
  "failure-ignored",
  "failure-of-configuration",
  "limit-per-index",
  "failure-fails-index",
  "success-policy",
  "suspended",
];

test("every manifest of examples/jobs is tried here", () => {
  const files = readdirSync(join(checkout, "examples/jobs")).filter((file) => file.endsWith(".yaml"));
  expect(files.map((file) => file.replace(".yaml", "")).sort()).toEqual(tried.toSorted());
});

test("one completion: kubectl waits for it and shows it", async () => {
  await apply("one");
  await wait("one", "condition=Complete");
  expect(await kubectl(["get", "wj", "one", "--no-headers"])).toMatch(/^one\s+Complete\s+1\/1\s+0\s/);
  expect(await statusOf("one")).toMatchObject({ active: 0, ready: 0, terminating: 0, completedIndexes: "0" });
  expect(await reasonOf("one", "SuccessCriteriaMet")).toBe("CompletionsReached");
});

test("activeDeadlineSeconds: what takes longer is stopped, and the job has failed", async () => {
  await apply("timeout");
  await wait("timeout", "condition=Failed");
  expect(await reasonOf("timeout", "Failed")).toBe("DeadlineExceeded");
  expect(await statusOf("timeout")).toMatchObject({ phase: "Failed", failed: 0, active: 0, terminating: 0 });
});

test("ttlSecondsAfterFinished: the job and its instances are gone", async () => {
  await apply("time-to-live");
  await wait("time-to-live", "delete");
  await eventually(async () =>
    expect(await kubectl(["get", "wi", "-l", "wherry.dev/job=time-to-live", "-o", "name"])).toBe(""),
  );
});

test("indexed: each index works on its own item", async () => {
  await apply("indexed");
  await wait("indexed", "condition=Complete");
  expect(await linesOf("indexed", /item (\w+)/g)).toEqual([
    "Bergen",
    "Bristol",
    "Genoa",
    "Lisbon",
    "Valencia",
  ]);
});

test("expansion: several jobs by their label", async () => {
  await apply("expansion");
  await kubectl(["wait", "--for=condition=Complete", "wasmjobs", "-l", "batch=cargo", "--timeout=60s"]);
  expect((await kubectl(["delete", "wasmjobs", "-l", "batch=cargo"])).trim().split("\n")).toHaveLength(3);
});

const cargo = ["bale", "barrel", "box", "bundle", "cask", "crate", "jar", "sack"];

/** A folder with work in it, and the change of the manifest that names it. */
function aQueue(): Readonly<Record<string, string>> {
  const folder = mkdtempSync(join(cluster.folder, "queue-"));
  mkdirSync(folder, { recursive: true });
  for (const piece of cargo) writeFileSync(join(folder, piece), "");
  return { "path: queue": `path: ${folder}` };
}

test("a queue of work of known length: each completion takes one piece", async () => {
  await apply("queue-of-known-length", aQueue());
  await wait("queue-of-known-length", "condition=Complete");
  expect(await linesOf("queue-of-known-length", /took (\w+)/g)).toEqual(cargo);
});

test("a queue of work without completions: it is complete when a worker found nothing more and all have ended", async () => {
  await apply("queue-until-empty", aQueue());
  expect(await kubectl(["get", "wj", "queue-until-empty", "-o", "jsonpath={.spec.completions}"])).toBe("");
  await wait("queue-until-empty", "condition=Complete");
  expect(await linesOf("queue-until-empty", /took (\w+)/g)).toEqual(cargo);
  expect((await statusOf("queue-until-empty")).completions).toBe("2/1 of 2");
});

test("failure policy: an exit code fails the job at once, and what else runs is stopped first", async () => {
  await apply("failure-fails-job");
  await wait("failure-fails-job", "condition=Failed");
  expect(await reasonOf("failure-fails-job", "FailureTarget")).toBe("FailurePolicy");
  expect(await reasonOf("failure-fails-job", "Failed")).toBe("FailurePolicy");
  const { failed = 0, active, terminating, conditions = [] } = await statusOf("failure-fails-job");
  expect(failed).toBeGreaterThanOrEqual(1);
  expect(failed).toBeLessThanOrEqual(2);
  expect([active, terminating]).toEqual([0, 0]);
  expect(conditions.find(({ type }) => type === "Failed")?.message).toMatch(
    /^instance failure-fails-job-\d-\w+ of index \d failed with exit code 42, for which failurePolicy.rules\[0\] fails the job$/,
  );
});

test("failure policy: a killed process is ignored, although no failure is allowed", async () => {
  await apply("failure-ignored");
  await wait("failure-ignored", "jsonpath={.status.ready}=2");
  cluster.killShims("one");
  await wait("failure-ignored", "condition=Complete");
  const { failed, succeeded, failedAttempts } = await statusOf("failure-ignored");
  expect({ failed, succeeded, failedAttempts }).toEqual({ failed: 0, succeeded: 4, failedAttempts: [] });
});

test("failure policy: what cannot be started at all fails the job by its reason", async () => {
  await apply("failure-of-configuration");
  await wait("failure-of-configuration", "condition=Failed");
  expect(await reasonOf("failure-of-configuration", "Failed")).toBe("FailurePolicy");
});

test("limit per index: each index has its own, and the job fails when all are over", async () => {
  await apply("limit-per-index");
  await wait("limit-per-index", "condition=Failed");
  expect(await statusOf("limit-per-index")).toMatchObject({
    succeeded: 5,
    failed: 10,
    completedIndexes: "1,3,5,7,9",
    failedIndexes: "0,2,4,6,8",
  });
  expect(await reasonOf("limit-per-index", "Failed")).toBe("FailedIndexes");
});

test("failure policy: an index is given up at its first failure", async () => {
  await apply("failure-fails-index");
  await wait("failure-fails-index", "condition=Failed");
  expect(await statusOf("failure-fails-index")).toMatchObject({
    succeeded: 2,
    failed: 3,
    completedIndexes: "2-3",
    failedIndexes: "0-1",
  });
});

test("success policy: complete with one of three indexes, and nine are stopped", async () => {
  await apply("success-policy");
  await wait("success-policy", "condition=SuccessCriteriaMet");
  await wait("success-policy", "condition=Complete");
  expect(await reasonOf("success-policy", "Complete")).toBe("SuccessPolicy");
  expect(await statusOf("success-policy")).toMatchObject({ completedIndexes: "2", failed: 0, active: 0 });
});

test("suspend: nothing runs, its labels can be changed, it goes on, stops again, and counts no failure", async () => {
  // Each takes so long that kubectl is there before the next ones have ended.
  await apply("suspended", { 'sleep, "1"': 'sleep, "3"' });
  await wait("suspended", "condition=Suspended");
  expect(await kubectl(["get", "wj", "suspended", "--no-headers"])).toMatch(
    /^suspended\s+Suspended\s+0\/5\s/,
  );
  await patch("suspended", { template: { metadata: { labels: { crew: "night" } } } });

  await patch("suspended", { suspend: false, parallelism: 2 });
  await wait("suspended", "condition=Suspended=false");
  const change = JSON.stringify({ spec: { template: { metadata: { labels: { crew: "day" } } } } });
  expect(await refused("patch", "wj", "suspended", "--type=merge", "-p", change)).toContain(
    "can only be changed while the job is suspended and has no instances: set spec.suspend to true",
  );
  await wait("suspended", "jsonpath={.status.succeeded}=2");
  await patch("suspended", { suspend: true });
  await wait("suspended", "condition=Suspended");
  const labels = await kubectl(["get", "wi", "-l", "crew=night", "-o", "name"]);
  expect(labels.trim().split("\n").length).toBeGreaterThanOrEqual(2);
  await wait("suspended", "jsonpath={.status.terminating}=0");
  const { succeeded = 0, failed, active, startTime } = await statusOf("suspended");
  expect({ failed, active, startTime }).toEqual({ failed: 0, active: 0, startTime: undefined });
  expect(succeeded).toBeLessThan(5);

  await patch("suspended", { suspend: false });
  await wait("suspended", "condition=Complete");
  expect(await statusOf("suspended")).toMatchObject({ succeeded: 5, failed: 0, completedIndexes: "0-4" });
});

test("parallelism 0 pauses a job, and completions grow and shrink together with it", async () => {
  const image = `file://${join(checkout, "examples/jobs/steps.wasm")}`;
  const template = { args: ["if", "0", "exit", "0", "sleep", "600"] };
  const spec = { completions: 3, parallelism: 3 };
  await kubectl(["apply", "-f", "-"], job({ name: "elastic", image, spec, template }));
  await wait("elastic", "jsonpath={.status.succeeded}=1");
  await wait("elastic", "jsonpath={.status.ready}=2");
  await patch("elastic", { completions: 6, parallelism: 6 });
  await wait("elastic", "jsonpath={.status.ready}=5");
  await patch("elastic", { parallelism: 0 });
  await wait("elastic", "jsonpath={.status.active}=0");
  await wait("elastic", "jsonpath={.status.terminating}=0");
  expect(await statusOf("elastic")).toMatchObject({ phase: "Running", completions: "1/6", failed: 0 });
  await patch("elastic", { completions: 1, parallelism: 1 });
  await wait("elastic", "condition=Complete");
  expect(await statusOf("elastic")).toMatchObject({ completions: "1/1", completedIndexes: "0", failed: 0 });
});

test("what must not change is refused, and the message says what to do", async () => {
  await apply("one");
  const change = (spec: object) => ["patch", "wj", "one", "--type=merge", "-p", JSON.stringify({ spec })];
  expect(await refused(...change({ completions: 2 }))).toContain(
    "can only be modified in tandem with spec.parallelism",
  );
  expect(await refused(...change({ successPolicy: { rules: [{ succeededCount: 1 }] } }))).toContain(
    "field is immutable; delete the job and create it again",
  );
  expect(await refused(...change({ template: { spec: { args: ["x"] } } }))).toContain(
    "field is immutable; delete the job and create it again",
  );
});

test("the logs of what has ended outlive a kill -9 of the daemon", async () => {
  await apply("one");
  await wait("one", "condition=Complete");
  const before = await linesOf("one", /(\d+) primes in/g);
  expect(before).toHaveLength(1);
  await cluster.killNode("one");
  await cluster.startNode("one");
  await eventually(async () => expect(await linesOf("one", /(\d+) primes in/g)).toEqual(before));
});
