import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { Agent, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Clock, systemClock } from "../../kit/clock.ts";
import { silentLog } from "../../kit/log.ts";
import { systemRandom } from "../../kit/random.ts";
import type { BoundAddress, ListenAddress, ToGateway } from "../gateway/control.ts";
import { installOwnProgram } from "../own-program.ts";
import type { GatewayMessage } from "./gateway-handle.ts";
import { GatewayKeeper } from "./gateway-keeper.ts";
import { servingLimits } from "./limits.ts";

const anyPort: ListenAddress = { kind: "http", host: "127.0.0.1", port: 0, portMax: 0, preferredPort: 0 };

let root: string;
let command: readonly string[];
const keepers: TestKeeper[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "wherry-keeper-"));
  const program = installOwnProgram(["node-daemon/gateway/process/test-main"], join(root, "programs"));
  command = [process.execPath, "--disable-warning=ExperimentalWarning", program.mainFile];
});
afterEach(async () => {
  const last = keepers.at(-1);
  for (const keeper of keepers.splice(0)) if (keeper !== last) keeper.keeper.close();
  await last?.keeper.end(0);
  rmSync(root, { recursive: true, force: true });
});

interface Given {
  readonly buildId?: string;
  readonly workers?: number;
  readonly listen?: readonly ListenAddress[];
  readonly facts?: readonly string[];
  readonly clock?: Clock;
}

/** Asks more often whether a gateway is there. */
const impatient: Clock = {
  ...systemClock,
  setTimer: (delayMs, fire) => systemClock.setTimer(delayMs === servingLimits.pingMs ? 1_000 : delayMs, fire),
};

/** A daemon's keeper, and what it has heard. */
class TestKeeper {
  readonly keeper: GatewayKeeper;
  readonly messages: GatewayMessage[] = [];
  facts: readonly string[];
  addresses: readonly BoundAddress[] = [];
  trouble = "";
  #changed = Promise.withResolvers<void>();

  constructor({
    buildId = "one",
    workers = 1,
    listen = [anyPort],
    facts = [],
    clock = systemClock,
  }: Given = {}) {
    this.facts = facts;
    const changed = () => {
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    };
    this.keeper = new GatewayKeeper({
      processesRoot: join(root, "processes"),
      command,
      config: {
        buildId,
        nodeName: "n1",
        listen,
        debugHeaders: false,
        trustForwarded: false,
        connectionsPerClientMax: 0,
        accessLog: undefined,
        orphanMs: 20_000,
      },
      workers,
      lastAddresses: [],
      events: {
        teach: () => this.#snapshot(),
        message: (_from, message) => {
          this.messages.push(message);
          changed();
        },
        died: changed,
        addresses: (addresses, trouble) => {
          this.addresses = addresses;
          this.trouble = trouble;
          changed();
        },
      },
      clock,
      random: systemRandom,
      log: silentLog,
    });
    keepers.push(this);
  }

  *#snapshot(): Iterable<ToGateway> {
    yield { kind: "snapshotBegin" };
    for (const uid of this.facts) yield route(uid);
    yield { kind: "snapshotEnd" };
  }

  /** Asks again with each thing that is heard. */
  async until(check: () => boolean): Promise<void> {
    while (!check()) await this.#changed.promise;
  }

  async listening(): Promise<string> {
    await this.until(() => this.addresses.length > 0);
    return `http://127.0.0.1:${this.addresses[0]?.port}`;
  }

  get pids(): readonly number[] {
    return Array.from(this.keeper.gateways, ({ pid }) => pid ?? 0);
  }
}

function route(uid: string): ToGateway {
  return {
    kind: "route",
    route: { uid, namespace: "default", name: `route ${uid}`, createdMs: 0, hostnames: ["*"], rules: [] },
  };
}

interface Answer {
  readonly body: string;
  readonly build: string;
  readonly gateway: string;
  readonly closes: boolean;
}

function ask(url: string, agent?: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get(url, agent ? { agent } : {}, (response) => {
      const { build, gateway, connection } = response.headers;
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.once("end", () =>
        resolve({ body, build: String(build), gateway: String(gateway), closes: connection === "close" }),
      );
      response.once("error", reject);
    }).once("error", reject);
  });
}

/** Looks again after each answer; what a killed process had accepted has none. */
async function answering(url: string, check: () => boolean): Promise<void> {
  while (!check()) await ask(url).catch(() => {});
}

test("GatewayKeeper: starts a gateway that answers from what it was told", async () => {
  const one = new TestKeeper({ facts: ["a"] });
  await one.keeper.start();
  const url = await one.listening();
  expect((await ask(`${url}/route/a`)).body).toBe("route a");
  one.keeper.tell(route("b"));
  one.keeper.tell({ kind: "routeGone", uid: "a" });
  // An answer of the gateway says that it has read everything before it.
  one.keeper.tell({ kind: "drain", uid: "x" });
  await one.until(() => one.messages.some(({ kind }) => kind === "drained"));
  await one.until(() => one.messages.some(({ kind }) => kind === "process"));
  expect((await ask(`${url}/route/b`)).body).toBe("route b");
  expect((await ask(`${url}/route/a`)).body).toBe("unknown");
});

