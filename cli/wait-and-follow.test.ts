/** What watches: `wait` and `rollout status`, while connections break and objects come and go. */
import { mkdtempSync, rmSync } from "node:fs";
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

function start(args: string, prepare: (terminal: TestTerminal) => void = () => {}) {
  const terminal = new TestTerminal(folder);
  prepare(terminal);
  return { terminal, code: runCommandLine(args.split(" "), terminal) };
}

function deployment(name: string, updated: number, extra: object = {}, uid = `uid-${name}`) {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: { name, namespace: "default", uid, generation: 1 },
    spec: { replicas: 3, template: {} },
    status: {
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: updated,
      availableReplicas: 3,
      conditions: [{ type: "Available", status: updated === 3 ? "True" : "False" }],
      ...extra,
    },
  };
}

const put = (name: string, updated: number, extra: object = {}, uid?: string) =>
  server.put(`${deployments}/${name}`, deployment(name, updated, extra, uid));

test.each([
  { name: "broken off", breakOff: () => server.endWatches() },
  { name: "too old", breakOff: () => server.expireWatches() },
])("wait and rollout status: go on after a watch that is $name, and miss nothing", async ({ breakOff }) => {
  put("web", 1);
  const waiting = start("wait --for=condition=Available wd/web --timeout=20s");
  const following = start("rollout status wd/web --timeout=20s");
  await server.watched(2);
  breakOff();
  put("web", 3);
  expect(await waiting.code, waiting.terminal.stderr).toBe(0);
  expect(await following.code, following.terminal.stderr).toBe(0);
  expect(waiting.terminal.stdout).toBe("wasmdeployment.wherry.dev/web condition met\n");
  expect(following.terminal.stdout).toBe(
    'Waiting for wasmdeployment "web" rollout to finish: 1 out of 3 new instances have been updated...\n' +
      'wasmdeployment "web" successfully rolled out\n',
  );
});

test("wait --for=delete: what is deleted while nobody watches is gone", async () => {
  for (const name of ["a", "b"]) put(name, 1);
  const { terminal, code } = start("wait --for=delete wd --all --timeout=20s");
  await server.watched(1);
  // The watch has told of it before, so its absence in the next list is what counts.
  put("a", 2);
  server.expireWatches();
  server.remove(`${deployments}/a`);
  await server.watched(1);
  server.remove(`${deployments}/b`);
  expect(await code, terminal.stderr).toBe(0);
  expect(terminal.stdout.split("\n").toSorted()).toEqual([
    "",
    "wasmdeployment.wherry.dev/a condition met",
    "wasmdeployment.wherry.dev/b condition met",
  ]);
});

test("wait --for=delete: many at once, by selector, each said once", async () => {
  const names = Array.from({ length: 100 }, (_, index) => `many-${index}`);
  for (const name of names) put(name, 1);
  const { terminal, code } = start("wait --for=delete wd -l app=many --timeout=20s");
  await server.watched(1);
  for (const name of names) server.remove(`${deployments}/${name}`);
  expect(await code, terminal.stderr).toBe(0);
  const said = names.map((name) => `wasmdeployment.wherry.dev/${name} condition met`);
  expect(terminal.stdout.trim().split("\n").toSorted()).toEqual(said.toSorted());
});

test("wait --for=delete: what cannot be asked for is a failure, not a success", async () => {
  put("a", 1);
  const { terminal, code } = start("wait --for=delete wd -l app=a --timeout=20s");
  await server.watched(1);
  server.refusals.set(`GET ${deployments}/a`, { code: 403, status: { reason: "Forbidden", message: "no" } });
  server.remove(`${deployments}/a`);
  expect(await code).toBe(1);
  expect(terminal.stdout).toBe("");
  expect(terminal.stderr).toBe("error: wasmdeployment.wherry.dev/a: no\n");
});

test("wait --for=delete: another object of the same name is another object", async () => {
  put("a", 1);
  const { terminal, code } = start("wait --for=delete wd/a --timeout=20s");
  await server.watched(1);
  put("a", 1, {}, "another");
  expect(await code, terminal.stderr).toBe(0);
});

test("wait: what comes later is not waited for, except by create", async () => {
  put("a", 1);
  const { terminal, code } = start("wait --for=condition=Available wd --all --timeout=20s");
  const creating = start("wait --for=create wd/b --timeout=20s");
  await server.watched(2);
  put("b", 1);
  put("a", 3);
  expect(await code, terminal.stderr).toBe(0);
  expect(terminal.stdout).toBe("wasmdeployment.wherry.dev/a condition met\n");
  expect(await creating.code).toBe(0);
  expect(creating.terminal.stdout).toBe("wasmdeployment.wherry.dev/b condition met\n");
});

test("wait: every one that is left when the time is over is named, with how it was", async () => {
  put("a", 1);
  put("b", 3);
  const { terminal, code } = start("wait --for=condition=Available wd/a wd/b --timeout=500ms");
  await server.watched(1);
  server.remove(`${deployments}/a`);
  expect(await code).toBe(1);
  expect(terminal.stdout).toBe("wasmdeployment.wherry.dev/b condition met\n");
  expect(terminal.stderr).toBe(
    "error: timed out waiting for the condition on wasmdeployments/a: it was deleted in the meantime\n",
  );
});

