import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { Reading, Unknown } from "../../core/autoscaling/reading.ts";
import type { MetricWatch } from "../metric-source.ts";
import {
  askingParts,
  type AskingParts,
  httpServer,
  rawServer,
  type TestServer,
  testOwner,
} from "../testing/metric-server.ts";
import { PrometheusSource } from "./prometheus-source.ts";
import type { PrometheusMetric } from "./prometheus-server.ts";

const second = () => Date.now() / 1000;
const scalar = (value: string) =>
  JSON.stringify({ status: "success", data: { resultType: "scalar", result: [second(), value] } });

function answer(response: ServerResponse, body: string, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(body);
}

/** As Prometheus of 2.43 and later: it refuses the probe. */
function isProbe(body: string, response: ServerResponse): boolean {
  if (new URLSearchParams(body).get("lookback_delta") !== "?") return false;
  answer(response, JSON.stringify({ status: "error", errorType: "bad_data", error: "lookback" }), 400);
  return true;
}

function metric(serverURL: string, given: Partial<PrometheusMetric> = {}): PrometheusMetric {
  return {
    serverURL,
    query: "sum(x)",
    target: { type: "Value", value: "1" },
    intervalSeconds: 15,
    timeoutSeconds: 5,
    staleAfterSeconds: 60,
    ...given,
  };
}

class Asker implements AsyncDisposable {
  readonly parts: AskingParts;
  readonly source: PrometheusSource;

  constructor(parts = askingParts()) {
    this.parts = parts;
    this.source = new PrometheusSource(parts);
  }

  watch(given: PrometheusMetric, changed = () => {}, owner = testOwner): MetricWatch {
    const watch = this.source.watch({ type: "Prometheus", prometheus: given }, owner, changed);
    this.parts.clock.advance(0);
    return watch;
  }

  /** The first reading that is one. */
  async read(given: PrometheusMetric): Promise<Reading> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const watch = this.watch(given, resolve);
    await promise;
    const reading = watch.read();
    watch.close();
    return reading;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.parts.board[Symbol.asyncDispose]();
    await this.source[Symbol.asyncDispose]();
  }
}

const at = ({ port }: TestServer) => `http://prom.example:${port}`;

test("PrometheusSource: asks as Prometheus is asked, and reads the value", async () => {
  const seen: { request?: IncomingMessage; body?: string } = {};
  await using server = await httpServer((request, response, body) => {
    if (isProbe(body, response)) return;
    Object.assign(seen, { request, body });
    answer(response, scalar("42"));
  });
  await using asker = new Asker();
  const headers = [{ name: "X-Scope-OrgID", value: "tenant" }];
  const reading = await asker.read(metric(`${at(server)}/prometheus/`, { query: "rate(x[5m])", headers }));
  expect(reading).toMatchObject({ kind: "value", value: 42, isAtLeast: false, rangeMs: 300_000 });
  expect(seen.request?.url).toBe("/prometheus/api/v1/query");
  expect(seen.request?.method).toBe("POST");
  expect(seen.request?.headers).toMatchObject({
    host: `prom.example:${server.port}`,
    "accept-encoding": "identity",
    "x-scope-orgid": "tenant",
  });
  expect(Object.fromEntries(new URLSearchParams(seen.body))).toEqual({
    query: "rate(x[5m])",
    timeout: "5s",
    lookback_delta: "60s",
  });
});

test("PrometheusSource: one that ignores lookback_delta is asked of a time ahead, so that what is old is out of sight", async () => {
  const bodies: URLSearchParams[] = [];
  await using server = await httpServer((request, response, body) => {
    if (request.url === "/api/v1/status/flags")
      return answer(response, JSON.stringify({ status: "success", data: { "query.lookback-delta": "5m" } }));
    const fields = new URLSearchParams(body);
    if (fields.has("lookback_delta")) return answer(response, scalar(String(second())));
    bodies.push(fields);
    const time = fields.get("time");
    return answer(
      response,
      JSON.stringify({
        status: "success",
        data: { resultType: "scalar", result: [time === null ? second() : Number(time), "1"] },
      }),
    );
  });
  await using asker = new Asker();
  expect(await asker.read(metric(at(server)))).toMatchObject({ kind: "value", value: 1 });
  expect(await asker.read(metric(at(server), { query: "rate(x[5m])" }))).toMatchObject({ kind: "value" });
  expect(await asker.read(metric(at(server), { staleAfterSeconds: 400 }))).toMatchObject({ kind: "value" });
  const [newest, ranged, patient] = bodies;
  expect(Math.abs(Number(newest?.get("time")) - second() - 240)).toBeLessThan(20);
  expect([ranged?.has("time"), patient?.has("time")]).toEqual([false, false]);
});

