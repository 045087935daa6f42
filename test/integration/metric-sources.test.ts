/** The sources of metrics, on a real Prometheus and a real Redis. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AutoscalerMetric } from "../../api/gen/kinds.gen.ts";
import { LocalCertificates } from "../../cli/local/certificates.ts";
import { systemClock } from "../../kit/clock.ts";
import { silentLog } from "../../kit/log.ts";
import { systemRandom } from "../../kit/random.ts";
import { QuestionBoard } from "../../scheduler/autoscaling/asking/question-board.ts";
import type { MetricSource } from "../../scheduler/autoscaling/metric-source.ts";
import { PrometheusSource } from "../../scheduler/autoscaling/prometheus/prometheus-source.ts";
import { RedisSource } from "../../scheduler/autoscaling/redis/redis-source.ts";
import { ServerAddresses, systemNameLookup } from "../../scheduler/autoscaling/server-addresses.ts";
import { policyOf, testOwner, TestSecrets } from "../../scheduler/autoscaling/testing/metric-server.ts";
import {
  hasPrometheus,
  hasRedis,
  type RealServer,
  type ServerFiles,
  scrapeTarget,
  startPrometheus,
  startRedis,
  tellRedis,
} from "../support/metric-servers.ts";

const folder = mkdtempSync(join(tmpdir(), "wherry-metric-sources-"));
const secrets = new TestSecrets();
const board = new QuestionBoard({ clock: systemClock, random: systemRandom, log: silentLog });
const addresses = new ServerAddresses(policyOf("*"), systemClock, systemNameLookup);
const parts = { board, secrets, addresses, clock: systemClock };
const prometheusSource = new PrometheusSource(parts);
const redisSource = new RedisSource(parts);
let files: ServerFiles;

beforeAll(async () => {
  const { ca, certificate, key } = await new LocalCertificates(folder, () => Date.now()).scheduler([
    "localhost",
  ]);
  files = { certificate, key };
  secrets.put("servers", {
    "ca.crt": readFileSync(ca, "utf8"),
    password: "correct horse\n",
    wrong: "battery staple",
  });
});

afterAll(async () => {
  await board[Symbol.asyncDispose]();
  await prometheusSource[Symbol.asyncDispose]();
  await redisSource[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const tls = { caRef: { name: "servers", key: "ca.crt" }, insecureSkipVerify: false };

/** Until it reads so; fails with what it reads. */
async function expectReading(
  source: MetricSource,
  metric: AutoscalerMetric,
  expected: object,
): Promise<void> {
  const watch = source.watch(metric, testOwner, () => {});
  await expect.poll(() => watch.read()).toMatchObject(expected);
  watch.close();
}

function prometheus(
  { port }: RealServer,
  query: string,
  given: Partial<NonNullable<AutoscalerMetric["prometheus"]>> = {},
): AutoscalerMetric {
  return {
    type: "Prometheus",
    prometheus: {
      serverURL: `http://localhost:${port}`,
      query,
      target: { type: "Value", value: "1" },
      intervalSeconds: 1,
      timeoutSeconds: 5,
      staleAfterSeconds: 60,
      ...given,
    },
  };
}

function redis(
  { port }: RealServer,
  given: Partial<NonNullable<AutoscalerMetric["redis"]>>,
): AutoscalerMetric {
  return {
    type: "Redis",
    redis: {
      address: `localhost:${port}`,
      database: 0,
      target: { type: "Value", value: "1" },
      intervalSeconds: 1,
      timeoutSeconds: 5,
      ...given,
    },
  };
}

const scrape = (address: string) => `[{job_name: t, static_configs: [{targets: ["${address}"]}]}]`;

