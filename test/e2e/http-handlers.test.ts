/** The handlers of examples/http, each with its manifest, through a real gateway. */
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exampleGuests } from "../../tools/guests.ts";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";
import { exampleManifest } from "../support/examples.ts";
import { freePort } from "../support/free-port.ts";
import { packagesFolder } from "../support/packages.ts";
import { Visitor } from "../support/visitor.ts";

const built = mkdtempSync(join(tmpdir(), "wherry-handlers-"));
const mebibyte = 2 ** 20;
let cluster: TestCluster;
let visitor: Visitor;

beforeAll(async () => {
  const port = await freePort();
  visitor = new Visitor(port);
  const nodeArgs = ["--gateway-http", `127.0.0.1:${port}`];
  cluster = await TestCluster.start(["one"], { hostPaths: [built, packagesFolder], nodeArgs });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  rmSync(built, { recursive: true, force: true });
});

/** Builds the guest of a manifest that it has all to itself, applies it, and waits until the route answers. */
async function serve(name: string, host = `${name}.localhost`): Promise<void> {
  const guest = exampleGuests.find((one) => one.name === `http/${name}`);
  if (!guest) throw new Error(`tools/guests.ts has no http/${name}`);
  const binary = await guest.build();
  if (guest.kept === "checked in") {
    const same = Buffer.from(binary).equals(readFileSync(join(checkout, guest.target)));
    expect(same, `${guest.target} is not what its source makes; run \`npm run guests\``).toBe(true);
  }
  const image = join(built, `${name}.wasm`);
  writeFileSync(image, binary);
  await cluster.apply(
    exampleManifest(`http/${name}.yaml`, { [`file://${guest.target}`]: `file://${image}` }),
  );
  await answers(host);
}

async function answers(host: string): Promise<void> {
  await eventually(async () => {
    const { status, text } = await visitor.ask(host, "/");
    expect(status, text).toBe(200);
  }, 120_000);
}

test("WAGI in C: the query, a body, a redirect and a status of its own", async () => {
  await serve("tally");
  const hello = await visitor.ask("tally.localhost", "/?name=Ada");
  expect(hello.text).toBe("ahoy, Ada\n");
  expect(hello.headers["content-type"]).toBe("text/plain");
  const counted = await visitor.ask("tally.localhost", "/", { method: "POST", body: "one two\nthree\n" });
  expect(JSON.parse(counted.text)).toEqual({ lines: 2, words: 3, bytes: 14 });
  expect(await visitor.ask("tally.localhost", "/count")).toMatchObject({
    status: 303,
    headers: { location: "/" },
  });
  expect(await visitor.ask("tally.localhost", "/elsewhere")).toMatchObject({
    status: 404,
    text: "nothing here\n",
  });
});

test("CPython as WAGI: a script from a ConfigMap reads the query and the body", async () => {
  await cluster.apply(exampleManifest("http/python.yaml"));
  await answers("words.localhost");
  const hello = await visitor.ask("words.localhost", "/a?name=Ada+L");
  expect(JSON.parse(hello.text)).toEqual({ hello: "Ada L", path: "/a" });
  const counted = await visitor.ask("words.localhost", "/", { method: "POST", body: "one three two\n" });
  expect(JSON.parse(counted.text)).toEqual({ words: 3, longest: "three" });
});

test("wasi:http in C: answers from instances that are used again", async () => {
  await serve("hello", "hello-http.localhost");
  // Its two instances handle and keep waiting more than these.
  const crowd = Array.from({ length: 100 }, () => visitor.ask("hello-http.localhost", "/"));
  for (const { status, text } of await Promise.all(crowd)) {
    expect({ status, text }).toEqual({ status: 200, text: "ahoy from C\n" });
  }
});

test("wasi:http in C: a body of any length comes back as it was, with its trailers", async () => {
  await serve("echo");
  const told = await visitor.ask("echo.localhost", "/a/b?c=d", { headers: { "x-one": "two" } });
  expect(told.text).toMatch(/^\/a\/b\?c=d\n/);
  expect(told.text).toContain("x-one: two\n");
  const body = randomBytes(8 * mebibyte);
  const echoed = await visitor.ask("echo.localhost", "/", { method: "PUT", body });
  const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
  expect(digest(echoed.body)).toBe(digest(body));
  const summed = await visitor.ask("echo.localhost", "/", {
    method: "POST",
    body: "counted",
    trailers: { "x-sum": "7" },
  });
  expect(summed).toMatchObject({ text: "counted", trailers: { "x-sum": "7" } });
});

test("JavaScript that listens to fetch: URLs, JSON and a stream", async () => {
  await serve("greeter");
  for (const name of ["Ada", "Grace"]) {
    expect((await visitor.ask("greeter.localhost", `/?name=${name}`)).text).toBe(`ahoy, ${name}\n`);
  }
  const shouted = await visitor.ask("greeter.localhost", "/shout", { method: "POST", body: "not so loud" });
  expect(shouted.text).toBe("NOT SO LOUD");
  const missing = await visitor.ask("greeter.localhost", "/x");
  expect(missing).toMatchObject({ status: 404, headers: { "content-type": "application/json" } });
});

test("JavaScript in terms of wasi:http: an instance answers ten requests, then comes another", async () => {
  await serve("counter");
  const counts: number[] = [];
  for (let i = 0; i < 25; i++) {
    const { text } = await visitor.ask("counter.localhost", "/some/path");
    const [, count = "", path] = /^request (\d+) of this instance: (.*)\n$/.exec(text) ?? [];
    expect(path).toBe("/some/path");
    counts.push(Number(count));
  }
  for (const [i, count] of counts.entries()) if (i > 0) expect(count).toBe(((counts[i - 1] ?? 0) % 10) + 1);
});

test("a server that nobody here wrote mirrors requests in every form that it has", async () => {
  await serve("mirror");
  const host = "mirror.localhost";
  const sent = { method: "POST", headers: { "content-type": "application/json" }, body: '{"a":[1,2]}' };
  const mirrored = await visitor.ask(host, "/some/path?a=1", sent);
  expect(JSON.parse(mirrored.text)).toMatchObject({
    method: "POST",
    path: "/some/path",
    query: { a: "1" },
    body: { a: [1, 2] },
  });
  expect(await visitor.ask(host, "/418")).toMatchObject({ status: 418 });
  expect(await visitor.ask(host, "/204")).toMatchObject({ status: 204, text: "" });
  expect((await visitor.ask(host, "/request.xml")).text).toContain("<path>/request.xml</path>");
  expect((await visitor.ask(host, "/request.html")).headers["content-type"]).toContain("text/html");
  expect((await visitor.ask(host, "/request.zip")).body.subarray(0, 2).toString()).toBe("PK");
  // This one never ends by itself.
  expect(await visitor.glance(host, "/stream")).toBe("data: ping\n");
});