test("PrometheusSource: how it looks back is asked anew after a refusal, and not with each query", async () => {
  const probes: (string | undefined)[] = [];
  const lookbacks: (string | null)[] = [];
  await using server = await httpServer((request, response, body) => {
    const fields = new URLSearchParams(body);
    const { authorization } = request.headers;
    if (fields.get("lookback_delta") === "?") probes.push(authorization);
    if (authorization !== "Bearer right") response.writeHead(401).end();
    else if (!isProbe(body, response)) {
      lookbacks.push(fields.get("lookback_delta"));
      answer(response, scalar("1"));
    }
  });
  await using asker = new Asker();
  const { secrets } = asker.parts;
  secrets.put("prom", { token: "wrong" });
  const bearerTokenRef = { name: "prom", key: "token" };
  const { promise, resolve } = Promise.withResolvers<void>();
  const watch = asker.watch(metric(at(server), { bearerTokenRef }), resolve);
  await promise;
  expect(watch.read()).toMatchObject({ reason: "Refused" });
  secrets.put("prom", { token: "right" });
  await expect.poll(() => lookbacks).toEqual(["60s"]);
  secrets.put("prom", { token: "right", other: "x" });
  await expect.poll(() => lookbacks).toEqual(["60s", "60s"]);
  expect(probes).toEqual(["Bearer wrong", "Bearer right"]);
});

test("PrometheusSource: ten thousand alike are asked once", async () => {
  let asked = 0;
  await using server = await httpServer((_request, response, body) => {
    if (isProbe(body, response)) return;
    asked++;
    answer(response, scalar("1"));
  });
  await using asker = new Asker();
  const { promise, resolve } = Promise.withResolvers<void>();
  const watches = Array.from({ length: 10_000 }, (_, n) =>
    asker.watch(metric(at(server)), n === 9_999 ? resolve : () => {}),
  );
  await promise;
  expect(asked).toBe(1);
  expect(watches.every((watch) => watch.read().kind === "value")).toBe(true);
});

test("PrometheusSource: credentials come from Secrets, and a Secret that changes is used at once", async () => {
  const seen: (string | undefined)[] = [];
  await using server = await httpServer((request, response, body) => {
    if (isProbe(body, response)) return;
    seen.push(request.headers.authorization);
    answer(response, scalar("1"));
  });
  await using asker = new Asker();
  const { secrets } = asker.parts;
  const bearerTokenRef = { name: "prom", key: "token" };
  let changed = Promise.withResolvers<void>();
  const watch = asker.watch(metric(at(server), { bearerTokenRef }), () => changed.resolve());
  await changed.promise;
  expect(watch.read()).toEqual({
    kind: "unknown",
    reason: "Misdeclared",
    message: "Secret prom does not exist in namespace default; create it",
  });
  for (const [data, expected] of [
    [{ other: "x" }, "Secret prom has no key token; add it"],
    [{ token: "two words" }, "Secret prom: what its key token has is no token"],
  ] as const) {
    changed = Promise.withResolvers<void>();
    secrets.put("prom", data);
    await changed.promise;
    expect(watch.read()).toMatchObject({ reason: "Misdeclared", message: expected });
  }
  changed = Promise.withResolvers<void>();
  secrets.put("prom", { token: "t0ken\n" });
  await changed.promise;
  expect(watch.read()).toMatchObject({ kind: "value" });
  secrets.put("prom", { token: "another" });
  await expect.poll(() => seen).toEqual(["Bearer t0ken", "Bearer another"]);
  watch.close();
  expect(secrets.watcherCount).toBe(0);
});