test.skipIf(!hasPrometheus)(
  "PrometheusSource: what a real Prometheus says to all kinds of queries",
  async () => {
    // A sample with a time of its own gets no mark of staleness when it grows old.
    await using target = await scrapeTarget(
      () => `load 7\nparts{part="a"} 1\nparts{part="b"} 2\nold 5 ${Date.now() - 120_000}\n`,
    );
    await using server = await startPrometheus({ scrapeConfigs: scrape(target.address) });
    await expectReading(prometheusSource, prometheus(server, "load"), {
      kind: "value",
      value: 7,
      isAtLeast: false,
    });
    const expectations: readonly (readonly [string, object])[] = [
      ["sum(parts)", { kind: "value", value: 3 }],
      ["scalar(load) * 2", { kind: "value", value: 14 }],
      ["sum_over_time(load[1m:1s])", { kind: "value", rangeMs: 60_000 }],
      ["parts", { reason: "Ambiguous", message: expect.stringContaining("2 series") }],
      ["nothing", { reason: "NoData" }],
      ["load / 0", { reason: "NoData", message: expect.stringContaining("+Inf") }],
      ["load[5m]", { reason: "Malformed", message: expect.stringContaining("matrix") }],
      ['"text"', { reason: "Malformed", message: expect.stringContaining("string") }],
      ["sum(load", { reason: "Refused", message: expect.stringContaining("says: invalid parameter") }],
      ["parts * on(job) parts", { reason: "Refused", message: expect.stringContaining("many-to-many") }],
      ["old", { reason: "NoData", message: expect.stringContaining("of the last 60 s") }],
    ];
    for (const [query, expected] of expectations)
      await expectReading(prometheusSource, prometheus(server, query), expected);
    const patient = prometheus(server, "old", { staleAfterSeconds: 300 });
    await expectReading(prometheusSource, patient, { kind: "value", value: 5 });
  },
);

test.skipIf(!hasPrometheus)(
  "PrometheusSource: killed, it is not known; back and empty, it has no data until it has",
  async () => {
    let text = "load 7\n";
    await using target = await scrapeTarget(() => text);
    const scrapeConfigs = scrape(target.address);
    await using server = await startPrometheus({ scrapeConfigs });
    const watch = prometheusSource.watch(
      prometheus(server, "load", { timeoutSeconds: 2 }),
      testOwner,
      () => {},
    );
    await expect.poll(() => watch.read()).toMatchObject({ kind: "value", value: 7 });
    await server.kill();
    await expect
      .poll(() => watch.read())
      .toMatchObject({ reason: "Unreachable", message: expect.stringContaining("nothing listens there") });
    text = "";
    await using again = await startPrometheus({ scrapeConfigs, port: server.port });
    await expect.poll(() => watch.read()).toMatchObject({ reason: "NoData" });
    text = "load 9\n";
    await expect.poll(() => watch.read()).toMatchObject({ kind: "value", value: 9 });
    watch.close();
    expect(again.port).toBe(server.port);
  },
);

/** Of "correct horse", by bcrypt, as Prometheus wants it. */
const passwordHash = "$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2";

test.skipIf(!hasPrometheus)(
  "PrometheusSource: TLS and a password, and what is said when they are wrong",
  async () => {
    await using target = await scrapeTarget(() => "load 7\n");
    await using server = await startPrometheus({
      scrapeConfigs: scrape(target.address),
      tls: files,
      users: { me: passwordHash },
    });
    const serverURL = `https://localhost:${server.port}`;
    const basicAuth = { username: "me", passwordRef: { name: "servers", key: "password" } };
    const wrongAuth = { username: "me", passwordRef: { name: "servers", key: "wrong" } };
    const missing = { username: "me", passwordRef: { name: "servers", key: "missing" } };
    const certificate = {
      reason: "Unreachable",
      message: expect.stringContaining("certificate is not accepted"),
    };
    for (const [given, expected] of [
      [
        { tls, basicAuth },
        { kind: "value", value: 7 },
      ],
      [
        { tls: { insecureSkipVerify: true }, basicAuth },
        { kind: "value", value: 7 },
      ],
      [
        { tls, basicAuth: wrongAuth },
        { reason: "Refused", message: expect.stringContaining("answered 401") },
      ],
      [
        { tls, basicAuth: missing },
        { reason: "Misdeclared", message: "Secret servers has no key missing; add it" },
      ],
      [{ basicAuth }, certificate],
      [{ tls: { ...tls, serverName: "prometheus.example" }, basicAuth }, certificate],
    ] as const)
      await expectReading(prometheusSource, prometheus(server, "load", { serverURL, ...given }), expected);
  },
);

