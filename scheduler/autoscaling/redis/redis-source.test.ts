import { expect, test } from "vitest";
import type { Reading } from "../../core/autoscaling/reading.ts";
import type { MetricWatch } from "../metric-source.ts";
import {
  askingParts,
  type AskingParts,
  closingServer,
  rawServer,
  type TestServer,
  testOwner,
} from "../testing/metric-server.ts";
import type { RedisMetric } from "./redis-server.ts";
import { RedisSource } from "./redis-source.ts";

function metric({ port }: Pick<TestServer, "port">, given: Partial<RedisMetric> = {}): RedisMetric {
  return {
    address: `redis.example:${port}`,
    database: 0,
    ...(given.stream ? {} : { list: { key: "queue" } }),
    target: { type: "Value", value: "1" },
    intervalSeconds: 5,
    timeoutSeconds: 5,
    ...given,
  };
}

class Asker implements AsyncDisposable {
  readonly parts: AskingParts;
  readonly source: RedisSource;

  constructor(parts = askingParts()) {
    this.parts = parts;
    this.source = new RedisSource(parts);
  }

  watch(redis: RedisMetric, changed = () => {}): MetricWatch {
    const watch = this.source.watch({ type: "Redis", redis }, testOwner, changed);
    this.parts.clock.advance(0);
    return watch;
  }

  async read(redis: RedisMetric): Promise<Reading> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const watch = this.watch(redis, resolve);
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

/** The words of the commands in what was sent, as the client sends them. */
function commands(text: string): readonly (readonly string[])[] {
  return text
    .split(/(?=^\*)/m)
    .filter((one) => one.startsWith("*"))
    .map((one) => one.split("\r\n").filter((_, at) => at > 0 && at % 2 === 0));
}

test("RedisSource: asks for the length of a list, with what it takes to be let in", async () => {
  const seen: (readonly string[])[] = [];
  await using server = await rawServer((socket, text) => {
    for (const command of commands(text)) {
      seen.push(command);
      socket.write(command[0]?.toUpperCase() === "LLEN" ? ":7\r\n" : "+OK\r\n");
    }
  });
  await using asker = new Asker();
  asker.parts.secrets.put("redis", { password: "s3cret\n" });
  const passwordRef = { name: "redis", key: "password" };
  const reading = await asker.read(metric(server, { database: 3, username: "me", passwordRef }));
  expect(reading).toMatchObject({ kind: "value", value: 7, isAtLeast: false });
  expect(seen.map(([name = "", ...rest]) => [name.toUpperCase(), ...rest])).toEqual([
    ["AUTH", "me", "s3cret"],
    ["SELECT", "3"],
    ["LLEN", "queue"],
  ]);
});

test("RedisSource: addresses in another order are no reason for another connection", async () => {
  const sockets = new Set<unknown>();
  await using server = await rawServer((socket, text) => {
    sockets.add(socket);
    for (const _ of commands(text)) socket.write(":1\r\n");
  });
  let lookups = 0;
  const rotating = () => {
    const addresses = ["127.0.0.1", "127.0.0.2"];
    return Promise.resolve(lookups++ % 2 === 0 ? addresses : addresses.toReversed());
  };
  await using asker = new Asker(askingParts(["*"], rotating));
  const first = Promise.withResolvers<void>();
  using kept = new DisposableStack();
  const watch = asker.watch(metric(server, { intervalSeconds: 3_600 }), first.resolve);
  kept.defer(() => watch.close());
  await first.promise;
  for (let at = 0; at < 4; at++) {
    asker.parts.clock.advance(31_000);
    expect(await asker.read(metric(server, { list: { key: `queue${at}` } }))).toMatchObject({ value: 1 });
  }
  expect(lookups).toBeGreaterThan(2);
  expect(sockets.size).toBe(1);
});

test("RedisSource: many lists of one server share a connection, which is closed when nobody asks any more", async () => {
  const sockets = new Set<unknown>();
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  await using server = await rawServer((socket, text) => {
    if (!sockets.has(socket)) socket.once("close", close);
    sockets.add(socket);
    for (const _ of commands(text)) socket.write(":1\r\n");
  });
  await using asker = new Asker();
  const done: Promise<void>[] = [];
  const watches = Array.from({ length: 200 }, (_, n) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    done.push(promise);
    return asker.watch(metric(server, { list: { key: `queue${n}` } }), resolve);
  });
  await Promise.all(done);
  expect(sockets.size).toBe(1);
  for (const watch of watches) watch.close();
  await closed;
});

