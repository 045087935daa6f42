/** What Prometheus and people read of a cluster that runs: pages, discovery, rules, the dashboard, and the documentation of it all. */
import { execFileSync } from "node:child_process";
import { get } from "node:https";
import { text } from "node:stream/consumers";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { parse, stringify } from "yaml";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";
import { kubectlBinaries } from "../support/kubectl.ts";
import { hostOf, route, served, wagi } from "../support/loaded-handlers.ts";
import {
  documentedSeries,
  type Family,
  namesIn,
  parsePage,
  seriesOf,
  seriesTable,
} from "../support/metrics-page.ts";
import { hasPrometheus, prometheusFolder, promtool, rules } from "../support/prometheus-tools.ts";
import { TestPrometheus } from "../support/prometheus.ts";
import { ask } from "../support/requests.ts";

interface Group {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** The part of Prometheus' configuration that is looked at. */
interface Shipped {
  readonly scrape_configs: readonly {
    readonly metric_relabel_configs?: readonly { readonly regex: string }[];
  }[];
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

/** One metric is known, and one is not: nothing listens at port 9. */
const autoscaler = {
  apiVersion: "wherry.dev/v1alpha1",
  kind: "WasmAutoscaler",
  metadata: { name: "seen" },
  spec: {
    scaleTargetRef: { apiVersion: "wherry.dev/v1alpha1", kind: "WasmDeployment", name: "seen" },
    minReplicas: 2,
    maxReplicas: 3,
    metrics: [
      {
        type: "Requests",
        requests: { metric: "inFlight", target: { type: "AverageValue", averageValue: "10" } },
      },
      {
        type: "Prometheus",
        prometheus: {
          serverURL: "http://127.0.0.1:9",
          query: "up",
          target: { type: "Value", value: "1" },
        },
      },
    ],
  },
};

let cluster: TestCluster;
let token: string;
let auditFolder: string;
/** Of the scheduler, of a node, and of one that was asked for series of each instance. */
const pages = { scheduler: "", node: "", instances: "" };

const dashboard = JSON.parse(readFileSync(join(checkout, "deploy/grafana/wherry.json"), "utf8")) as Dashboard;
const shownQueries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => ({ title, expr: expr.replaceAll("$__rate_interval", "1m") })),
);
const recorded = new Set(rules.flatMap(({ record }) => record ?? []));

function kubectl(...args: readonly string[]): string {
  return execFileSync(kubectlBinaries().kubectl, ["--kubeconfig", cluster.directory.kubeconfig, ...args], {
    encoding: "utf8",
  });
}

/** What the scheduler answers to a GET. */
function read(path: string, as = token): Promise<{ readonly status: number; readonly body: string }> {
  const { url, ca } = cluster.access;
  return new Promise((resolve, reject) => {
    get(`${url}${path}`, { ca, headers: { authorization: `Bearer ${as}` } }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    }).on("error", reject);
  });
}

async function discovered(): Promise<readonly Group[]> {
  return JSON.parse((await read("/sd/prometheus")).body) as readonly Group[];
}

async function nodePage(name: string): Promise<string> {
  const group = (await discovered()).find(({ labels }) => labels["__meta_wherry_node"] === name);
  return (await fetch(`http://${group?.targets[0]}/metrics`)).text();
}

