import { expect, test } from "vitest";
import { TestServer } from "../testing/test-server.ts";
import { scrapeTargets } from "./scrape-targets.ts";

const nodes = [
  {
    name: "n1",
    address: "10.0.0.7:9465",
    labels: { "topology.kubernetes.io/zone": "a", "kubernetes.io/hostname": "n1" },
  },
  { name: "n2", address: "[fd00::7]:9465", labels: {} },
];
const scheduler = (target: string) => ({
  targets: [target],
  labels: { __scheme__: "https", __meta_wherry_role: "scheduler" },
});

test("scrapeTargets: nodes with their names, zones and labels", () => {
  expect(scrapeTargets("localhost:6443", nodes)).toEqual([
    scheduler("localhost:6443"),
    {
      targets: ["10.0.0.7:9465"],
      labels: {
        __meta_wherry_role: "node",
        __meta_wherry_node: "n1",
        __meta_wherry_zone: "a",
        __meta_wherry_node_label_topology_kubernetes_io_zone: "a",
        __meta_wherry_node_label_kubernetes_io_hostname: "n1",
      },
    },
    { targets: ["[fd00::7]:9465"], labels: { __meta_wherry_role: "node", __meta_wherry_node: "n2" } },
  ]);
});

test.each([
  { name: "with its port", host: "wherry.example:6443", target: "wherry.example:6443" },
  { name: "without a port, which is that of https", host: "wherry.example", target: "wherry.example:443" },
  { name: "an address of IPv6", host: "[::1]:6443", target: "[::1]:6443" },
  { name: "none", host: undefined, target: undefined },
  { name: "empty", host: "", target: undefined },
  { name: "with a path", host: "a/b:1", target: undefined },
  { name: "with credentials", host: "a@b:1", target: undefined },
  { name: "with a blank", host: "a b", target: undefined },
])("scrapeTargets: the scheduler is where it was reached: $name", ({ host, target }) => {
  expect(scrapeTargets(host, [])).toEqual(target === undefined ? [] : [scheduler(target)]);
});

test("scrapeTargets: a node's labels name nothing but themselves", () => {
  const labels = { __address__: "evil:1", "a.b": "1", "a-b": "2", job: "x", "unicode.é": "y" };
  const [group] = scrapeTargets(undefined, [{ name: "n", address: "n:1", labels }]);
  expect(group?.labels).toEqual({
    __meta_wherry_role: "node",
    __meta_wherry_node: "n",
    __meta_wherry_node_label___address__: "evil:1",
    __meta_wherry_node_label_a_b: "1",
    __meta_wherry_node_label_job: "x",
    __meta_wherry_node_label_unicode__: "y",
  });
});

test("GET /sd/prometheus: JSON for whoever may read it, of what there is now", async () => {
  const monitoring = { text: () => Promise.resolve("wherry_more 1\n"), nodes: () => nodes };
  const tokens = [
    { token: "watcher", user: "prometheus", uid: "", groups: ["system:monitoring"] },
    { token: "other", user: "somebody", uid: "", groups: [] },
  ];
  await using server = await TestServer.start({ monitoring, tokens });
  const { code, body, headers } = await server.call("GET", "/sd/prometheus", { token: "watcher" });
  expect({ code, type: headers["content-type"] }).toEqual({ code: 200, type: "application/json" });
  expect(body).toEqual(scrapeTargets(new URL(server.url).host, nodes));
  expect((await server.call("GET", "/sd/prometheus", { token: "other" })).code).toBe(403);
  expect((await server.call("GET", "/sd/prometheus", { token: undefined })).code).toBe(401);
  expect((await server.call("GET", "/sd")).code).toBe(404);
  expect((await server.call("GET", "/sd/consul")).code).toBe(404);
  expect((await server.call("GET", "/sd/prometheus/x")).code).toBe(404);
  expect((await server.call("POST", "/sd/prometheus")).code).toBe(405);
});

test("GET /metrics: what the rest of the scheduler has stands beside the API server's", async () => {
  const monitoring = { text: () => Promise.resolve("wherry_more 1\n"), nodes: () => [] };
  await using server = await TestServer.start({ monitoring });
  const { text } = await server.call("GET", "/metrics");
  expect(text).toMatch(/^wherry_more 1$/m);
  expect(text).toMatch(/^wherry_store_revision \d+$/m);
});

test("GET /sd/prometheus: where nothing is scheduled there is the scheduler itself", async () => {
  await using server = await TestServer.start();
  expect((await server.call("GET", "/sd/prometheus")).body).toEqual([scheduler(new URL(server.url).host)]);
});