test("PrometheusSource: basic auth, and Secrets of one namespace are not those of another", async () => {
  const seen: (string | undefined)[] = [];
  await using server = await httpServer((request, response, body) => {
    if (isProbe(body, response)) return;
    seen.push(request.headers.authorization);
    answer(response, scalar("1"));
  });
  await using asker = new Asker();
  asker.parts.secrets.put("prom", { password: "pässword\n" });
  const given = metric(at(server), {
    basicAuth: { username: "me", passwordRef: { name: "prom", key: "password" } },
  });
  expect(await asker.read(given)).toMatchObject({ kind: "value" });
  expect(seen).toEqual([`Basic ${Buffer.from("me:pässword").toString("base64")}`]);
  const { promise, resolve } = Promise.withResolvers<void>();
  const other = asker.watch(given, resolve, { ...testOwner, namespace: "other" });
  await promise;
  expect(other.read()).toMatchObject({ reason: "Misdeclared" });
});

test("PrometheusSource: a server that may not be asked is not connected to", async () => {
  let connections = 0;
  await using server = await httpServer((_request, response) => {
    connections++;
    answer(response, scalar("1"));
  });
  await using asker = new Asker(askingParts(["http://*.example.com:*"]));
  expect(await asker.read(metric(at(server)))).toMatchObject({
    reason: "Forbidden",
    message: `the scheduler may not ask ${at(server)}; whoever runs it allows that with --allow-metrics-server ${at(server)}`,
  });
  // Allowed by its name, and then it turns out to be the machine itself.
  expect(await asker.read(metric(`http://a.example.com:${server.port}`))).toMatchObject({
    reason: "Forbidden",
  });
  expect(connections).toBe(0);
});

test("PrometheusSource: a name that means another address later is connected to as it was judged", async () => {
  let lookups = 0;
  await using server = await httpServer((_request, response, body) => {
    if (!isProbe(body, response)) answer(response, scalar("1"));
  });
  const lookup = () => Promise.resolve(lookups++ === 0 ? ["127.0.0.1"] : ["169.254.169.254"]);
  await using asker = new Asker(askingParts(["*"], lookup));
  expect(await asker.read(metric(at(server)))).toMatchObject({ kind: "value" });
  expect(lookups).toBe(1);
  asker.parts.clock.advance(700_000);
  expect(await asker.read(metric(at(server)))).toMatchObject({ reason: "Forbidden" });
});

const redirect = (code: number) => (socket: NodeJS.WritableStream) =>
  void socket.write(
    `HTTP/1.1 ${code} Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n`,
  );
const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
const chunked = `${head}transfer-encoding: chunked\r\n\r\n`;
const million = `{"status":"success","data":{"resultType":"vector","result":[${'{"metric":{"a":"b"},"value":[1,"1"]},'.repeat(40_000)}`;

test.each<[string, (socket: NodeJS.WritableStream & { destroy(): void }) => void, Unknown["reason"], string]>(
  [
    ["a redirect", redirect(302), "Refused", "leads to another address"],
    ["a redirect that keeps the method", redirect(307), "Refused", "leads to another address"],
    [
      "a body that says it is huge",
      (socket) => void socket.write(`${head}content-length: 99999999999\r\n\r\n${million}`),
      "Malformed",
      "more than 1 MiB",
    ],
    [
      "a body without end",
      (socket) => void socket.write(`${chunked}200000\r\n${" ".repeat(0x200000)}`),
      "Malformed",
      "more than 1 MiB",
    ],
    [
      "a million series",
      (socket) => void socket.write(`${head}connection: close\r\n\r\n${million}`),
      "Malformed",
      "more than 1 MiB: a query must come to one number",
    ],
    [
      "chunks that are none",
      (socket) => void socket.write(`${chunked}zz\r\nxx\r\n`),
      "Malformed",
      "not HTTP (HPE_",
    ],
    [
      "heads without end",
      (socket) => void socket.write(`HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(10_000)}`),
      "Malformed",
      "not HTTP (HPE_HEADER_OVERFLOW",
    ],
    [
      "promises without end",
      (socket) => void socket.write("HTTP/1.1 100 Continue\r\n\r\n".repeat(9)),
      "Malformed",
      "not HTTP (HPE_INTERIM)",
    ],
    [
      "no HTTP at all",
      (socket) => void socket.write("SSH-2.0-OpenSSH_9.2\r\n"),
      "Malformed",
      "not HTTP (HPE_",
    ],
    [
      "two lengths",
      (socket) => void socket.write(`${head}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`),
      "Malformed",
      "not HTTP (HPE_",
    ],
    [
      "a length that is too long",
      (socket) => {
        socket.write(`${head}content-length: 100\r\n\r\n{}`);
        setImmediate(() => socket.end());
      },
      "Unreachable",
      "closed the connection before it had answered",
    ],
    [
      "a length that is too short",
      (socket) => void socket.write(`${head}content-length: 2\r\n\r\n${scalar("1")}`),
      "Malformed",
      "prom.example",
    ],
    ["it closes at once", (socket) => socket.destroy(), "Unreachable", "closed the connection"],
    [
      "packed",
      (socket) => {
        socket.write(
          `${head}content-encoding: gzip\r\ncontent-length: ${gzipSync(scalar("1")).length}\r\n\r\n`,
        );
        socket.write(gzipSync(scalar("1")));
      },
      "Malformed",
      "content encoding gzip",
    ],
    [
      "another protocol",
      (socket) =>
        void socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
      "Unreachable",
      "could not be asked",
    ],
  ],
)("PrometheusSource: a hostile server: %s", async (_, say, reason, message) => {
  await using server = await rawServer((socket) => say(socket));
  await using asker = new Asker();
  const reading = await asker.read(metric(at(server)));
  expect(reading).toMatchObject({ kind: "unknown", reason });
  expect(reading).toHaveProperty("message", expect.stringContaining(message));
});