test.each([
  { name: "it is deleted", happens: () => server.remove(`${deployments}/web`) },
  { name: "another takes its name", happens: () => put("web", 1, {}, "another") },
  {
    name: "it is deleted while nobody watches",
    happens: () => {
      server.expireWatches();
      server.remove(`${deployments}/web`);
    },
  },
])("rollout status: fails when $name", async ({ happens }) => {
  put("web", 1);
  const { terminal, code } = start("rollout status wd/web --timeout=20s");
  await server.watched(1);
  happens();
  expect(await code).toBe(1);
  expect(terminal.stderr).toBe("error: wasmdeployment.wherry.dev/web has been deleted\n");
});

const condition = (type: string, status: string, reason: string, message: string) => ({
  type,
  status,
  reason,
  message,
});

test("rollout status: tells why no instance can be made, which no instance does", async () => {
  const exceeded = condition("Progressing", "False", "ProgressDeadlineExceeded", "no progress for 600s");
  const unmade = condition("ReplicaFailure", "True", "FailedCreate", "no PriorityClass");
  put("unmade", 1, { conditions: [exceeded, unmade] });
  const { terminal, code } = start("rollout status wd/unmade");
  expect(await code).toBe(1);
  expect(terminal.stderr).toBe(
    'error: wasmdeployment "unmade" exceeded its progress deadline: no progress for 600s\n' +
      "  ReplicaFailure is True (FailedCreate): no PriorityClass\n",
  );
});

test.each([
  {
    name: "not there",
    args: "rollout status wd/nope",
    code: 1,
    stderr: 'Error from server (NotFound): wasmdeployments.wherry.dev "nope" not found\n',
  },
  {
    name: "another kind",
    args: "rollout status wj/x",
    code: 1,
    stderr:
      "error: wasmjob.wherry.dev has no rollouts; wasmdeployments and wasmdaemonsets have. For kinds of Kubernetes use kubectl rollout\n",
  },
  {
    name: "no name",
    args: "rollout status wd",
    code: 1,
    stderr:
      "error: required resource not specified: name the workload, such as wasmdeployment/web, or select some with -l\n",
  },
  { name: "one look", args: "rollout status wd/web --watch=false", code: 0, stderr: "" },
  {
    name: "another revision",
    args: "rollout status wd/web --revision=7",
    code: 1,
    stderr: "error: desired revision (7) is different from the running revision (2)\n",
  },
  {
    name: "the deadline has passed, with the reason of an instance",
    args: "rollout status wd/failed",
    code: 1,
    stderr:
      'error: wasmdeployment "failed" exceeded its progress deadline: no progress for 600s\n  failed-1: ModuleNotFound: there is none\n',
  },
])("rollout status: $name", async ({ args, code, stderr }) => {
  put("web", 1, { revision: 2 });
  const exceeded = condition("Progressing", "False", "ProgressDeadlineExceeded", "no progress for 600s");
  put("failed", 1, { conditions: [exceeded] });
  server.put(`${instances}/failed-1`, {
    apiVersion: "live.wherry.dev/v1alpha1",
    kind: "WasmInstance",
    metadata: { name: "failed-1", namespace: "default" },
    spec: { nodeName: "n", owner: { kind: "WasmDeployment", name: "failed", uid: "uid-failed" } },
    status: { phase: "Pending", ready: "0/1", reason: "ModuleNotFound", message: "there is none" },
  });
  const { terminal, code: ended } = start(args);
  expect({ code: await ended, stderr: terminal.stderr }).toEqual({ code, stderr });
});

test("rollout status: on a terminal there is a picture, and the last one stays", async () => {
  put("web", 1);
  const { terminal, code } = start("rollout status wd/web --timeout=20s", (one) => {
    one.screen = { columns: 80, rows: 24 };
    one.env["LANG"] = "C.UTF-8";
    one.env["NO_COLOR"] = "1";
  });
  await terminal.printed("waiting: 1 out of 3 new instances have been updated");
  put("web", 3);
  expect(await code, terminal.stderr).toBe(0);
  const last = terminal.stdout.split("\u001b[J").slice(-2);
  expect(last[0]).toMatch(/wasmdeployment\.wherry\.dev\/web {3}rolled out {3}\d+s/);
  expect(last[1]).toBe('wasmdeployment "web" successfully rolled out\n');
});

test("rollout status: no picture where the terminal cannot draw, nor of what is done already", async () => {
  put("web", 3);
  put("other", 1);
  const done = start("rollout status wd/web", (one) => (one.screen = { columns: 80, rows: 24 }));
  expect(await done.code).toBe(0);
  expect(done.terminal.stdout).toBe('wasmdeployment "web" successfully rolled out\n');
  const dumb = start("rollout status wd/other --timeout=300ms", (one) => {
    one.screen = { columns: 80, rows: 24 };
    one.env["TERM"] = "dumb";
  });
  expect(await dumb.code).toBe(1);
  expect(dumb.terminal.stdout).not.toContain("\u001b");
});