test("RedisSource: a connection that nothing is asked through is closed, and made again", async () => {
  const sockets = new Set<unknown>();
  let closes = 0;
  await using server = await rawServer((socket, text) => {
    if (!sockets.has(socket)) socket.once("close", () => closes++);
    sockets.add(socket);
    for (const _ of commands(text)) socket.write(`:${sockets.size}\r\n`);
  });
  await using asker = new Asker();
  const { promise, resolve } = Promise.withResolvers<void>();
  asker.watch(metric(server, { intervalSeconds: 3600 }), resolve);
  await promise;
  asker.parts.clock.advance(120_000);
  await expect.poll(() => closes).toBe(1);
  expect(await asker.read(metric(server, { list: { key: "other" } }))).toMatchObject({ value: 2 });
});

test("RedisSource: a password that changes is used, over a connection of its own", async () => {
  const passwords: string[] = [];
  await using server = await rawServer((socket, text) => {
    for (const [name, password = ""] of commands(text)) {
      if (name?.toUpperCase() === "AUTH") passwords.push(password);
      socket.write(name?.toUpperCase() === "AUTH" ? "+OK\r\n" : `:${passwords.length}\r\n`);
    }
  });
  await using asker = new Asker();
  const { secrets } = asker.parts;
  secrets.put("redis", { password: "one" });
  let changed = Promise.withResolvers<void>();
  const watch = asker.watch(metric(server, { passwordRef: { name: "redis", key: "password" } }), () =>
    changed.resolve(),
  );
  await changed.promise;
  changed = Promise.withResolvers();
  secrets.put("redis", { password: "two" });
  await changed.promise;
  expect(watch.read()).toMatchObject({ value: 2 });
  changed = Promise.withResolvers();
  secrets.put("redis", undefined);
  await changed.promise;
  expect(watch.read()).toMatchObject({
    reason: "Misdeclared",
    message: "Secret redis does not exist in namespace default; create it",
  });
  expect(passwords).toEqual(["one", "two"]);
});

const group = (lag: string) =>
  `*1\r\n*8\r\n$4\r\nname\r\n$1\r\ng\r\n$7\r\npending\r\n:2\r\n$12\r\nentries-read\r\n:1\r\n$3\r\nlag\r\n${lag}`;
const stream = { key: "jobs", group: "g" };

test.each<[string, string, Partial<RedisMetric>, object]>([
  ["lag and what is pending", group(":40\r\n"), { stream }, { kind: "value", value: 42 }],
  ["a lag that is not known", group("$-1\r\n"), { stream }, { reason: "NoData" }],
  ["no groups", "*0\r\n", { stream }, { reason: "NoData" }],
  ["no stream", "-ERR no such key\r\n", { stream }, { reason: "NoData" }],
  [
    "groups of before Redis 7",
    "*1\r\n*4\r\n$4\r\nname\r\n$1\r\ng\r\n$7\r\npending\r\n:2\r\n",
    { stream },
    { reason: "NoData" },
  ],
  ["groups that are none", ":1\r\n", { stream }, { reason: "Malformed" }],
  ["a lag that is text", group("$3\r\nabc\r\n"), { stream }, { reason: "Malformed" }],
  [
    "a list that is no list",
    "-WRONGTYPE Operation\r\n",
    {},
    { reason: "Refused", message: expect.stringContaining("says: WRONGTYPE Operation") },
  ],
  ["no password", "-NOAUTH Authentication required.\r\n", {}, { reason: "Refused" }],
  [
    "another server of a cluster",
    "-MOVED 1 169.254.169.254:6379\r\n",
    {},
    { reason: "Refused", message: expect.stringContaining("not followed") },
  ],
  ["a server that starts", "-LOADING Redis is loading\r\n", {}, { reason: "Unreachable" }],
  ["a length that is text", "$1\r\n7\r\n", {}, { reason: "Malformed" }],
  ["a negative length", ":-1\r\n", {}, { reason: "Malformed" }],
  ["a length beyond all numbers", ":99999999999999999999\r\n", {}, { reason: "Malformed" }],
  ["nothing as the length", "$-1\r\n", {}, { reason: "Malformed" }],
  [
    "HTTP",
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    {},
    { reason: "Malformed", message: expect.stringContaining("not Redis' protocol") },
  ],
  ["a push", ">1\r\n_\r\n", {}, { reason: "Malformed" }],
  [
    "an endless list",
    `*9000\r\n${`$200\r\n${"a".repeat(200)}\r\n`.repeat(9_000)}`,
    {},
    { reason: "Malformed", message: expect.stringContaining("more than 1 MiB") },
  ],
  ["an array as large as memory", "*30000000\r\n", {}, { reason: "Malformed" }],
  ["replies that nobody asked for", ":1\r\n$-1\r\n$-1\r\n", {}, {}],
])("RedisSource: %s", async (_, reply, given, expected) => {
  await using server = await rawServer((socket) => void socket.write(reply));
  await using asker = new Asker();
  expect(await asker.read(metric(server, given))).toMatchObject(expected);
});

