import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { runCommandLine } from "../command-line.ts";
import { LocalCertificates, type CertificateFiles } from "../local/certificates.ts";
import { writeLocalKubeconfig } from "../local/kubeconfig.ts";
import { openStateDirectory } from "../local/state-directory.ts";
import { TestApiServer } from "../testing/test-api-server.ts";
import { TestTerminal } from "../testing/test-terminal.ts";

const usages = "/apis/live.wherry.dev/v1alpha1/namespaces/default/workloadusages";

let folder: string;
let certificates: CertificateFiles;
let server: TestApiServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "wherry-top-"));
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

function start(args: string, screen?: { columns: number; rows: number }) {
  const terminal = new TestTerminal(folder);
  terminal.screen = screen;
  Object.assign(terminal.env, { LANG: "C.UTF-8", NO_COLOR: "1" });
  return { terminal, ended: runCommandLine(args.split(" "), terminal) };
}

async function outputOf(args: string, screen?: { columns: number; rows: number }) {
  const { terminal, ended } = start(args, screen);
  return { code: await ended, stdout: terminal.stdout, stderr: terminal.stderr };
}

function put(name: string, status: object, kind = "WasmDeployment") {
  server.put(`${usages}/${kind.toLowerCase()}.${name}`, {
    apiVersion: "live.wherry.dev/v1alpha1",
    kind: "WorkloadUsage",
    metadata: { name: `${kind.toLowerCase()}.${name}`, namespace: "default" },
    spec: { workload: { kind, name, uid: name } },
    status,
  });
}

function putFour() {
  put("web", {
    instances: { ready: 2, wanted: 3 },
    usage: { instances: 2, cpu: "150m", memory: "40Mi", requests: { cpu: "200m", memory: "32Mi" } },
    traffic: { requestsPerSecond: 31.25, inFlight: 12, queued: 3, isAtLeast: true },
  });
  put("fresh", {
    instances: { ready: 1, wanted: 1 },
    usage: { instances: 1, memory: "4Mi", requests: { cpu: "0", memory: "0" } },
  });
  put("asleep", {
    instances: { ready: 0, wanted: 0 },
    traffic: { requestsPerSecond: 0, inFlight: 0, queued: 0, isAtLeast: false },
  });
  put("work", { instances: { ready: 0, wanted: 4 } }, "WasmJob");
}

test("top workloads: instances, use, shares of what is requested, and requests", async () => {
  putFour();
  const { stdout } = await outputOf("top workloads --sort-by cpu");
  expect(stdout.split("\n")).toEqual([
    "NAME     KIND             READY   CPU(cores)   CPU(%)      MEMORY(bytes)   MEMORY(%)   REQUESTS/S   IN-FLIGHT   QUEUED",
    "web      WasmDeployment   2/3     150m         75%         40Mi            125%        31+          12+         3+",
    "asleep   WasmDeployment   0/0     0m           <none>      0Ki             <none>      0            0           0",
    "fresh    WasmDeployment   1/1     <unknown>    <unknown>   4Mi             <none>      <none>       <none>      <none>",
    "work     WasmJob          0/4     <unknown>    <unknown>   <unknown>       <unknown>   <none>       <none>      <none>",
    "",
  ]);
});

test("top workloads: a terminal gets bars, and a narrow one fewer columns", async () => {
  putFour();
  const wide = (await outputOf("top workloads", { columns: 200, rows: 24 })).stdout;
  expect(wide).toMatch(/^web .* 75% +██████░░ +40Mi +125% +████████ +31\+/m);
  const narrow = (await outputOf("top workloads", { columns: 60, rows: 24 })).stdout;
  expect(narrow.split("\n")[0]).toBe("NAME     READY   CPU(cores)   MEMORY(bytes)   REQUESTS/S");
});

test("top: asks the server for those of a kind and name alone", async () => {
  putFour();
  await outputOf("top wd web -l app=x");
  const asked = server.requests.find(({ path }) => path === usages)?.query;
  expect(asked?.get("fieldSelector")).toBe("spec.workload.kind=WasmDeployment,spec.workload.name=web");
  expect(asked?.get("labelSelector")).toBe("app=x");
});

test.each([
  { args: "top workloads none", stderr: /there is no workload "none" in the namespace default/ },
  {
    args: "top workloads --sort-by age",
    stderr: /one of name, kind, ready, cpu, .*requests, in-flight, queued/,
  },
  { args: "top nodes --sort-by fuel", stderr: /one of name, cpu, cpu-share/ },
  { args: "top workloads web -A", stderr: /cannot be retrieved by name across all namespaces/ },
  { args: "top", stderr: /name what to show: wherry top nodes, instances or workloads/ },
])("$args: says what is wrong", async ({ args, stderr }) => {
  const answer = await outputOf(args);
  expect(answer.code).toBe(1);
  expect(answer.stderr).toMatch(stderr);
});

test("top -w: writes over the picture of before, keeps it when a look fails, and ends with q", async () => {
  putFour();
  const { terminal, ended } = start("top workloads -w --sort-by name", { columns: 100, rows: 24 });
  await terminal.printed("\u001b[J");
  expect(terminal.stdout).toMatch(/4 workloads by name {3}q: quit/);
  terminal.stdout = "";
  put("new", { instances: { ready: 1, wanted: 1 } });
  terminal.press(" ");
  await terminal.printed("\u001b[J");
  expect(terminal.stdout.startsWith("\u001b[6A\r")).toBe(true);
  expect(terminal.stdout).toContain("5 workloads");
  terminal.stdout = "";
  server.refusals.set(`GET ${usages}`, {
    code: 403,
    status: { kind: "Status", status: "Failure", reason: "Forbidden", message: "not any more", code: 403 },
  });
  terminal.press(" ");
  await terminal.printed("\u001b[J");
  expect(terminal.stdout).toMatch(/! .*not any more/);
  expect(terminal.stdout).toContain("5 workloads");
  expect(terminal.isListening).toBe(true);
  terminal.press("q");
  expect(await ended).toBe(0);
  expect(terminal.isListening).toBe(false);
});

test("top -w: of ten thousand workloads as many are shown as the window has room for", async () => {
  for (let index = 0; index < 10_000; index++) put(`w-${index}`, { instances: { ready: 1, wanted: index } });
  const { terminal, ended } = start("top workloads -w", { columns: 80, rows: 12 });
  await terminal.printed("\u001b[J");
  terminal.press("\u0003");
  expect(await ended).toBe(0);
  const lines = terminal.stdout.split("\n");
  expect(lines).toHaveLength(12);
  expect(lines[0]).toContain("10000 workloads");
  expect(lines[10]).toContain("and 9992 more");
});

test("top -w: where nobody looks, one table follows another, without anything that moves the cursor", async () => {
  putFour();
  const { terminal, ended } = start("top workloads -w");
  await terminal.printed("\n\n");
  terminal.press(" ");
  await terminal.printed("\n\nNAME");
  terminal.press("q");
  await ended;
  expect(terminal.stdout).not.toContain("\u001b");
  expect(terminal.stdout.match(/^web .*31\+/gm)).toHaveLength(2);
});

test("top -w: what cannot be looked at first is an error", async () => {
  const { code, stderr } = await outputOf("top workloads none -w", { columns: 80, rows: 24 });
  expect(code).toBe(1);
  expect(stderr).toMatch(/there is no workload "none"/);
});