beforeAll(async () => {
  auditFolder = mkdtempSync(join(tmpdir(), "wherry-audit-"));
  cluster = await TestCluster.start(["one"], {
    gateways: true,
    nodeArgs: ["--metrics-address", "127.0.0.1:0"],
    schedulerArgs: ["--audit-log", join(auditFolder, "audit.log"), "--allow-metrics-server", "*"],
  });
  await cluster.startNode("two", ["--metrics-per-instance"]);
  kubectl("apply", "-f", join(prometheusFolder, "access.yaml"));
  token = kubectl("create", "token", "prometheus", "-n", "monitoring").trim();
  await cluster.apply([served(wagi, "seen", 2), route("seen"), stringify(autoscaler)].join("---\n"));
  await cluster.client().settled("seen", 1, 2);
  for (let asked = 0; asked < 20; asked++)
    await eventually(async () => {
      const { status } = await ask(cluster.url("one"), { host: hostOf("seen"), path: "/?name=Ada" });
      expect(status).toBe(200);
    });
  // Usage is told every ten seconds.
  await eventually(async () => {
    for (const name of ["one", "two"])
      expect(await nodePage(name)).toMatch(
        /wherry_workload_cpu_seconds_total\{.*workload="WasmDeployment\/seen"/,
      );
  });
  await eventually(async () => {
    pages.scheduler = (await read("/metrics")).body;
    expect(pages.scheduler).toMatch(/wherry_autoscaler_metrics_unknown\{.*reason="Unreachable"\} 1/);
  });
  pages.node = await nodePage("one");
  pages.instances = await nodePage("two");
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  rmSync(auditFolder, { recursive: true });
});

test("GET /sd/prometheus: the scheduler and every node, for whoever may read it", async () => {
  const groups = await discovered();
  expect(groups.map(({ labels }) => labels["__meta_wherry_role"] ?? "").toSorted()).toEqual([
    "node",
    "node",
    "scheduler",
  ]);
  const scheduler = groups.find(({ labels }) => labels["__meta_wherry_role"] === "scheduler");
  expect(scheduler?.targets).toEqual([new URL(cluster.access.url).host]);
  const nodes = groups.flatMap(({ labels }) => labels["__meta_wherry_node"] ?? []);
  expect(nodes.toSorted()).toEqual(["one", "two"]);
  expect((await read("/sd/prometheus", "nobody")).status).toBe(401);
  expect((await read("/backup")).status).toBe(403);
});

test.skipIf(!hasPrometheus)("every page of metrics: promtool finds nothing wrong with it", () => {
  expect(promtool(["check", "metrics"], pages.scheduler)).toBe("");
  expect(promtool(["check", "metrics"], pages.node)).toBe("");
  expect(promtool(["check", "metrics"], pages.instances)).toBe("");
});

test("every page of metrics: no series of ours has the name of one on the other", () => {
  const own = (page: string) =>
    parsePage(page).flatMap(({ name }) => (name.startsWith("wherry_") ? [name] : []));
  const ofNodes = new Set(own(pages.node));
  expect(own(pages.scheduler).filter((name) => ofNodes.has(name))).toEqual([]);
});

test("prometheus.yml: of a node is kept what nodes have to tell, and nothing that is the scheduler's", () => {
  const { scrape_configs } = parse(readFileSync(join(prometheusFolder, "prometheus.yml"), "utf8")) as Shipped;
  const [rule] = scrape_configs.flatMap(({ metric_relabel_configs = [] }) => metric_relabel_configs);
  const kept = new RegExp(`^(?:${rule?.regex})$`);
  const series = (page: string) => [...seriesOf(parsePage(page))];
  expect(series(pages.node + pages.instances).filter((name) => !kept.test(name))).toEqual([]);
  const own = series(pages.scheduler).filter((name) => name.startsWith("wherry_"));
  expect(own.filter((name) => kept.test(name))).toEqual([]);
});

test("rules and dashboard: every metric that they name is on a page, or recorded", () => {
  const series = seriesOf([...parsePage(pages.scheduler), ...parsePage(pages.node)]);
  const named = [...rules, ...shownQueries].flatMap(({ expr }) => namesIn(expr));
  expect(named.length).toBeGreaterThan(100);
  const missing = named.filter(
    (name) => !series.has(name) && !recorded.has(name) && name !== "up" && name !== "ALERTS",
  );
  expect([...new Set(missing)]).toEqual([]);
});

test.skipIf(!hasPrometheus)("dashboard: every query is one", () => {
  const folder = mkdtempSync(join(tmpdir(), "wherry-dashboard-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "queries.yaml");
  const asRules = shownQueries.map(({ expr }, index) => ({ record: `shown:query_${index}`, expr }));
  writeFileSync(file, stringify({ groups: [{ name: "dashboard", rules: asRules }] }));
  expect(promtool(["check", "rules", file])).toContain(`${shownQueries.length} rules found`);
});

test.each([
  { title: "Series of the scheduler", page: "scheduler", prefix: "wherry_" },
  { title: "Series of a node", page: "node", prefix: "wherry_" },
  { title: "Series of instances, on request", page: "instances", prefix: "wherry_instance_" },
] as const)("docs/METRICS.md: $title are those on its page", ({ title, page, prefix }) => {
  const families = parsePage(pages[page]).filter(({ name }) => name.startsWith(prefix));
  const documented = documentedSeries(readFileSync(join(checkout, "docs/METRICS.md"), "utf8"), title);
  const plain = ({ name, type, help }: Omit<Family, "labels" | "samples">) => `${name} ${type}: ${help}`;
  expect(documented.map(plain), seriesTable(families)).toEqual(families.map(plain));
  for (const { name, labels, samples } of families) {
    const known = documented.find((one) => one.name === name)?.labels ?? [];
    // What has no series now has no labels either.
    if (samples > 0) expect({ name, labels: [...labels] }).toEqual({ name, labels: known });
  }
});

test.skipIf(!hasPrometheus)("a real Prometheus: finds all, scrapes all, and its rules work", async () => {
  await using prometheus = await TestPrometheus.start(cluster, token);
  await eventually(async () => {
    const targets = await prometheus.targets();
    const healths = targets.map(({ scrapePool, health, lastError }) => ({ scrapePool, health, lastError }));
    const up = (scrapePool: string) => ({ scrapePool, health: "up", lastError: "" });
    expect(healths).toHaveLength(3);
    expect(healths).toEqual(expect.arrayContaining([up("wherry-scheduler"), up("wherry-node")]));
    expect(healths.filter(({ health }) => health !== "up")).toEqual([]);
  });
  await eventually(async () => {
    const loaded = await prometheus.rules();
    expect(loaded).toHaveLength(rules.length);
    expect(loaded.filter(({ health }) => health !== "ok")).toEqual([]);
    const [ready] = await prometheus.query("sum(wherry_instances_ready)");
    expect(ready?.value[1]).toBe("2");
    const [memory] = await prometheus.query(
      'workload:wherry_memory_bytes:sum{workload="WasmDeployment/seen"}',
    );
    expect(Number(memory?.value[1])).toBeGreaterThan(0);
    const scraped = await prometheus.query('group by (__name__) ({job="wherry-node",node="one"})');
    const names = new Set(scraped.map(({ metric }) => metric["__name__"]));
    const there = parsePage(pages.node).filter(({ samples }) => samples > 0);
    expect([...seriesOf(there)].filter((name) => !names.has(name))).toEqual([]);
    const perNode = await prometheus.query("sum by (node) (wherry_node_instances)");
    expect(perNode.map(({ metric }) => metric["node"] ?? "").toSorted()).toEqual(["one", "two"]);
  });
  for (const { title, expr } of shownQueries)
    await expect(prometheus.query(expr.replaceAll(/\$\w+/g, ".*")), title).resolves.toBeInstanceOf(Array);
});

test("GET /sd/prometheus: a node that is gone is not told of", async () => {
  await cluster.stopNode("two");
  await eventually(async () => {
    const nodes = (await discovered()).flatMap(({ labels }) => labels["__meta_wherry_node"] ?? []);
    expect(nodes).toEqual(["one"]);
  });
});