test("RedisSource: what a server says is cut, in one line", async () => {
  await using server = await rawServer(
    (socket) => void socket.write(`-ERR \u001b[2J${"x".repeat(100_000)}\r\n`),
  );
  await using asker = new Asker();
  const reading = await asker.read(metric(server));
  if (reading.kind !== "unknown") throw new Error("it is known");
  expect(reading.message.length).toBeLessThan(400);
  expect(reading.message).not.toContain("\u001b");
});

test("RedisSource: a server that says nothing is left after its time, with all that waited for it", async () => {
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  await using server = await rawServer((socket) => {
    socket.once("close", close);
    ask();
  });
  await using asker = new Asker();
  const { promise, resolve } = Promise.withResolvers<void>();
  const watch = asker.watch(metric(server, { timeoutSeconds: 2 }), resolve);
  await asked;
  asker.parts.clock.advance(2_000);
  await promise;
  expect(watch.read()).toMatchObject({
    reason: "Unreachable",
    message: `redis://redis.example:${server.port} did not answer within 2 s`,
  });
  await closed;
});

test("RedisSource: a server that closes every connection is tried again in its time, and not in a storm", async () => {
  let connections = 0;
  await using server = await rawServer((socket) => {
    connections++;
    socket.destroy();
  });
  await using asker = new Asker();
  const reading = await asker.read(metric(server));
  expect(reading).toMatchObject({ reason: "Unreachable" });
  const watch = asker.watch(metric(server));
  for (let at = 0; at < 100; at++) await new Promise((resolve) => void setImmediate(resolve));
  expect(connections).toBeLessThan(4);
  watch.close();
});

test("RedisSource: a server that resets connections as soon as they are there", async () => {
  await using server = await closingServer();
  for (const given of [{}, { tls: { insecureSkipVerify: true } }]) {
    await using asker = new Asker();
    expect(await asker.read(metric(server, given))).toMatchObject({ reason: "Unreachable" });
  }
});

test("RedisSource: nothing listens", async () => {
  await using asker = new Asker();
  const port = await (async () => {
    await using server = await rawServer(() => {});
    return server.port;
  })();
  expect(await asker.read(metric({ port }))).toMatchObject({
    reason: "Unreachable",
    message: expect.stringContaining("nothing listens there (ECONNREFUSED)"),
  });
});

test("RedisSource: only servers that are allowed", async () => {
  await using asker = new Asker(askingParts(["redis://10.0.0.5:6379"]));
  expect(await asker.read(metric({ port: 6379 }))).toMatchObject({
    reason: "Forbidden",
    message:
      "the scheduler may not ask redis://redis.example:6379; whoever runs it allows that with --allow-metrics-server redis://redis.example:6379",
  });
});

test.each(["redis", "redis:0", ":6379", "redis:99999", "*:6379", "a b:6379"])(
  "RedisSource: %j is no address",
  async (address) => {
    await using asker = new Asker();
    expect(await asker.read(metric({ port: 1 }, { address }))).toMatchObject({ reason: "Misdeclared" });
  },
);
