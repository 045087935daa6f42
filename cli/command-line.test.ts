import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { runCommandLine } from "./command-line.ts";
import { LocalCertificates, type CertificateFiles } from "./local/certificates.ts";
import { writeLocalKubeconfig } from "./local/kubeconfig.ts";
import { openStateDirectory } from "./local/state-directory.ts";
import { TestApiServer } from "./testing/test-api-server.ts";
import { TestTerminal } from "./testing/test-terminal.ts";

const deployments = "/apis/wherry.dev/v1alpha1/namespaces/default/wasmdeployments";
const jobs = "/apis/wherry.dev/v1alpha1/namespaces/default/wasmjobs";
const instances = "/apis/live.wherry.dev/v1alpha1/namespaces/default/wasminstances";

let folder: string;
let certificates: CertificateFiles;
let server: TestApiServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "wherry-cli-"));
  const state = openStateDirectory(join(folder, ".wherry"));
  certificates = await new LocalCertificates(state.pki, () => Date.now()).scheduler(["127.0.0.1"]);
});

beforeEach(async () => {
  server = await TestApiServer.start(certificates);
  const access = { server: server.url, caFile: certificates.ca, token: server.token };
  writeLocalKubeconfig(join(folder, ".wherry", "kubeconfig"), access);
  return async () => server[Symbol.asyncDispose]();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(args: string, prepare: (terminal: TestTerminal) => void = () => {}) {
  const terminal = new TestTerminal(folder);
  prepare(terminal);
  const code = await runCommandLine(args.split(" "), terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

function deployment(name: string, extra: object = {}) {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: { name, namespace: "default" },
    spec: { replicas: 1, template: {} },
    status: { ready: "1/1" },
    ...extra,
  };
}

function instance(name: string, owner: string, phase = "Running", kind = "WasmDeployment") {
  return {
    apiVersion: "live.wherry.dev/v1alpha1",
    kind: "WasmInstance",
    metadata: { name, namespace: "default", uid: `uid-${name}` },
    spec: { nodeName: "laptop", owner: { kind, name: owner, uid: "u" } },
    status: { phase, restarts: 0, ready: "1/1" },
  };
}

const manifest = (name: string, replicas: number) =>
  `apiVersion: wherry.dev/v1alpha1\nkind: WasmDeployment\nmetadata:\n  name: ${name}\nspec:\n  replicas: ${replicas}\n`;

test("get: prints the server's table in kubectl's columns", async () => {
  server.put(`${deployments}/hello`, deployment("hello"));
  server.put(`${deployments}/a-long-name`, deployment("a-long-name", { status: {} }));
  const { code, stdout } = await run("get wd");
  expect(stdout).toBe("NAME          READY\nhello         1/1\na-long-name   \n");
  expect(code).toBe(0);
});

test.each([
  { name: "wide", args: "get wd -o wide", expected: "NAME    READY   MODULE\nhello   1/1     m.wasm\n" },
  { name: "name", args: "get wasmdeployment -o name", expected: "wasmdeployment.wherry.dev/hello\n" },
  { name: "without headers", args: "get wd hello --no-headers", expected: "hello   1/1\n" },
  {
    name: "all namespaces",
    args: "get wasmdeployments.wherry.dev -A",
    expected: "NAMESPACE   NAME    READY\ndefault     hello   1/1\n",
  },
  {
    name: "several kinds",
    args: "get wd,wn",
    expected: "NAME                              READY\nwasmdeployment.wherry.dev/hello   1/1\n",
  },
])("get: $name", async ({ args, expected }) => {
  server.put(`${deployments}/hello`, deployment("hello"));
  expect((await run(args)).stdout).toBe(expected);
});

test("get -o yaml: one object, keys sorted, without managedFields", async () => {
  server.put(`${deployments}/hello`, {
    ...deployment("hello"),
    metadata: { name: "hello", namespace: "default", managedFields: [{}] },
  });
  const { stdout } = await run("get wasmdeployment/hello -o yaml");
  expect(stdout.startsWith("apiVersion: wherry.dev/v1alpha1\nkind: WasmDeployment\nmetadata:\n")).toBe(true);
  expect(stdout).not.toContain("managedFields");
});

test("get -o json: a list is of kind List", async () => {
  const { stdout } = await run("get wd -o json");
  expect(JSON.parse(stdout)).toEqual({
    apiVersion: "v1",
    kind: "List",
    metadata: { resourceVersion: "" },
    items: [],
  });
});

test.each([
  { name: "nothing there", args: "get wd", code: 0, stderr: "No resources found in default namespace.\n" },
  {
    name: "unknown resource",
    args: "get nothings",
    code: 1,
    stderr: `error: the server doesn't have a resource type "nothings"\n`,
  },
  {
    name: "unknown object",
    args: "get wd nope",
    code: 1,
    stderr: `Error from server (NotFound): wasmdeployments.wherry.dev "nope" not found\n`,
  },
  {
    name: "bad output",
    args: "get wd -o xml",
    code: 1,
    stderr: `error: --output "xml" is not known; it is one of wide, yaml, json, name\n`,
  },
  {
    name: "scale below zero",
    args: "scale wd/x --replicas=-1",
    code: 1,
    stderr: `error: --replicas "-1" must be a whole number, at least 0\n`,
  },
  { name: "unknown command", args: "frobnicate", code: 1, stderr: "error: unknown command 'frobnicate'\n" },
])("runCommandLine: $name", async ({ args, code, stderr }) => {
  expect(await run(args)).toEqual({ code, stdout: "", stderr });
});

test("get -w: prints the list and then changes in the same columns", async () => {
  server.put(`${deployments}/hello`, deployment("hello"));
  const terminal = new TestTerminal(folder);
  const running = runCommandLine(["get", "wd", "-w"], terminal);
  await terminal.printed("hello   1/1");
  await waitForWatch();
  server.put(`${deployments}/hello`, deployment("hello", { status: { ready: "2/2" } }));
  await terminal.printed("hello   2/2");
  expect(terminal.stdout).toBe("NAME    READY\nhello   1/1\nhello   2/2\n");
  server.refusals.set(`GET ${deployments}`, { code: 403, status: { reason: "Forbidden", message: "no" } });
  server.endWatches();
  expect(await running).toBe(1);
});

/** The watch's request is on its way as soon as the list is printed; its arrival is what the server sees. */
async function waitForWatch(): Promise<void> {
  await expect.poll(() => server.watching).toBeGreaterThan(0);
}

test("apply: creates, configures, leaves unchanged, and removes what is gone from the manifest", async () => {
  const apply = (text: string) => run("apply -f -", (terminal) => void (terminal.standardInput = text));
  const withArgs = `${manifest("hello", 1)}  paused: true\n`;
  expect((await apply(withArgs)).stdout).toBe("wasmdeployment.wherry.dev/hello created\n");
  expect((await apply(withArgs)).stdout).toBe("wasmdeployment.wherry.dev/hello unchanged\n");
  expect((await apply(manifest("hello", 3))).stdout).toBe("wasmdeployment.wherry.dev/hello configured\n");
  expect(server.objects.get(`${deployments}/hello`)?.["spec"]).toEqual({ replicas: 3 });
  const patch = server.requests.find(({ method }) => method === "PATCH");
  expect(patch?.contentType).toBe("application/merge-patch+json");
  expect(patch?.query.toString()).toBe("fieldManager=kubectl-client-side-apply&fieldValidation=Strict");
  expect(patch?.body).toMatchObject({ spec: { replicas: 3, paused: null } });
});

test("apply: goes on after a document that fails, and says which it was", async () => {
  mkdirSync(join(folder, "manifests"), { recursive: true });
  writeFileSync(join(folder, "manifests", "a.yaml"), `${manifest("a", 1)}---\nmetadata:\n  name: b\n`);
  writeFileSync(join(folder, "manifests", "b.yaml"), `metadata:\n  name: x\n spec: [\n`);
  writeFileSync(join(folder, "manifests", "c.yaml"), manifest("c", -1));
  writeFileSync(join(folder, "manifests", "notes.txt"), "not a manifest");
  server.refusals.set(`POST ${deployments}`, {
    code: 422,
    status: {
      reason: "Invalid",
      message: "…",
      details: {
        kind: "WasmDeployment",
        name: "c",
        causes: [
          { field: "spec.replicas", message: "Invalid value: -1: should be at least 0" },
          { field: "spec.template", message: "Required value" },
        ],
      },
    },
  });
  const { code, stdout, stderr } = await run("apply -f manifests");
  expect(stdout).toBe("");
  expect(code).toBe(1);
  expect(stderr).toContain("error: manifests/a.yaml, document 2: apiVersion: Required value");
  expect(stderr).toMatch(/error: manifests\/b\.yaml:3:\d+: .+\n {2}3 \| {2}spec: \[\n/);
  expect(stderr).toContain(
    `The WasmDeployment "c" is invalid:\n* spec.replicas: Invalid value: -1: should be at least 0\n* spec.template: Required value\n`,
  );
});

test("apply: an unknown kind says what the server has", async () => {
  const text = "apiVersion: wherry.dev/v2\nkind: WasmDeployment\nmetadata: {name: x}\n";
  const { stderr } = await run("apply -f -", (terminal) => void (terminal.standardInput = text));
  expect(stderr).toContain(`no matches for kind "WasmDeployment" in version "wherry.dev/v2"`);
  expect(stderr).toContain("the server has WasmDeployment in wherry.dev/v1alpha1");
});

test("delete: deletes, waits until it is gone, and says where from", async () => {
  server.put(`${deployments}/hello`, deployment("hello"));
  const { code, stdout } = await run("delete wd hello --grace-period=3");
  expect(stdout).toBe(`wasmdeployment.wherry.dev "hello" deleted from default namespace\n`);
  expect(code).toBe(0);
  const request = server.requests.find(({ method }) => method === "DELETE");
  expect(request?.body).toMatchObject({ propagationPolicy: "Background", gracePeriodSeconds: 3 });
});

test("delete: of several, one that is missing does not keep the others", async () => {
  server.put(`${deployments}/a`, deployment("a"));
  const { code, stdout, stderr } = await run("delete wd nope a");
  expect(stdout).toContain(`"a" deleted`);
  expect(stderr).toContain("(NotFound)");
  expect(code).toBe(1);
  expect((await run("delete wd nope --ignore-not-found")).code).toBe(0);
});

test("delete --all: needs no names, and without any says so", async () => {
  server.put(`${deployments}/a`, deployment("a"));
  server.put(`${deployments}/b`, deployment("b"));
  expect((await run("delete wd --all")).stdout.split("\n")).toHaveLength(3);
  expect(server.objects.size).toBe(0);
  expect((await run("delete wd --all")).stdout).toBe("No resources found\n");
  expect((await run("delete wd")).stderr).toContain("--all or --selector");
});

test("scale: patches the scale subresource", async () => {
  server.put(`${deployments}/hello`, deployment("hello"));
  expect((await run("scale wd/hello --replicas 5")).stdout).toBe("wasmdeployment.wherry.dev/hello scaled\n");
  const request = server.requests.find(({ method }) => method === "PATCH");
  expect(request).toMatchObject({ path: `${deployments}/hello/scale`, body: { spec: { replicas: 5 } } });
});

test("logs: an instance by its name, with the options handed on", async () => {
  server.put(`${instances}/hello-1`, instance("hello-1", "hello"));
  server.logs.set("hello-1", "one\ntwo");
  const { stdout } = await run("logs hello-1 --tail 5 --since 2m --timestamps");
  expect(stdout).toBe("one\ntwo\n");
  const query = server.requests.find(({ path }) => path.endsWith("/log"))?.query.toString();
  expect(query).toBe("tailLines=5&sinceSeconds=120&timestamps=true");
});

test("logs: a workload's instances with their names, others' not", async () => {
  server.put(`${deployments}/hello`, deployment("hello"));
  for (const name of ["hello-1", "hello-2"]) server.put(`${instances}/${name}`, instance(name, "hello"));
  server.put(`${instances}/other-1`, instance("other-1", "other"));
  for (const name of ["hello-1", "hello-2", "other-1"]) server.logs.set(name, `I am ${name}\n`);
  const { stdout } = await run("logs wasmdeployment/hello");
  expect(stdout.split("\n").toSorted().join("\n").trim()).toBe(
    "[hello-1] I am hello-1\n[hello-2] I am hello-2",
  );
});

test("logs -f: waits for instances, adds those that come later, and ends with the job", async () => {
  const job = { ...deployment("work"), kind: "WasmJob" };
  server.put(`${jobs}/work`, job);
  const terminal = new TestTerminal(folder);
  const running = runCommandLine(["logs", "-f", "wj/work"], terminal);
  await waitForWatch();
  server.logs.set("work-1", "first\n");
  server.put(`${instances}/work-1`, instance("work-1", "work", "Pending", "WasmJob"));
  server.put(`${instances}/work-1`, instance("work-1", "work", "Running", "WasmJob"));
  await terminal.printed("first\n");
  server.logs.set("work-2", "second\n");
  server.put(`${instances}/work-2`, instance("work-2", "work", "Running", "WasmJob"));
  await terminal.printed("[work-2] second\n");
  server.put(`${jobs}/work`, { ...job, status: { conditions: [{ type: "Complete", status: "True" }] } });
  server.endLogs();
  expect(await running).toBe(0);
  expect(terminal.stdout).toBe("first\n[work-2] second\n");
  expect(terminal.stderr).toBe("waiting for wasmjob.wherry.dev/work to start\n");
});

test.each([
  [
    "--port 9443 --https-port 9444",
    `--https-port "9444" leaves no room for --port, which takes 9443 to 9444`,
  ],
  ["--nodes 3 --http-port 8080 --https-port 8082", `no room for --http-port, which takes 8080 to 8082`],
  ["--port 7440 --http-port 7439 --nodes 2", `no room for --port, which takes 7440 to 7441`],
  ["--https-port 65536", `--https-port "65536" must be at most 65535`],
])("up: ports that are wanted twice are refused before anything starts: %s", async (args, says) => {
  const { code, stderr } = await run(`up ${args}`);
  expect(stderr).toContain(says);
  expect(code).toBe(1);
});

test("describe: an instance tells where it is, how and why", async () => {
  const object = instance("hello-1", "hello", "Pending");
  Object.assign(object.status, {
    reason: "CrashLoopBackOff",
    message: "it ended with exit code 3\nsee the log",
    lastTermination: { reason: "Error", message: "exit code 3", exitCode: 3 },
  });
  server.put(`${instances}/hello-1`, object);
  const { stdout } = await run("describe wi hello-1");
  for (const line of [
    /^Owner: +WasmDeployment\/hello$/m,
    /^Node: +laptop$/m,
    /^Phase: +Pending$/m,
    /^Reason: +CrashLoopBackOff$/m,
    /^Message: +it ended with exit code 3\n +see the log$/m,
    /^Last Termination:\n {2}Reason: +Error$/m,
    /^ {2}Exit Code: +3$/m,
    /^Events: +<none>$/m,
  ]) {
    expect(stdout).toMatch(line);
  }
});

test("describe: a workload with its conditions, instances and events", async () => {
  const conditions = [
    {
      type: "Available",
      status: "True",
      reason: "AllReady",
      message: "fine",
      lastTransitionTime: "2025-12-31T23:59:30Z",
    },
  ];
  server.put(`${deployments}/hello`, deployment("hello", { status: { ready: "1/1", conditions } }));
  server.put(`${instances}/hello-1`, instance("hello-1", "hello"));
  server.put("/api/v1/namespaces/default/events/e1", {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "e1", namespace: "default" },
    type: "Normal",
    reason: "Created",
    message: "made hello-1",
    lastTimestamp: "2025-12-31T23:58:00Z",
  });
  const { stdout } = await run("describe wd hello");
  expect(stdout).toMatch(/Conditions:\n {2}Type +Status.*\n.*\n {2}Available +True +AllReady +30s +fine/);
  expect(stdout).toMatch(/Instances:\n.*\n.*\n {2}hello-1 +1\/1 +Running/);
  expect(stdout).toMatch(/Events:\n.*\n.*\n {2}Normal +Created +2m +made hello-1/);
});

test("describe: an instance tells its class of service, what it asked for and got, and what it uses", async () => {
  const object = instance("hello-1", "hello");
  Object.assign(object.spec, { isolation: "shared", priority: 1_000, priorityClassName: "high" });
  const usage = { cpu: "5m", memory: "70Ki", fuel: 12_345, throttledSeconds: 1.5 };
  Object.assign(object.status, { qosClass: "Burstable", isolation: "process", usage });
  server.put(`${instances}/hello-1`, object);
  const { stdout } = await run("describe wi hello-1");
  for (const line of [
    /^QoS Class: +Burstable$/m,
    /^Isolation: +process \(it was placed for shared\)$/m,
    /^Priority: +1000$/m,
    /^Priority Class Name: +high$/m,
    /^Usage: +cpu 5m, memory 70Ki, fuel 12345, held back for 1.5 s by its limit$/m,
  ]) {
    expect(stdout).toMatch(line);
  }
});

function using(name: string, usage: object, status: object = {}) {
  const object = instance(name, "hello");
  Object.assign(object.status, { usage, ...status });
  server.put(`${instances}/${name}`, object);
}

test("top: what instances use, the largest first, and those that have not told", async () => {
  using("a", { cpu: "5m", memory: "70Ki" });
  using("b", { cpu: "1500m", memory: "3000Ki", fuel: 12_345, throttledSeconds: 1.5 });
  server.put(`${instances}/c`, instance("c", "hello"));
  server.put(`${instances}/d`, instance("d", "hello", "Pending"));
  const { stdout } = await run("top instances --sort-by cpu");
  expect(stdout).toBe(
    [
      "NAME   CPU(cores)   MEMORY(bytes)   THROTTLED   FUEL        NODE",
      "b      1500m        3Mi             1.50s       12345       laptop",
      "a      5m           70Ki            0s          0           laptop",
      "c      <unknown>    <unknown>       <unknown>   <unknown>   laptop",
      "",
    ].join("\n"),
  );
  expect((await run("top wi -A")).stdout).toMatch(/^NAMESPACE +NAME .*\ndefault +a +5m/);
});

test("top: what nodes use of what they may", async () => {
  const allocatable = { cpu: "2", memory: "1Gi", instances: "100", processes: "8" };
  const nodes = "/apis/wherry.dev/v1alpha1/wasmnodes";
  const node = { apiVersion: "wherry.dev/v1alpha1", kind: "WasmNode", spec: {} };
  server.put(`${nodes}/laptop`, { ...node, metadata: { name: "laptop" }, status: { allocatable } });
  server.put(`${nodes}/new`, { ...node, metadata: { name: "new" } });
  using("a", { cpu: "300m", memory: "256Mi" }, { isolation: "process" });
  using("b", { cpu: "200m", memory: "200Mi" });
  const unmetered = instance("c", "hello");
  Object.assign(unmetered.spec, { requests: { cpu: "100m", memory: "24Mi" } });
  server.put(`${instances}/c`, unmetered);
  using("over", { cpu: "900m", memory: "1Gi" }, { phase: "Succeeded" });
  const { stdout } = await run("top nodes");
  expect(stdout).toBe(
    [
      "NAME     CPU(cores)   CPU(%)      MEMORY(bytes)   MEMORY(%)   INSTANCES     PROCESSES",
      "laptop   600m         30%         512Mi           50%         3/100         1/8",
      "new      0m           <unknown>   0Ki             <unknown>   0/<unknown>   0/<unknown>",
      "",
    ].join("\n"),
  );
});

test("describe: a node tells what is requested and used of it, and of what may be promised", async () => {
  const nodes = "/apis/wherry.dev/v1alpha1/wasmnodes";
  const node = { apiVersion: "wherry.dev/v1alpha1", kind: "WasmNode", spec: {} };
  const allocatable = { cpu: "2", memory: "1Gi" };
  const metadata = { name: "laptop", creationTimestamp: "2026-01-01T00:00:00Z" };
  server.put(`${nodes}/laptop`, { ...node, metadata, status: { allocatable } });
  const object = instance("a", "hello");
  Object.assign(object.spec, { requests: { cpu: "1500m", memory: "256Mi" } });
  Object.assign(object.status, { usage: { cpu: "100m", memory: "512Mi" } });
  server.put(`${instances}/a`, object);
  const rowsOf = (stdout: string) => stdout.split("\n").filter((line) => /^ {2}(cpu|memory) {2}/.test(line));
  expect(rowsOf((await run("describe wn laptop")).stdout)).toEqual([
    "  cpu        1500m       75%              100m     5%",
    "  memory     256Mi       25%              512Mi    50%",
  ]);
  const promisable = { cpu: "4", memory: "1Gi" };
  server.put(`${nodes}/laptop`, { ...node, metadata, status: { allocatable, promisable } });
  expect(rowsOf((await run("describe wn laptop")).stdout)).toEqual([
    "  cpu        1500m       75%              38%             100m     5%",
    "  memory     256Mi       25%              25%             512Mi    50%",
  ]);
});

test.each([
  { args: "top pods", message: /nodes, instances or workloads use; it knows nothing of "pods"/ },
  { args: "top instances a -A", message: /cannot be retrieved by name across all namespaces/ },
  {
    args: "top instances --sort-by age",
    message: /--sort-by "age" is not known; it is one of name, cpu, memory/,
  },
])("$args: says what it can", async ({ args, message }) => {
  const { code, stderr } = await run(args);
  expect(code).toBe(1);
  expect(stderr).toMatch(message);
});

test("version: client and server", async () => {
  const { stdout } = await run("version");
  expect(stdout).toMatch(/^Client Version: v\d.*\nServer Version: v1\.36\.0-wherry\n$/);
});

test("api-resources: sorted by group", async () => {
  const { stdout } = await run("api-resources --api-group wherry.dev");
  expect(stdout.split("\n")[1]).toMatch(/^wasmcronjobs +wcj +wherry\.dev\/v1alpha1 +true +WasmCronJob$/);
});

test("runCommandLine: a server that is away is named with what to do", async () => {
  const access = { server: "https://127.0.0.1:1", caFile: certificates.ca, token: "x" };
  writeLocalKubeconfig(join(folder, ".wherry", "kubeconfig"), access);
  const { code, stderr } = await run("get wd");
  expect(code).toBe(1);
  expect(stderr).toBe(
    `The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?\n` +
      `Start the cluster of this folder with "wherry up" (in a checkout: npm start)\n`,
  );
});

test("runCommandLine: the cluster of ~/.kube/config that is not ours points at the local one", async () => {
  const home = mkdtempSync(join(tmpdir(), "wherry-home-"));
  mkdirSync(join(home, ".kube"));
  const access = { server: "https://127.0.0.1:1", caFile: certificates.ca, token: "x" };
  writeLocalKubeconfig(join(home, ".kube", "config"), access);
  const terminal = Object.assign(new TestTerminal(folder), { homeDirectory: home });
  expect(await runCommandLine(["get", "wd"], terminal)).toBe(1);
  expect(terminal.stderr).toContain(`add --kubeconfig ${join(folder, ".wherry", "kubeconfig")}`);
  rmSync(home, { recursive: true });
});

test("runCommandLine: a wrong token is refused", async () => {
  const access = { server: server.url, caFile: certificates.ca, token: "wrong" };
  writeLocalKubeconfig(join(folder, ".wherry", "kubeconfig"), access);
  expect((await run("get wd")).stderr).toBe("Error from server (Unauthorized): Unauthorized\n");
});
