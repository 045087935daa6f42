import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../kit/clock.ts";
import { silentLog } from "../../kit/log.ts";
import { systemRandom } from "../../kit/random.ts";
import type { CalleeExchange } from "./exchange.ts";
import { dialShim, listenRequests, requestSocketName } from "./shim-requests.ts";
import { Heard, someHead } from "./test-link.ts";

const parts = { clock: systemClock, log: silentLog, random: systemRandom };
let folder: string;
let opened: AsyncDisposable[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-requests-"));
  opened = [];
});
afterEach(async () => {
  for (const one of opened) await one[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function listen(where: string, name: string): Promise<void> {
  const answer = (exchange: CalleeExchange) => {
    exchange.respond({ status: 200, headers: ["name", name] });
    exchange.end({ trailers: [] });
  };
  opened.push(await listenRequests(where, answer, parts));
}

/** What the shim of this folder says. */
async function ask(): Promise<string> {
  const client = dialShim(folder, parts);
  const heard = new Heard();
  try {
    return await new Promise((resolve) => {
      const tell = () => resolve(heard.events[0] ?? "");
      const exchange = client.open(someHead, {
        head: (head) => heard.head(head),
        data() {},
        end: tell,
        fault: (fault) => {
          heard.fault(fault);
          tell();
        },
        drain() {},
      });
      exchange.end([]);
    });
  } finally {
    client.close();
  }
}

test("dialShim: reaches the shim of the folder, whose socket is its own user's only", async () => {
  await listen(folder, "it");
  expect(await ask()).toBe("head 200 name,it");
  expect(statSync(join(folder, requestSocketName)).mode & 0o777).toBe(0o600);
});

test("dialShim: a confined shim's socket is in its inner folder, and comes first", async () => {
  mkdirSync(join(folder, "inner"));
  await listen(join(folder, "inner"), "inner");
  expect(await ask()).toBe("head 200 name,inner");
  await listen(folder, "outer");
  expect(await ask()).toBe("head 200 name,inner");
});

test("listenRequests: takes the place of a socket that a process before has left", async () => {
  writeFileSync(join(folder, requestSocketName), "");
  await listen(folder, "it");
  expect(await ask()).toBe("head 200 name,it");
});

test.each<[string, () => Promise<void>]>([
  ["nothing", async () => {}],
  ["a file", async () => writeFileSync(join(folder, requestSocketName), "x")],
  [
    "a link to the socket of another shim",
    async () => {
      const other = join(folder, "other");
      mkdirSync(other);
      await listen(other, "other");
      symlinkSync(join(other, requestSocketName), join(folder, requestSocketName));
    },
  ],
])("dialShim: %s in place of the socket is a refusal", async (_name, make) => {
  await make();
  expect(await ask()).toBe("fault refused broken");
});

test("dialShim: who accepts and says something else is a refusal", async () => {
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.resume();
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  await new Promise<void>((resolve) => server.listen(join(folder, requestSocketName), resolve));
  expect(await ask()).toBe("fault refused broken");
  await new Promise((resolve) => server.close(resolve));
});

test("kill -9 of the shim: what it has answered is answered, what it had is lost, and the next one is reached", async () => {
  const client = dialShim(folder, parts);
  const ways = ["/answer", "/begin", "/keep"] as const;
  for (let round = 0; round < 2; round++) {
    const child = fork(join(import.meta.dirname, "test-callee.ts"), [folder]);
    const seen: string[] = [];
    child.on("message", ({ path }: { readonly path: string }) => seen.push(path));
    while (seen.length < 1) await new Promise(setImmediate);
    const asked = ways.map((path) => {
      const heard = new Heard();
      client.open({ ...someHead, path }, heard).end([]);
      return heard;
    });
    while (seen.length < 1 + ways.length) await new Promise(setImmediate);
    while (asked[0]?.events.length !== 2) await new Promise(setImmediate);
    child.kill("SIGKILL");
    await once(child, "exit");
    while (asked[2]?.events.length !== 1) await new Promise(setImmediate);
    expect(asked.map(({ events }) => events)).toEqual([
      ["head 200 ", 'end {"trailers":[]}'],
      ["head 200 ", "fault failed lost"],
      ["fault failed lost"],
    ]);
    // Nobody is there now: whoever asks can go elsewhere.
    const late = new Heard();
    client.open(someHead, late);
    while (late.events.length === 0) await new Promise(setImmediate);
    expect(late.events).toEqual(["fault refused broken"]);
  }
  client.close();
});
