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

const base = "/apis/wherry.dev/v1alpha1/namespaces/default";
const routes = `${base}/wasmroutes`;

let folder: string;
let certificates: CertificateFiles;
let server: TestApiServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "wherry-expose-"));
  const state = openStateDirectory(join(folder, ".wherry"));
  certificates = await new LocalCertificates(state.pki, () => Date.now()).scheduler(["127.0.0.1"]);
});

beforeEach(async () => {
  server = await TestApiServer.start(certificates);
  const access = { server: server.url, caFile: certificates.ca, token: server.token };
  writeLocalKubeconfig(join(folder, ".wherry", "kubeconfig"), access);
  workload({ http: { handler: "wagi" } });
  return async () => server[Symbol.asyncDispose]();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function workload(spec: object): void {
  server.put(`${base}/wasmdeployments/hello`, {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: { name: "hello", namespace: "default" },
    spec: { template: { spec } },
  });
}

/** What the scheduler would say of the route as soon as somebody waits for it. */
async function run(args: string, status?: object) {
  const terminal = new TestTerminal(folder);
  const running = runCommandLine(args.split(" "), terminal);
  if (status !== undefined) {
    await server.watched(1);
    const [path = "", made] = [...server.objects].find(([key]) => key.startsWith(routes)) ?? [];
    if (made) server.put(path, { ...made, status });
  }
  const code = await running;
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

const condition = (type: string, status: string, reason: string, message = "m") => ({
  type,
  status,
  reason,
  message,
});
const fine = {
  url: "http://hello.localhost:8080/shop",
  conditions: ["Accepted", "ResolvedRefs", "Programmed"].map((type) => condition(type, "True", type)),
};

const specOf = (name: string) => server.objects.get(`${routes}/${name}`)?.["spec"];

test("expose: makes a route and prints where it answers", async () => {
  const { code, stdout, stderr } = await run(
    "expose deployment/hello --host hello.localhost --path /shop --name shop",
    fine,
  );
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toBe("wasmroute.wherry.dev/shop created\nhttp://hello.localhost:8080/shop\n");
  expect(specOf("shop")).toEqual({
    hostnames: ["hello.localhost"],
    rules: [
      {
        matches: [{ path: { type: "PathPrefix", value: "/shop" } }],
        backendRefs: [{ kind: "WasmDeployment", name: "hello" }],
      },
    ],
  });
});

test.each(["wd/hello", "wasmdeployment hello", "deploy/hello"])("expose: finds %s", async (what) => {
  const { code } = await run(`expose ${what} -o name`);
  expect(code).toBe(0);
  expect(specOf("hello")).toEqual({ rules: [{ backendRefs: [{ kind: "WasmDeployment", name: "hello" }] }] });
});

test("expose: says what keeps the route from answering", async () => {
  workload({});
  const { code, stdout, stderr } = await run("expose deployment/hello --host a.example --tls-secret s", {
    conditions: [
      condition("Accepted", "False", "HostConflict", "it belongs to others"),
      condition("ResolvedRefs", "False", "InvalidCertificateRef"),
    ],
  });
  expect([code, stdout]).toEqual([0, "wasmroute.wherry.dev/hello created\n"]);
  expect(stderr).toContain("answers no requests yet: its template has no http");
  expect(stderr).toContain("Accepted is False (HostConflict): it belongs to others");
  expect(stderr).toContain("ResolvedRefs is False (InvalidCertificateRef): m");
  expect(specOf("hello")).toMatchObject({ tls: { secretName: "s" } });
});

test.each([
  { name: "a job", args: "expose job/hello", error: /names no deployment|resource type/ },
  { name: "all of a kind", args: "expose wd", error: /names no deployment or daemon set/ },
  { name: "two", args: "expose wd a b", error: /names no deployment or daemon set/ },
  { name: "what is not there", args: "expose wd/other", error: /not found/ },
  {
    name: "an address as a host",
    args: "expose wd/hello --host 10.0.0.1",
    error: /--host "10.0.0.1" must be a name/,
  },
  { name: "a path that is none", args: "expose wd/hello --path shop", error: /must begin with \// },
  { name: "a format that is none", args: "expose wd/hello -o table", error: /--output "table" is not known/ },
])("expose: refuses $name", async ({ args, error }) => {
  const { code, stderr } = await run(args);
  expect(code).toBe(1);
  expect(stderr).toMatch(error);
  expect([...server.objects.keys()].filter((key) => key.startsWith(routes))).toEqual([]);
});
