/** What is wrong with autoscalers and with the servers that they name: it is said, and the others go on. */
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { autoscaler, average, ReplicasWatch, replicasAre, saysOf } from "../support/autoscaling.ts";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";
import { type EvilServer, startEvilServer, vector } from "../support/evil-metric-server.ts";
import { runKubectl } from "../support/kubectl.ts";
import { deployment } from "../support/manifests.ts";

interface Group {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

let cluster: TestCluster;
let evil: EvilServer;
/** What answers nobody counts as down for all who ask it: so it is one of its own. */
let hanging: EvilServer;
/** Of the daemon's metrics, which the scheduler may not ask for autoscalers. */
let forbidden: string;
let goodPort: number;
/** By the first part of the path: each test has questions of its own. */
const values: Record<string, number> = { orderly: 10, shared: 20, early: 30 };
const good = createServer((request, response) => {
  request.resume();
  const [, way = ""] = (request.url ?? "").split("/");
  if (way === "hangs") return;
  response.writeHead(200, { "content-type": "application/json" }).end(vector([values[way] ?? 0]));
});
const image = `file://${join(checkout, "examples/hello/hello.wasm")}`;

beforeAll(async () => {
  evil = await startEvilServer();
  hanging = await startEvilServer();
  good.listen(0, "127.0.0.1");
  await once(good, "listening");
  ({ port: goodPort } = good.address() as AddressInfo); // It listens on a port, not on a path.
  cluster = await TestCluster.start(["one"], {
    nodeArgs: ["--metrics-address", "127.0.0.1:0"],
    schedulerArgs: [
      `http://127.0.0.1:${evil.port}`,
      `redis://127.0.0.1:${hanging.port}`,
      `http://127.0.0.1:${hanging.port}`,
      `http://127.0.0.1:${goodPort}`,
    ].flatMap((server) => ["--allow-metrics-server", server]),
  });
  await eventually(async () => {
    const { stdout } = await kubectl(["get", "--raw", "/sd/prometheus"]);
    const groups = JSON.parse(stdout) as readonly Group[];
    const node = groups.find(({ labels }) => labels["__meta_wherry_role"] === "node");
    forbidden = node?.targets[0] ?? "";
    expect((await fetch(`http://${forbidden}/metrics`)).ok).toBe(true);
  });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await evil[Symbol.asyncDispose]();
  await hanging[Symbol.asyncDispose]();
  good.closeAllConnections();
  good.close();
});

const prometheus = (serverURL: string, timeoutSeconds = 2) => ({
  type: "Prometheus",
  prometheus: { serverURL, query: "load", target: average("10"), intervalSeconds: 1, timeoutSeconds },
});
/** It answers from the process of the test, which may be busy. */
const ofGood = (way: string) => prometheus(`http://127.0.0.1:${goodPort}/${way}`, 20);
const ofHanging = (way: string) => prometheus(`http://127.0.0.1:${hanging.port}/${way}`);
const ofEvil = (way: string) => prometheus(`http://127.0.0.1:${evil.port}/${way}`);
const kubectl = (args: readonly string[], input?: string) =>
  runKubectl(cluster.directory.kubeconfig, args, input);

/** What becomes of each. `metric` is made once the servers are there. */
const rows: readonly {
  readonly name: string;
  readonly metric: () => object;
  readonly active: RegExp;
}[] = [
  {
    name: "redirect",
    metric: () => ofEvil("redirect"),
    active: /^False Refused: .* answered 307, .* not followed/,
  },
  { name: "endless", metric: () => ofEvil("endless"), active: /^False Malformed: .*1 MiB/ },
  { name: "dribble", metric: () => ofHanging("dribble"), active: /^False Unreachable: .*2 s/ },
  { name: "silent", metric: () => ofHanging("silent"), active: /^False Unreachable: .*2 s/ },
  { name: "million", metric: () => ofEvil("million"), active: /^False Malformed: .*1 MiB/ },
  { name: "thousands", metric: () => ofEvil("thousands"), active: /^False Ambiguous: .*5000 series/ },
  { name: "rude", metric: () => ofEvil("rude"), active: /^False Refused: [^\p{Cc}]{1,500}$/u },
  {
    name: "no-redis",
    metric: () => ({
      type: "Redis",
      redis: {
        address: `127.0.0.1:${hanging.port}`,
        list: { key: "mails" },
        target: average("10"),
        intervalSeconds: 1,
        timeoutSeconds: 2,
      },
    }),
    active: /^False (Malformed|Unreachable): /,
  },
  {
    name: "forbidden",
    metric: () => prometheus(`http://${forbidden}`),
    active: /^False Forbidden: .*--allow-metrics-server http:\/\/127\.0\.0\.1:\d+/,
  },
  {
    name: "metadata",
    metric: () => prometheus("http://169.254.169.254"),
    active: /^False Forbidden: .*--allow-metrics-server http:\/\/169\.254\.169\.254:80/,
  },
];

test("servers that are forbidden, broken or hostile: it is said of each, and another autoscaler goes on meanwhile", async () => {
  await using replicas = new ReplicasWatch(cluster);
  const manifests = rows.flatMap(({ name, metric }) => [
    deployment(2, { name, image }),
    autoscaler(name, [metric()], { minReplicas: 1 }),
  ]);
  const orderly = [
    deployment(1, { name: "orderly", image }),
    autoscaler("orderly", [ofGood("orderly")], { minReplicas: 1 }),
  ];
  // Queries of somebody else that take for ever, at the server that it asks.
  const neighbours = Array.from({ length: 12 }, (_, index) => [
    deployment(0, { name: `hangs-${index}`, image }),
    autoscaler(`hangs-${index}`, [prometheus(`http://127.0.0.1:${goodPort}/hangs/${index}`, 5)]),
  ]).flat();
  await cluster.apply([...manifests, ...orderly, ...neighbours].join("---\n"));
  for (const { name, active } of rows)
    await eventually(async () => expect(await saysOf(cluster, name, "ScalingActive"), name).toMatch(active));
  values["orderly"] = 40;
  await replicasAre(replicas, { orderly: 4 });
  for (const { name } of rows) expect(replicas.all(name), name).toEqual([2]);
  expect([...evil.asked.keys()].toSorted()).toEqual(["endless", "million", "redirect", "rude", "thousands"]);
  // One at a time, and what it says to one it says to all: so the second may not have been asked when it is said.
  await eventually(async () => expect([...hanging.asked.keys()].toSorted()).toEqual(["dribble", "silent"]));
  const events = (await kubectl(["get", "events"])).stdout;
  expect(events).toMatch(/Forbidden +wasmautoscaler\/forbidden/);
  expect(events).not.toContain("\u001b");
});

test("two autoscalers on one target: the older one scales, and the other says who does, until that is gone", async () => {
  await using replicas = new ReplicasWatch(cluster);
  const metric = ofGood("shared");
  await cluster.apply(
    [deployment(1, { name: "shared", image }), autoscaler("shared", [metric])].join("---\n"),
  );
  await replicasAre(replicas, { shared: 2 });
  const rival = autoscaler("rival", [metric], {
    minReplicas: 3,
    scaleTargetRef: { kind: "WasmDeployment", name: "shared" },
  });
  await cluster.apply(rival);
  await eventually(async () =>
    expect(await saysOf(cluster, "rival", "AbleToScale")).toMatch(
      /^False AmbiguousTarget: shared scales this/,
    ),
  );
  expect(replicas.all("shared")).toEqual([1, 2]);
  await kubectl(["delete", "wa", "shared"]);
  await replicasAre(replicas, { shared: 3 });
});

test("a target that is not there, and one that has no scale: it is said, and mended when there is one", async () => {
  await using replicas = new ReplicasWatch(cluster);
  const metric = ofGood("early");
  await cluster.apply(
    [
      autoscaler("early", [metric]),
      autoscaler("odd", [metric], { scaleTargetRef: { kind: "WasmRoute", name: "x" } }),
    ].join("---\n"),
  );
  await eventually(async () => {
    expect(await saysOf(cluster, "early", "AbleToScale")).toMatch(/^False FailedGetScale: .*there is no/);
    expect(await saysOf(cluster, "odd", "AbleToScale")).toMatch(/^False FailedGetScale: .*cannot be scaled/);
  });
  await cluster.apply(deployment(1, { name: "early", image }));
  await replicasAre(replicas, { early: 3 });
});

test("kubectl: refuses what is wrong by the field, explains, shows, and edits in place", async () => {
  const metric = ofGood("orderly");
  const wrong = autoscaler("wrong", [metric], { minReplicas: 5, maxReplicas: 2 });
  const refused = await kubectl(["apply", "-f", "-"], wrong);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/spec\.maxReplicas: Invalid value: .*minReplicas/);

  const explained = await kubectl(["explain", "wa.spec.metrics.prometheus"]);
  expect(explained.stdout).toMatch(/serverURL\s+<string> -required-/);
  const shown = await kubectl(["get", "wa", "orderly"]);
  expect(shown.stdout).toMatch(
    /^NAME +REFERENCE +TARGETS +MIN +MAX +REPLICAS +AGE\norderly +WasmDeployment\/orderly /,
  );
  const described = await kubectl(["describe", "wa", "orderly"]);
  expect(described.stdout).toMatch(/Conditions:[^]*ValidMetricFound[^]*SuccessfulRescale/);

  const edited = await runKubectl(cluster.directory.kubeconfig, ["edit", "wa", "orderly"], "", {
    KUBE_EDITOR: "sed -i s/maxReplicas:.4/maxReplicas:\\ 3/",
  });
  expect(edited.stdout + edited.stderr).toContain("wasmautoscaler.wherry.dev/orderly edited");
  await using replicas = new ReplicasWatch(cluster);
  await replicasAre(replicas, { orderly: 3 });
  await eventually(async () =>
    expect(await saysOf(cluster, "orderly", "ScalingLimited")).toMatch(/^TooManyReplicas/),
  );

  const made = await cluster.wherry(
    "autoscale",
    "deployment/early",
    "--name",
    "second",
    "--max",
    "9",
    "--cpu-percent",
    "70",
  );
  expect(made.stdout).toBe("wasmautoscaler.wherry.dev/second autoscaled\n");
  await eventually(async () =>
    expect(await saysOf(cluster, "second", "AbleToScale")).toMatch(/^False AmbiguousTarget: early scales/),
  );
});
