/** Handlers that do everything wrong, through a real gateway: what their clients see, and that nobody else is harmed. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { httpWorkload } from "../support/http-workload.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { freePort } from "../support/free-port.ts";
import { guestFolder, guestImage } from "../support/guests.ts";
import { Visitor } from "../support/visitor.ts";

const handlers = [
  { name: "liar", handler: "wagi" },
  { name: "wrecker", handler: "wasi-http" },
] as const;

let cluster: TestCluster;
let visitor: Visitor;

beforeAll(async () => {
  const port = await freePort();
  visitor = new Visitor(port);
  const nodeArgs = ["--gateway-http", `127.0.0.1:${port}`];
  cluster = await TestCluster.start(["one"], { hostPaths: [guestFolder()], nodeArgs });
  for (const { name, handler } of handlers) {
    const http = { handler, requestTimeoutSeconds: 2, idleTimeoutSeconds: 2, concurrency: 2 };
    const workload = { name, image: await guestImage(name), http, memory: "64Mi" };
    await cluster.apply(httpWorkload({ ...workload, host: `${name}.localhost` }));
  }
  for (const { name } of handlers) await eventually(() => isFine(name));
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

afterEach(async () => {
  for (const { name } of handlers) await isFine(name);
});

async function isFine(name: string): Promise<void> {
  const { status, text } = await visitor.ask(`${name}.localhost`, "/");
  expect({ status, text: text.trim() }).toEqual({ status: 200, text: "fine" });
}

const failed = { status: 502, headers: { "wherry-reason": "HandlerTrapped" } };
const invalid = { status: 502, headers: { "wherry-reason": "InvalidAnswer" } };
const late = { status: 504, headers: { "wherry-reason": "DeadlineExceeded" } };

describe("WAGI", () => {
  test.each([
    { path: "nothing", what: "prints nothing", answer: invalid },
    { path: "no-head", what: "prints a body only", answer: invalid },
    { path: "no-end", what: "prints no empty line", answer: invalid },
    { path: "endless-head", what: "prints headers for ever", answer: invalid },
    { path: "split", what: "has a carriage return in a header", answer: invalid },
    { path: "nul", what: "has a NUL in a header", answer: invalid },
    { path: "name", what: "has a header whose name is none", answer: invalid },
    { path: "status", what: "says a status that there is not", answer: invalid },
    { path: "early", what: "says 101", answer: invalid },
    { path: "two-lengths", what: "says two lengths", answer: invalid },
    { path: "exit", what: "exits with an error", answer: failed },
    { path: "trap", what: "traps", answer: failed },
    { path: "spin", what: "loops for ever", answer: late },
    {
      path: "hop",
      what: "says how its body is transferred, which is not its business",
      answer: { status: 200, text: "5\r\nhello", headers: { "content-length": "8" } },
    },
  ])("$path: it $what", async ({ path, answer }) => {
    expect(await visitor.ask("liar.localhost", `/${path}`)).toMatchObject(answer);
  });

  test.each([
    { path: "half", what: "traps in the middle of its answer" },
    { path: "less", what: "prints less than it promised" },
    { path: "stalls", what: "says nothing any more" },
  ])("$path: it $what, and the client sees that", async ({ path }) => {
    await expect(visitor.ask("liar.localhost", `/${path}`)).rejects.toThrow(/hang up|aborted/);
  });

  test("events: a stream of events lasts longer than the time in which an answer has to begin", async () => {
    const { status, text } = await visitor.ask("liar.localhost", "/events");
    expect([status, text.match(/data: \d+\n\n/g)?.length]).toEqual([200, 12]);
  });

  test("more: what it prints beyond the length that it said goes nowhere", async () => {
    const outcome = await visitor.ask("liar.localhost", "/more").then(
      ({ text }) => text,
      () => "cut off",
    );
    expect(["more", "cut off"]).toContain(outcome);
  });

  test("endless: it prints for ever, until its client leaves", async () => {
    for (let i = 0; i < 4; i++)
      expect(await visitor.glance("liar.localhost", "/endless")).toContain("and more");
  });
});

describe("wasi-http", () => {
  test.each([
    { path: "trap", what: "traps", answer: failed },
    { path: "large", what: "has a header of 4 MiB", answer: failed },
    { path: "silent", what: "returns without an answer", answer: invalid },
    { path: "spin", what: "loops for ever", answer: late },
    { path: "error", what: "answers with an error code", answer: { status: 502 } },
    { path: "split", what: "tries to split the answer", answer: { status: 200, text: "refused" } },
    { path: "name", what: "tries a name that is none", answer: { status: 200, text: "refused" } },
    { path: "hop", what: "tries to say how it is transferred", answer: { status: 200, text: "refused" } },
    { path: "grow", what: "takes memory until there is none", answer: { status: 200, text: "full" } },
  ])("$path: it $what", async ({ path, answer }) => {
    expect(await visitor.ask("wrecker.localhost", `/${path}`)).toMatchObject(answer);
  });

  test.each([
    { path: "half", what: "traps in the middle of its answer" },
    { path: "half-spin", what: "loops for ever in the middle of its answer" },
    { path: "promise", what: "writes less than it promised" },
  ])("$path: it $what, and the client sees that", async ({ path }) => {
    await expect(visitor.ask("wrecker.localhost", `/${path}`)).rejects.toThrow(/hang up|aborted/);
  });

  test("twice: a second answer to one request goes nowhere", async () => {
    const outcome = await visitor.ask("wrecker.localhost", "/twice").then(
      ({ text }) => text,
      () => "cut off",
    );
    expect(["once", "cut off"]).toContain(outcome);
  });
});

test("all of that was one request's failure: the instances have not been restarted, and their logs say what happened", async () => {
  const ours = (await cluster.instances()).map(({ status }) => [status.display, status.restarts]);
  expect(ours).toEqual([
    ["Running", 0],
    ["Running", 0],
  ]);
  const { stdout } = await cluster.wherry("logs", "wasmdeployment/wrecker");
  expect(stdout).toContain("GET /trap: trapped: trap: unreachable");
});
