/** An autoscaler by a query to a real Prometheus, which scrapes real daemons: up, through a crash that loses all data, and to zero. */
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  autoscaler,
  average,
  ReplicasWatch,
  replicasAre,
  saysOf,
  statusOf,
  trustMs,
} from "../support/autoscaling.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { HttpLoad } from "../support/http-load.ts";
import { runKubectl } from "../support/kubectl.ts";
import { askedOf, hostOf, route, served, wagi } from "../support/loaded-handlers.ts";
import { hasPrometheus } from "../support/prometheus-tools.ts";
import { prometheusToken, TestPrometheus } from "../support/prometheus.ts";
import { ask } from "../support/requests.ts";

const nodes = ["one", "two"];
let cluster: TestCluster;
let token: string;

beforeAll(async () => {
  cluster = await TestCluster.start(nodes, {
    gateways: true,
    nodeArgs: ["--metrics-address", "127.0.0.1:0"],
    schedulerArgs: ["--allow-metrics-server", "*"],
  });
  token = await prometheusToken(cluster);
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

const queried = (serverURL: string, query: string, target: object) => ({
  type: "Prometheus",
  prometheus: { serverURL, query, target, intervalSeconds: 1, timeoutSeconds: 5, activationThreshold: "1" },
});

function seriesOf(page: string, start: string): readonly string[] {
  return page.split("\n").filter((line) => line.startsWith(start));
}

async function schedulerPage(): Promise<string> {
  const { code, stdout, stderr } = await runKubectl(cluster.directory.kubeconfig, [
    "get",
    "--raw",
    "/metrics",
  ]);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

test.skipIf(!hasPrometheus)(
  "by Prometheus: up with the load, kept while it is down or knows little, then to zero",
  async () => {
    const first = await TestPrometheus.start(cluster, token);
    await using _ = first;
    const name = "asked";
    const query = (workload: string) =>
      `sum(rate(wherry_gateway_requests_arrived_total{workload="WasmDeployment/${workload}"}[10s]))`;
    const manifests = [
      served(wagi, name, 1, { wakeOnRequest: true }),
      route(name),
      autoscaler(name, [queried(first.url, query(name), average("10"))]),
      served(wagi, "wrong", 1),
      autoscaler("wrong", [queried(first.url, "sum(rate(x[10s])", average("10"))], { minReplicas: 1 }),
    ];
    await cluster.apply(manifests.join("---\n"));
    await using replicas = new ReplicasWatch(cluster);
    // Before anybody has asked.
    await eventually(async () => {
      expect(await saysOf(cluster, name, "ScalingActive")).toContain("ValidMetricFound");
    });
    const urls = nodes.map((node) => cluster.url(node));
    for (const url of urls)
      await eventually(async () => expect((await ask(url, { host: hostOf(name) })).status).toBe(200));

    const load = new HttpLoad({
      urls,
      asked: askedOf(wagi, name),
      isRight: wagi.isRight,
      requestsPerSecond: 60,
    });
    await replicasAre(replicas, { [name]: 4 });
    expect(await saysOf(cluster, "wrong", "ScalingActive")).toMatch(
      /^False Refused: .*says: invalid parameter "query": .*unclosed left parenthesis/,
    );
    expect(await saysOf(cluster, name, "ScalingActive")).toContain("ValidMetricFound");

    replicas.mark();
    await first.kill();
    await eventually(async () => {
      expect(await saysOf(cluster, name, "ScalingActive")).toMatch(
        /^False Unreachable: .*nothing listens there/,
      );
    });
    expect((await statusOf(cluster, name)).targets).toContain("<unknown>");
    expect(seriesOf(await schedulerPage(), "wherry_autoscaler_metrics_unknown{")).toContain(
      `wherry_autoscaler_metrics_unknown{namespace="default",autoscaler="${name}",reason="Unreachable"} 1`,
    );
    const { failures, requests } = await load.stop();
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(100);

    const backMs = performance.now();
    await using __ = await TestPrometheus.start(cluster, token, first.port);
    await eventually(async () => {
      expect(await saysOf(cluster, name, "ScalingActive")).toMatch(/^ValidMetricFound/);
      expect(await saysOf(cluster, name, "AbleToScale")).toMatch(
        /^ScaleDownHeld: .* nothing is taken away because .* has been known for less than 60 s/,
      );
    });
    expect(replicas.fewest(name)).toBe(4);
    await replicasAre(replicas, { [name]: 0 });
    expect(performance.now() - backMs).toBeGreaterThan(trustMs);
    expect(replicas.now("wrong")).toBe(1);
  },
);