test.skipIf(!hasRedis)("RedisSource: lists and streams of a real Redis", async () => {
  await using server = await startRedis();
  const list = redis(server, { list: { key: "queue" } });
  const watch = redisSource.watch(list, testOwner, () => {});
  await expect.poll(() => watch.read()).toMatchObject({ kind: "value", value: 0 });
  await tellRedis(server.port, [
    ["RPUSH", "queue", "a", "b", "c"],
    ["SET", "text", "x"],
    ...["1-1", "2-1", "3-1", "4-1"].map((id) => ["XADD", "jobs", id, "a", "b"]),
    ["XGROUP", "CREATE", "jobs", "g", "0"],
    ["XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "STREAMS", "jobs", ">"],
    ["XGROUP", "CREATE", "jobs", "middle", "2-1"],
  ]);
  await expect.poll(() => watch.read()).toMatchObject({ kind: "value", value: 3 });
  watch.close();
  const stream = { key: "jobs", group: "g" };
  for (const [given, expected] of [
    // Three that nobody was given, and one that is not acknowledged.
    [{ stream }, { kind: "value", value: 4 }],
    [
      { stream: { ...stream, group: "middle" } },
      { reason: "NoData", message: expect.stringContaining("does not know the lag") },
    ],
    [
      { stream: { ...stream, group: "other" } },
      { reason: "NoData", message: expect.stringContaining("there is no group") },
    ],
    [
      { stream: { ...stream, key: "other" } },
      { reason: "NoData", message: expect.stringContaining("there is no stream") },
    ],
    [{ list: { key: "text" } }, { reason: "Refused", message: expect.stringContaining("WRONGTYPE") }],
    [
      { list: { key: "queue" }, database: 1 },
      { kind: "value", value: 0 },
    ],
    [
      { list: { key: "queue" }, database: 99 },
      { reason: "Refused", message: expect.stringContaining("out of range") },
    ],
  ] as const)
    await expectReading(redisSource, redis(server, given), expected);
});

test.skipIf(!hasRedis)("RedisSource: TLS and a password, and what is said when they are wrong", async () => {
  await using server = await startRedis(["--requirepass", "correct horse"], files);
  const list = { key: "queue" };
  const passwordRef = { name: "servers", key: "password" };
  for (const [given, expected] of [
    [
      { tls, passwordRef },
      { kind: "value", value: 0 },
    ],
    [{ tls }, { reason: "Refused", message: expect.stringContaining("NOAUTH") }],
    [
      { tls, passwordRef: { ...passwordRef, key: "wrong" } },
      { reason: "Refused", message: expect.stringContaining("WRONGPASS") },
    ],
    [
      { tls: { insecureSkipVerify: false }, passwordRef },
      { reason: "Unreachable", message: expect.stringContaining("certificate is not accepted") },
    ],
  ] as const)
    await expectReading(redisSource, redis(server, { list, ...given }), expected);
});

test.skipIf(!hasRedis)(
  "RedisSource: killed, it is not known; nothing else is asked of it than what it answers",
  async () => {
    await using server = await startRedis();
    const watch = redisSource.watch(
      redis(server, { list: { key: "queue" }, timeoutSeconds: 2 }),
      testOwner,
      () => {},
    );
    await expect.poll(() => watch.read()).toMatchObject({ kind: "value", value: 0 });
    const clients = await tellRedis(server.port, [["CLIENT", "LIST"]]);
    // Ours, and the one that asks.
    expect(clients.match(/^id=/gm)).toHaveLength(2);
    await server.kill();
    await expect.poll(() => watch.read()).toMatchObject({ reason: "Unreachable" });
    watch.close();
  },
);