test("GatewayKeeper: the next daemon finds the gateway, which has forgotten nothing, and tells it what is new", async () => {
  const one = new TestKeeper({ facts: ["a", "b"] });
  await one.keeper.start();
  const url = await one.listening();
  const before = await ask(url);
  const isFound = (keeper: GatewayKeeper) => Array.from(keeper.gateways, (gateway) => gateway.isFound);
  expect(isFound(one.keeper)).toEqual([false]);
  one.keeper.close();
  expect((await ask(`${url}/route/a`)).body).toBe("route a");
  const two = new TestKeeper({ facts: ["b", "c"] });
  await two.keeper.start();
  expect(await two.listening()).toBe(url);
  expect(isFound(two.keeper)).toEqual([true]);
  expect(await ask(url)).toEqual(before);
  const bodies = await Promise.all(
    ["a", "b", "c"].map(async (uid) => (await ask(`${url}/route/${uid}`)).body),
  );
  expect(bodies).toEqual(["unknown", "route b", "route c"]);
});

test("GatewayKeeper: a gateway that is killed is there again, at the same port", async () => {
  const one = new TestKeeper({ facts: ["a"] });
  await one.keeper.start();
  const url = await one.listening();
  const pid = Number((await ask(url)).body);
  process.kill(pid, "SIGKILL");
  await one.until(() => one.addresses.length === 0);
  expect(await one.listening()).toBe(url);
  expect(Number((await ask(url)).body)).not.toBe(pid);
  expect((await ask(`${url}/route/a`)).body).toBe("route a");
  expect(readdirSync(join(root, "processes")).length).toBe(1);
});

test("GatewayKeeper: a gateway that hangs is replaced", async () => {
  const one = new TestKeeper({ facts: ["a"], clock: impatient });
  await one.keeper.start();
  const url = await one.listening();
  const pid = Number((await ask(url)).body);
  process.kill(pid, "SIGSTOP");
  await one.until(() => one.addresses.length === 0);
  expect(await one.listening()).toBe(url);
  expect((await ask(`${url}/route/a`)).body).toBe("route a");
  expect(one.pids).not.toContain(pid);
});

test("GatewayKeeper: another build takes over, and nobody is turned away", async () => {
  const one = new TestKeeper({ buildId: "one" });
  await one.keeper.start();
  const url = await one.listening();
  const old = Number((await ask(url)).body);
  one.keeper.close();
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const slow = ask(`${url}/?ms=1500`);
  const builds = new Set<string>();
  const enough = new AbortController();
  const asked = Array.from({ length: 4 }, async () => {
    while (!enough.signal.aborted) builds.add((await ask(url, agent)).build);
  });
  // New connections as well.
  const fresh = (async () => {
    while (!enough.signal.aborted) builds.add((await ask(url)).build);
  })();
  const two = new TestKeeper({ buildId: "two" });
  await two.keeper.start();
  await two.until(() => !two.pids.includes(old));
  expect((await slow).build).toBe("one");
  expect((await ask(url)).build).toBe("two");
  enough.abort();
  await Promise.all([...asked, fresh]);
  agent.destroy();
  expect([...builds].sort()).toEqual(["one", "two"]);
});

test("GatewayKeeper: workers accept at the same port, and one that is killed is replaced by the others", async () => {
  const one = new TestKeeper({ workers: 2, facts: ["a"] });
  await one.keeper.start();
  const url = await one.listening();
  const all = () => [...one.keeper.gateways].filter(({ addresses }) => addresses.length > 0);
  await answering(url, () => all().length === 2);
  expect(new Set(all().map(({ addresses }) => addresses[0]?.port)).size).toBe(1);
  const killed = all()[0]?.pid ?? 0;
  process.kill(killed, "SIGKILL");
  await answering(url, () => all().length === 2 && !one.pids.includes(killed));
  expect((await ask(`${url}/route/a`)).body).toBe("route a");
});

test("GatewayKeeper: a daemon that wants none ends what it finds", async () => {
  const one = new TestKeeper();
  await one.keeper.start();
  await one.listening();
  one.keeper.close();
  const two = new TestKeeper({ buildId: "none", listen: [] });
  await two.keeper.start();
  await two.until(() => two.pids.length === 0);
  expect(two.addresses).toEqual([]);
});

test("GatewayKeeper: a port that is taken is said, and had once it is free", async () => {
  const one = new TestKeeper();
  await one.keeper.start();
  const port = Number(new URL(await one.listening()).port);
  const fixed = { ...anyPort, port, portMax: port };
  const own = root;
  root = join(own, "other");
  const two = new TestKeeper({ listen: [fixed] });
  root = own;
  await two.keeper.start();
  await two.until(() => two.trouble !== "");
  expect(two.trouble).toMatch(new RegExp(`^listen for http on 127.0.0.1:${port}: .*EADDRINUSE`));
  await one.keeper.end(0);
  await two.listening();
  expect(two.addresses[0]?.port).toBe(port);
});

test("GatewayKeeper: of a range the first port that is free", async () => {
  const one = new TestKeeper();
  await one.keeper.start();
  const port = Number(new URL(await one.listening()).port);
  const own = root;
  root = join(own, "other");
  const two = new TestKeeper({ listen: [{ ...anyPort, port, portMax: Math.min(65_535, port + 50) }] });
  root = own;
  await two.keeper.start();
  await two.listening();
  expect(two.addresses[0]?.port).toBeGreaterThan(port);
  await one.keeper.end(0);
});
