import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { InstanceExplanation, PlacementSimulationStatus } from "../api/gen/kinds.gen.ts";
import { runCommandLine } from "./command-line.ts";
import { LocalCertificates, type CertificateFiles } from "./local/certificates.ts";
import { writeLocalKubeconfig } from "./local/kubeconfig.ts";
import { openStateDirectory } from "./local/state-directory.ts";
import { parseActions, type SimulateAction } from "./simulate/parse-actions.ts";
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

async function run(args: string) {
  const terminal = new TestTerminal(folder);
  const code = await runCommandLine(args.split(" "), terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

function explanation(name: string, status: InstanceExplanation["status"]): InstanceExplanation {
  return {
    apiVersion: "live.wherry.dev/v1alpha1",
    kind: "InstanceExplanation",
    metadata: { name, namespace: "default" } as InstanceExplanation["metadata"],
    spec: {
      owner: { kind: "WasmDeployment", name: "web" },
      profile: "default",
      templateHash: "h",
      limit: 50,
    },
    ...(status ? { status } : {}),
  };
}

const noNodes = { total: 0, feasible: 0, best: [], refused: [], omitted: 0 };

/** Of three nodes two are full, and one is cordoned as well. */
const waiting = explanation("web-1", {
  phase: "Pending",
  message: "0/3 nodes are available: 3 insufficient memory, 1 node(s) were unschedulable.",
  waiting: {
    state: "Unschedulable",
    since: "2025-12-31T23:58:00Z",
    attempts: 3,
    alike: 5,
    waitsFor: ["the end of an instance on a node", "a change of a node", "a new node"],
  },
  obstacles: [],
  nodes: {
    ...noNodes,
    total: 3,
    refused: [
      {
        rules: ["insufficient memory"],
        count: 2,
        nodes: [
          {
            nodeName: "n1",
            reasons: [
              {
                plugin: "resources-fit",
                detail: "insufficient memory: wants 512Mi, 200Mi free",
                remedy:
                  "frees up when 312Mi more are released; would fit with requests.memory of at most 200Mi",
                isFinal: false,
              },
            ],
          },
          {
            nodeName: "n2",
            reasons: [
              {
                plugin: "resources-fit",
                detail: "insufficient memory: wants 512Mi, 0Mi free",
                isFinal: false,
              },
            ],
          },
        ],
      },
      {
        rules: ["node(s) were unschedulable", "insufficient memory"],
        count: 1,
        nodes: [
          {
            nodeName: "n3",
            reasons: [
              {
                plugin: "node-unschedulable",
                detail: "cordoned",
                remedy: "uncordon the node",
                isFinal: true,
              },
              {
                plugin: "resources-fit",
                detail: "insufficient memory: wants 512Mi, 64Mi free",
                isFinal: false,
              },
            ],
          },
        ],
      },
    ],
  },
});

test("explain: a waiting instance, nearest nodes first, each with what would help", async () => {
  server.explanations.set("web-1", waiting);
  const { code, stdout } = await run("explain instance web-1");
  expect(code).toBe(0);
  expect(stdout).toBe(`\
Instance   default/web-1 of WasmDeployment/web
Status     Pending: 0/3 nodes are available: 3 insufficient memory, 1 node(s) were unschedulable.
Waiting    unschedulable for 2m, after 3 attempts; 4 more wait for the same
Waits for  the end of an instance on a node; a change of a node; a new node

2 of 3 nodes: insufficient memory
  n1  insufficient memory: wants 512Mi, 200Mi free
      -> frees up when 312Mi more are released; would fit with requests.memory of at most 200Mi
  n2  insufficient memory: wants 512Mi, 0Mi free

1 of 3 nodes: were unschedulable, insufficient memory
  n3  cordoned
      -> uncordon the node
      insufficient memory: wants 512Mi, 64Mi free
`);
  expect(stdout.split("\n").every((line) => line.length <= 100)).toBe(true);
});

test("explain: wide names the rule behind each refusal", async () => {
  server.explanations.set("web-1", waiting);
  const { stdout } = await run("explain wi/web-1 -o wide");
  expect(stdout).toContain("  n3  cordoned [node-unschedulable]\n");
});

test("explain: a placed instance, with the decision as it was and the nodes as they are", async () => {
  const scores = [
    { plugin: "owner-spread", score: 100, weight: 2 },
    { plugin: "least-allocated", score: 91.2345, weight: 1 },
  ];
  const best = ["n1", "n2"].map((nodeName, place) => ({
    nodeName,
    rank: place + 1,
    total: 291 - place,
    scores,
  }));
  server.explanations.set(
    "web-1",
    explanation("web-1", {
      phase: "Placed",
      nodeName: "n1",
      message: "it is on n1, the best place for it now",
      decision: {
        time: "2025-12-31T23:00:00Z",
        profile: "default",
        nodeName: "n1",
        score: 291.2345,
        scores,
        feasibleNodes: 2,
        nodes: 3,
        runnerUp: { nodeName: "n2", score: 290 },
      },
      obstacles: [],
      nodes: { ...noNodes, total: 3, feasible: 2, best },
    }),
  );
  expect((await run("explain instance web-1")).stdout).toBe(`\
Instance   default/web-1 of WasmDeployment/web
Status     Placed: it is on n1, the best place for it now
Decided    60m ago by profile default: n1 with 291.2 points, of 2 feasible among 3 nodes; the
           runner-up was n2 with 290

RULE              SCORE   WEIGHT   POINTS
owner-spread      100     2        200
least-allocated   91.2    1        91.2
total                              291.2

Now, as if it were not there, 2 of 3 nodes would take it:
RANK   NODE   POINTS
1      n1 *   291
2      n2     290
`);
});

test("explain: many nodes of which the same is said take one line", async () => {
  const reasons = [{ plugin: "p", detail: "cordoned", isFinal: true }];
  const nodes = Array.from({ length: 9 }, (_, i) => ({ nodeName: `node-${i}`, reasons }));
  server.explanations.set(
    "web-1",
    explanation("web-1", {
      phase: "Pending",
      message: "no",
      obstacles: [],
      nodes: { ...noNodes, total: 12, refused: [{ rules: ["cordoned"], count: 12, nodes }], omitted: 3 },
    }),
  );
  const { stdout } = await run("explain instance web-1");
  expect(stdout).toContain(
    "12 of 12 nodes: cordoned\n  node-0, node-1, node-2, node-3 and 5 more\n    cordoned\n  and 3 more\n",
  );
});

test("explain: a terminal is not told what an object says to it", async () => {
  server.explanations.set(
    "web-1",
    explanation("web-1", { phase: "Pending", message: "\u001b[2Jgone", obstacles: [], nodes: noNodes }),
  );
  expect((await run("explain instance web-1")).stdout).toContain("Pending: \\x1b[2Jgone");
});

function instance(name: string, phase: string, more: { spec?: object; status?: object } = {}) {
  return {
    apiVersion: "live.wherry.dev/v1alpha1",
    kind: "WasmInstance",
    metadata: { name, namespace: "default", uid: `uid-${name}` },
    spec: { owner: { kind: "WasmDeployment", name: "web", uid: "u" }, templateHash: "h", ...more.spec },
    status: { phase, restarts: 0, reason: "Unschedulable", message: "no node", ...more.status },
  };
}

test("explain: of a deployment each verdict once", async () => {
  server.put(`${deployments}/web`, {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: { name: "web", namespace: "default" },
  });
  for (const name of ["web-1", "web-2"]) server.put(`${instances}/${name}`, instance(name, "Pending"));
  server.put(`${instances}/web-3`, instance("web-3", "Running", { spec: { nodeName: "n1" } }));
  server.explanations.set("web-1", waiting);
  const { code, stdout } = await run("explain deployment web");
  expect(code).toBe(0);
  expect(
    stdout.startsWith("2 instances wait alike; this is one of them.\n\nInstance   default/web-1 of"),
  ).toBe(true);
  expect(stdout.match(/^Instance/gm)).toHaveLength(1);
});

test("explain: of a deployment that does not wait it says where its instances are", async () => {
  server.put(`${deployments}/web`, {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: { name: "web", namespace: "default" },
  });
  server.put(`${instances}/web-3`, instance("web-3", "Running", { spec: { nodeName: "n1" } }));
  const { stdout } = await run("explain wd/web");
  expect(stdout).toContain("No instance of WasmDeployment/web waits: 1 has a node (n1 1).\n");
  expect((await run("explain wd/web -o json")).stdout).toBe("[]\n");
});

test("explain: of a deployment whose instances have nodes it says what keeps them from being ready, and leaves out what is over", async () => {
  server.put(`${deployments}/web`, {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmDeployment",
    metadata: { name: "web", namespace: "default" },
  });
  const placed = { spec: { nodeName: "n1" } };
  server.put(`${instances}/web-1`, instance("web-1", "Failed", placed));
  for (const name of ["web-2", "web-3"])
    server.put(`${instances}/${name}`, {
      ...instance(name, "Pending", placed),
      status: { phase: "Pending", ready: "0/1", reason: "ModuleNotFound", message: "there is none" },
    });
  const { stdout } = await run("explain wd/web");
  expect(stdout).toContain(
    "waits: 2 have a node (n1 2).\nNot ready: 2 instances, such as web-2: ModuleNotFound: there is none\n",
  );
});

test("describe: an instance has the short form", async () => {
  server.put(`${instances}/web-1`, instance("web-1", "Pending"));
  server.explanations.set("web-1", waiting);
  const { stdout } = await run("describe wi web-1");
  expect(stdout).toContain(`\
Placement:
  unschedulable for 2m, after 3 attempts; 4 more wait for the same
  -> n1: frees up when 312Mi more are released; would fit with requests.memory of at most 200Mi
`);
});

test.each([
  {
    name: "another kind",
    args: "explain configmap x",
    message: "for the fields of a kind: kubectl explain configmap",
  },
  { name: "nothing in particular", args: "explain instance", message: "name one instance to explain" },
  { name: "two at once", args: "explain instance a b", message: "name one instance to explain" },
  {
    name: "an unknown output",
    args: "explain instance a -o table",
    message: '--output "table" is not known',
  },
  { name: "an instance that is not there", args: "explain instance x", message: '"x" not found' },
  { name: "a deployment that is not there", args: "explain deployment x", message: '"x" not found' },
])("explain: $name is refused", async ({ args, message }) => {
  const { code, stderr } = await run(args);
  expect(code).toBe(1);
  expect(stderr).toContain(message);
});

const node = { like: "n1", count: 1, cpu: undefined, memory: undefined };

test.each([
  { words: "drain n1", actions: [{ kind: "drain", nodeName: "n1" }] },
  { words: "remove-node n1", actions: [{ kind: "remove-node", nodeName: "n1" }] },
  { words: "add-nodes --like n1", actions: [{ kind: "add-nodes", ...node }] },
  {
    words: "add-nodes --count 3 --like n1 --cpu 8 --memory 16Gi",
    actions: [{ kind: "add-nodes", ...node, count: 3, cpu: "8", memory: "16Gi" }],
  },
  {
    words: "scale deployment/web --replicas 0",
    actions: [{ kind: "scale", workload: "deployment/web", replicas: 0, factor: undefined }],
  },
  {
    words: "drain n1 and scale wj/x --double",
    actions: [
      { kind: "drain", nodeName: "n1" },
      { kind: "scale", workload: "wj/x", replicas: undefined, factor: 2 },
    ],
  },
  {
    words: "apply -f a.yaml -f b -R",
    actions: [{ kind: "apply", files: ["a.yaml", "b"], recursive: true }],
  },
] satisfies readonly { words: string; actions: readonly SimulateAction[] }[])(
  "parseActions: $words",
  ({ words, actions }) => {
    expect(parseActions(words.split(" "))).toEqual(actions);
  },
);

test.each([
  { words: "", message: 'such as "wherry simulate drain node-1"' },
  { words: "explode n1", message: 'knows no "explode"' },
  { words: "drain", message: "drain: name a node" },
  { words: "drain a b", message: "drain: name a node, and only one" },
  { words: "drain a and", message: 'knows no ""' },
  { words: "drain a --force", message: "--force" },
  { words: "add-nodes", message: "--like NODE" },
  { words: "add-nodes n1", message: "write --like NODE" },
  { words: "add-nodes --like n1 --count 0", message: "--count" },
  { words: "scale web", message: "say either --replicas N or --double" },
  { words: "scale web --replicas 1 --double", message: "say either --replicas N or --double" },
  { words: "scale web --replicas many", message: "--replicas" },
  { words: "apply", message: "name files with -f" },
])("parseActions: '$words' is refused", ({ words, message }) => {
  expect(() => parseActions(words === "" ? [] : words.split(" "))).toThrow(message);
});

const answer: PlacementSimulationStatus = {
  message: "1 instance moves, 0 get a node that had none, 1 loses its node, 1 waits (0 now)",
  before: { nodes: 2, usedNodes: 2, placed: 4, pending: 0, cpuShare: 0.5, memoryShare: 0.25 },
  after: { nodes: 1, usedNodes: 1, placed: 3, pending: 1, cpuShare: 0.375, memoryShare: 0.1875 },
  moves: [
    { kind: "WasmDeployment", namespace: "default", name: "web", from: "n1", to: "n2", count: 1 },
    { kind: "WasmJob", namespace: "default", name: "work", from: "n1", count: 1 },
  ],
  pending: [
    {
      kind: "WasmJob",
      namespace: "default",
      name: "work",
      count: 1,
      wasPending: 0,
      message: "0/2 nodes are available.",
      refused: waiting.status?.nodes.refused ?? [],
    },
  ],
  preemptions: [{ kind: "WasmDeployment", namespace: "default", name: "low", nodeName: "n2", count: 2 }],
  nodes: [
    {
      nodeName: "n1",
      change: "Drained",
      before: { instances: 2, cpuShare: 0.5, memoryShare: 0.25 },
      after: { instances: 0, cpuShare: 0, memoryShare: 0 },
    },
    { nodeName: "n3", change: "None", before: { instances: 1, cpuShare: 0.1, memoryShare: 0.1 } },
  ],
  omitted: 2,
};

test("simulate: asks for all of it at once, and shows what would happen", async () => {
  server.simulation = answer;
  const { code, stdout } = await run(
    "simulate drain n1 and scale deployment/web --double --limit 3 -n default",
  );
  expect(code).toBe(0);
  expect(server.requests.at(-1)?.body).toEqual({
    apiVersion: "live.wherry.dev/v1alpha1",
    kind: "PlacementSimulation",
    spec: {
      actions: [
        { drain: { nodeName: "n1" } },
        { scale: { kind: "WasmDeployment", namespace: "default", name: "web", factor: 2 } },
      ],
      limit: 3,
    },
  });
  expect(stdout).toBe(`\
1 instance moves, 0 get a node that had none, 1 loses its node, 1 waits (0 now).
       NODES   IN USE   PLACED   WAITING   CPU     MEMORY
now    2       2        4        0         50%     25%
then   1       1        3        1         37.5%   18.8%

WORKLOAD                   COUNT   FROM   TO
default/web (deployment)   1       n1     n2
default/work (job)         1       n1     -

PREEMPTED                  COUNT   NODE
default/low (deployment)   2       n2

1 of default/work (job) waits: 0/2 nodes are available.
  2 of 3 nodes: insufficient memory
    n1  insufficient memory: wants 512Mi, 200Mi free
        -> frees up when 312Mi more are released; would fit with requests.memory of at most 200Mi
    n2  insufficient memory: wants 512Mi, 0Mi free

  1 of 3 nodes: were unschedulable, insufficient memory
    n3  cordoned
        -> uncordon the node
        insufficient memory: wants 512Mi, 64Mi free

NODE   CHANGE    INSTANCES   CPU         MEMORY
n1     drained   2 -> 0      50% -> 0%   25% -> 0%

2 entries are not shown; --limit shows more.
`);
});

test("simulate: what is applied is first completed by the server, without being stored", async () => {
  server.simulation = answer;
  writeFileSync(
    join(folder, "new.yaml"),
    "apiVersion: wherry.dev/v1alpha1\nkind: WasmDeployment\nmetadata: {name: new}\nspec: {}\n---\n" +
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n",
  );
  const { code, stderr } = await run("simulate apply -f new.yaml");
  expect(code).toBe(0);
  expect(stderr).toBe("ConfigMap/settings is left out: only workloads are simulated\n");
  const [written, asked] = server.requests.slice(-2);
  expect(written?.query.get("dryRun")).toBe("All");
  expect(asked?.body).toMatchObject({
    spec: {
      actions: [
        { apply: { object: { kind: "WasmDeployment", metadata: { name: "new", namespace: "default" } } } },
      ],
    },
  });
});

test.each([
  {
    name: "an unknown workload",
    args: "simulate scale configmap/x --double",
    message: "name a deployment or a job",
  },
  { name: "an unknown output", args: "simulate drain n1 -o table", message: '--output "table" is not known' },
  { name: "no recording", args: "simulate replay", message: "name the FILE to replay" },
])("simulate: $name is refused", async ({ args, message }) => {
  const { code, stderr } = await run(args);
  expect(code).toBe(1);
  expect(stderr).toContain(message);
});

test("simulate: the help says what may be tried", async () => {
  const { stdout } = await run("simulate --help");
  for (const word of [
    "drain NODE",
    "add-nodes --like NODE",
    "scale KIND/NAME",
    "apply -f FILE",
    "replay FILE",
  ])
    expect(stdout).toContain(word);
});
