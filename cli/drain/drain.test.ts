import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { waitingLines } from "./waiting-reasons.ts";
import { runCommandLine } from "../command-line.ts";
import { LocalCertificates, type CertificateFiles } from "../local/certificates.ts";
import { writeLocalKubeconfig } from "../local/kubeconfig.ts";
import { openStateDirectory } from "../local/state-directory.ts";
import { TestApiServer } from "../testing/test-api-server.ts";
import { TestTerminal } from "../testing/test-terminal.ts";

let folder: string;
let certificates: CertificateFiles;
let server: TestApiServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "wherry-drain-"));
  const state = openStateDirectory(join(folder, ".wherry"));
  certificates = await new LocalCertificates(state.pki, () => Date.now()).scheduler(["127.0.0.1"]);
});

beforeEach(async () => {
  server = await TestApiServer.start(certificates);
  const access = { server: server.url, caFile: certificates.ca, token: server.token };
  writeLocalKubeconfig(join(folder, ".wherry", "kubeconfig"), access);
  for (const name of ["a", "b"]) putNode(name);
  return async () => server[Symbol.asyncDispose]();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(args: string) {
  const terminal = new TestTerminal(folder);
  const code = await runCommandLine(args.split(" "), terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

const nodes = "/apis/wherry.dev/v1alpha1/wasmnodes";
const workloads = "/apis/wherry.dev/v1alpha1/namespaces/default";
const instances = "/apis/live.wherry.dev/v1alpha1/namespaces/default/wasminstances";

function putNode(name: string, unschedulable = false) {
  server.put(`${nodes}/${name}`, {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmNode",
    metadata: { name },
    spec: { unschedulable },
  });
}

function putDeployment(volumes: readonly object[] = []) {
  server.put(`${workloads}/wasmdeployments/web`, {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: { name: "web", namespace: "default" },
    spec: { template: { spec: { volumes } } },
  });
}

function putInstance(name: string, owner: object = {}, phase = "Running") {
  server.put(`${instances}/${name}`, {
    apiVersion: "live.wherry.dev/v1alpha1",
    kind: "WasmInstance",
    metadata: { name, namespace: "default" },
    spec: { nodeName: "a", owner: { kind: "WasmDeployment", name: "web", uid: "web", ...owner } },
    status: { phase, restarts: 0 },
  });
}

function answerEviction(name: string, code: number, status: object) {
  server.refusals.set(`POST ${instances}/${name}/eviction`, { code, status });
}

const evictions = () => server.requests.filter(({ path }) => path.endsWith("/eviction"));

test("cordon, uncordon: say in kubectl's words what they did, and what was so before", async () => {
  expect((await run("cordon a b")).stdout).toBe(
    "wasmnode.wherry.dev/a cordoned\nwasmnode.wherry.dev/b cordoned\n",
  );
  expect((await run("cordon node/a")).stdout).toBe("wasmnode.wherry.dev/a already cordoned\n");
  expect((await run("uncordon a --dry-run=client")).stdout).toBe(
    "wasmnode.wherry.dev/a uncordoned (dry run)\n",
  );
  expect((await run("uncordon a")).stdout).toBe("wasmnode.wherry.dev/a uncordoned\n");
});

test.each([
  { name: "no node", args: "drain", message: "USAGE: drain NODE [flags]" },
  { name: "names and labels", args: "cordon a -l x=y", message: "cannot specify both" },
  { name: "a node that is not there", args: "drain c", message: "not found" },
  { name: "a timeout that is none", args: "drain a --timeout soon", message: "is no duration" },
  { name: "a grace that is none", args: "drain a --grace-period=-2", message: "--grace-period" },
  { name: "a dry run of another kind", args: "drain a --dry-run=some", message: "--dry-run" },
])("drain: $name is refused, and nothing is evicted", async ({ args, message }) => {
  const { code, stderr } = await run(args);
  expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
  expect(evictions()).toEqual([]);
});

test("drain: a node with nothing on it is drained at once", async () => {
  const { code, stdout } = await run("drain a");
  expect([code, stdout]).toEqual([0, "wasmnode.wherry.dev/a cordoned\nwasmnode.wherry.dev/a drained\n"]);
});

test("drain: evicts what is there, as it was told, and ends when all of it is gone", async () => {
  putDeployment();
  for (const name of ["web-1", "web-2"]) {
    putInstance(name);
    answerEviction(name, 404, { reason: "NotFound", message: "gone" });
  }
  putInstance("web-0", {}, "Succeeded");
  const { code, stdout } = await run("drain a --grace-period 3");
  expect(code).toBe(0);
  expect(
    stdout
      .split("\n")
      .filter((line) => line.endsWith("evicted"))
      .sort(),
  ).toEqual(["wasminstance.live.wherry.dev/web-1 evicted", "wasminstance.live.wherry.dev/web-2 evicted"]);
  expect(evictions().map(({ body }) => body)).toContainEqual({
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata: { name: "web-1", namespace: "default" },
    deleteOptions: { gracePeriodSeconds: 3, preconditions: { uid: "uid-web-1" } },
  });
});

test("drain: what a budget blocks is told when the time is over, and the exit code says so", async () => {
  putDeployment();
  putInstance("web-1");
  const message = "disruption budget default/b needs 1 healthy instance, and there is 1 now";
  answerEviction("web-1", 429, {
    reason: "TooManyRequests",
    message: "Cannot evict instance",
    details: { causes: [{ reason: "DisruptionBudget", message }] },
  });
  const { code, stderr } = await run("drain a --timeout 300ms");
  expect(code).toBe(1);
  expect(stderr).toBe(
    `error: unable to drain node "a": the time is over, and instances are still there: 1\n  1 instance on node a: ${message}\n`,
  );
});

test("drain: a refusal for good ends it", async () => {
  putDeployment();
  putInstance("web-1");
  answerEviction("web-1", 403, { reason: "Forbidden", message: "you may not" });
  const { code, stderr } = await run("drain a");
  expect([code, stderr]).toEqual([1, expect.stringContaining("you may not")]);
});

test.each([
  {
    name: "of a daemon set",
    owner: { kind: "WasmDaemonSet", uid: "ds" },
    volumes: [],
    flag: "--ignore-daemonsets",
  },
  {
    name: "with local data",
    owner: {},
    volumes: [{ name: "x", emptyDir: {} }],
    flag: "--delete-emptydir-data",
  },
])("drain: an instance $name needs $flag, or nothing is evicted", async ({ owner, volumes, flag }) => {
  putDeployment(volumes);
  putInstance("web-1", owner);
  answerEviction("web-1", 404, { reason: "NotFound", message: "gone" });
  const refused = await run("drain a");
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining(flag)]);
  expect(evictions()).toEqual([]);
  const { code, stderr } = await run(`drain a ${flag}`);
  expect([code, stderr]).toEqual([0, expect.stringContaining("Warning: ")]);
});

test("drain: a dry run evicts nothing", async () => {
  putDeployment();
  putInstance("web-1");
  const { code, stdout } = await run("drain a --dry-run=client");
  expect([code, stdout]).toEqual([
    0,
    `wasmnode.wherry.dev/a cordoned (dry run)
evicting instance default/web-1 (dry run)
wasmnode.wherry.dev/a drained (dry run)
`,
  ]);
  expect(server.requests.filter(({ method }) => method !== "GET")).toEqual([]);
});

test("waitingLines: what somebody else has written is one line, and no terminal obeys it", () => {
  expect(waitingLines(["a\nb", "a b", "\u001b[2Jgone"], "node n")).toEqual([
    "2 instances on node n: a b",
    "1 instance on node n: \\x1b[2Jgone",
  ]);
});