test.each<[string, (socket: NodeJS.WritableStream) => void]>([
  ["says nothing", () => {}],
  ["drips its body", (socket) => void socket.write(`${head}content-length: 1000\r\n\r\n{`)],
  ["drips its head", (socket) => void socket.write("HTTP/1.1 200 OK\r\na: ")],
  ["promises to go on", (socket) => void socket.write("HTTP/1.1 100 Continue\r\n\r\n".repeat(8))],
])("PrometheusSource: a server that %s is left after its time", async (_, say) => {
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  await using server = await rawServer((socket) => {
    socket.once("close", close);
    say(socket);
    ask();
  });
  await using asker = new Asker();
  const { promise, resolve } = Promise.withResolvers<void>();
  const watch = asker.watch(metric(at(server), { timeoutSeconds: 7 }), resolve);
  await asked;
  asker.parts.clock.advance(6_999);
  expect(watch.read()).toMatchObject({ reason: "Pending" });
  asker.parts.clock.advance(1);
  await promise;
  expect(watch.read()).toMatchObject({
    reason: "Unreachable",
    message: `${at(server)} did not answer within 7 s`,
  });
  await closed;
});

test("PrometheusSource: connections are used again", async () => {
  const connections = new Set<unknown>();
  await using server = await httpServer((request, response, body) => {
    connections.add(request.socket);
    if (!isProbe(body, response)) answer(response, scalar("1"));
  });
  await using asker = new Asker();
  for (let n = 0; n < 5; n++)
    expect(await asker.read(metric(at(server), { query: `x${n}` }))).toMatchObject({ value: 1 });
  expect(connections.size).toBe(1);
});

test("PrometheusSource: a connection that was closed when it is used again is no failure", async () => {
  let asked = 0;
  await using server = await httpServer((request, response, body) => {
    if (isProbe(body, response)) return;
    // The third is the first that a kept connection was there for twice.
    if (++asked === 3) request.socket.destroy();
    else answer(response, scalar(String(asked)));
  });
  await using asker = new Asker();
  for (const expected of [1, 2, 4])
    expect(await asker.read(metric(at(server), { query: `x${expected}` }))).toMatchObject({
      value: expected,
    });
});

test("PrometheusSource: a header that is not for authors to set is named", async () => {
  await using server = await httpServer((_request, response) => answer(response, scalar("1")));
  await using asker = new Asker();
  for (const name of ["Host", "Transfer-Encoding", "bad header"])
    expect(await asker.read(metric(at(server), { headers: [{ name, value: "x" }] }))).toEqual({
      kind: "unknown",
      reason: "Misdeclared",
      message: `the header "${name}" cannot be sent`,
    });
});

test.each([
  "ftp://x",
  "http://user:pw@x",
  "http://x?a=b",
  "http://x#a",
  "x:9090",
  "http://",
  "http://[::ffff:1.2.3.4]:80",
])("PrometheusSource: %s is no address of a server", async (serverURL) => {
  await using asker = new Asker();
  expect(await asker.read(metric(serverURL))).toMatchObject({ reason: "Misdeclared" });
});
