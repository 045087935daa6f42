import { duplexPair, type Duplex } from "node:stream";
import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/log.ts";
import { seededRandom } from "../../kit/random.ts";
import type { CalleeExchange, RequestHead } from "./exchange.ts";
import { defaultLinkLimits } from "./limits.ts";
import { LinkCallee } from "./link-callee.ts";
import { LinkClient, type LinkClientLimits } from "./link-client.ts";
import { Heard, settled, someHead } from "./test-link.ts";

const limits: LinkClientLimits = {
  connectionsMax: 2,
  waitingMax: 3,
  idleMs: 1_000,
  backoff: { initialMs: 100, factor: 2, maxMs: 1_000 },
};

/** Of a callee that speaks version 1: 17 bytes of type 1, of stream 0; then magic, side, versions, window, exchanges. */
const helloBefore = Buffer.from("1100000100000000574c4e4b0201000100001000000a000000", "hex");

/** A callee that answers at once unless told otherwise, and what the client thinks of it. */
class World {
  readonly clock = new FakeClock();
  readonly callees: LinkCallee[] = [];
  readonly duplexes: Duplex[] = [];
  readonly held: CalleeExchange[] = [];
  dials = 0;
  reachable = true;
  /** Of its own program; otherwise of the version before. */
  isCurrent = true;
  /** What the one of the version before was told. */
  readonly told: Buffer[] = [];
  holds = false;
  readonly client: LinkClient;

  constructor(exchangesMax = 4, upgrades = true) {
    const link = {
      limits: { ...defaultLinkLimits, exchangesMax },
      clock: this.clock,
      log: silentLog,
      keepalive: false,
    };
    this.client = new LinkClient({
      limits,
      upgrades,
      random: seededRandom(1),
      link,
      dial: async () => {
        this.dials++;
        await settled();
        if (!this.reachable) throw new Error("no route");
        const [near, far] = duplexPair();
        this.duplexes.push(far);
        if (!this.isCurrent) {
          far.write(helloBefore);
          far.on("data", (bytes: Buffer) => this.told.push(bytes));
          return near;
        }
        this.callees.push(new LinkCallee(far, { request: (one) => this.#request(one), over() {} }, link));
        return near;
      },
    });
  }

  #request(exchange: CalleeExchange): void {
    this.held.push(exchange);
    if (!this.holds) this.release();
  }

  release(): void {
    for (const exchange of this.held.splice(0)) {
      exchange.listen({
        data: (bytes) => exchange.consumed(bytes.length),
        end: () => {
          exchange.respond({ status: 200, headers: [] });
          exchange.end({ trailers: [] });
        },
        cancelled() {},
        drain() {},
      });
    }
  }

  ask(body = "", more: Partial<RequestHead> = {}): Heard {
    const heard = new Heard();
    const exchange = this.client.open({ ...someHead, ...more }, heard);
    expect(heard.events).toEqual([]);
    if (body !== "") exchange.write(Buffer.from(body));
    exchange.end([]);
    return heard;
  }
}

const answered = ["head 200 ", 'end {"trailers":[]}'];

test("LinkClient: dials once for all who wait, then shares the connection", async () => {
  const world = new World();
  const heard = [world.ask("a body"), world.ask(), world.ask()];
  await settled();
  await settled();
  expect(heard.map(({ events }) => events)).toEqual([answered, answered, answered]);
  expect(world.ask().events).toEqual([]);
  await settled();
  expect(world.dials).toBe(1);
});

test("LinkClient: upgrades go where they are known, and are refused elsewhere without a word", async () => {
  const upgrade = { upgrade: "websocket" } as const;
  const current = new World();
  const first = current.ask("", upgrade);
  await settled();
  await settled();
  expect([first.events, current.ask("", upgrade).events]).toEqual([answered, []]);
  const before = new World();
  before.isCurrent = false;
  const waiting = before.ask("", upgrade);
  await settled();
  await settled();
  const later = before.ask("", upgrade);
  before.ask();
  await settled();
  expect([waiting.events, later.events]).toEqual([
    ["fault refused unsupported"],
    ["fault refused unsupported"],
  ]);
  expect(Buffer.concat(before.told).toString("latin1").split(someHead.authority).length).toBe(2);
  const shim = new World(4, false);
  const refused = shim.ask("", upgrade);
  await settled();
  expect([refused.events, shim.dials]).toEqual([["fault refused unsupported"], 0]);
});

test("LinkClient: opens another connection when one is full, and refuses when all are", async () => {
  const world = new World(2);
  world.holds = true;
  const heard: Heard[] = [];
  for (let round = 0; round < 5; round++) {
    heard.push(world.ask());
    await settled();
    await settled();
  }
  expect(world.dials).toBe(2);
  expect(heard[4]?.events).toEqual(["fault refused full"]);
  world.release();
  await settled();
  expect(heard.slice(0, 4).every(({ events }) => events.length === 2)).toBe(true);
});

test("LinkClient: refuses whoever would be one too many to wait", async () => {
  const world = new World();
  const heard = Array.from({ length: 4 }, () => world.ask());
  await Promise.resolve();
  expect(heard[3]?.events).toEqual(["fault refused full"]);
});

test("LinkClient: what cannot be reached is refused at once, and dialled again later and later", async () => {
  const world = new World();
  world.reachable = false;
  const first = world.ask();
  await settled();
  await settled();
  expect(first.events).toEqual(["fault refused broken"]);
  const second = world.ask();
  await Promise.resolve();
  expect(second.events).toEqual(["fault refused broken"]);
  expect(world.dials).toBe(1);
  for (const [waitMs, dials] of [
    [100, 2],
    [50, 2],
    [150, 3],
    [400, 4],
  ] as const) {
    world.clock.advance(waitMs);
    world.ask();
    await settled();
    await settled();
    expect(world.dials).toBe(dials);
  }
  world.reachable = true;
  world.clock.advance(1_000);
  const last = world.ask();
  await settled();
  await settled();
  expect(last.events).toEqual(answered);
});

test("LinkClient: a connection that breaks is replaced by the next exchange, at once", async () => {
  const world = new World();
  world.ask();
  await settled();
  await settled();
  world.holds = true;
  const lost = world.ask();
  await settled();
  world.duplexes[0]?.destroy();
  await settled();
  expect(lost.events).toEqual(["fault failed lost"]);
  world.holds = false;
  const next = world.ask();
  await settled();
  await settled();
  expect(next.events).toEqual(answered);
  expect(world.dials).toBe(2);
});

test("LinkClient: a callee that leaves gets nothing more, and finishes what it has", async () => {
  const world = new World();
  world.holds = true;
  const under = world.ask();
  await settled();
  await settled();
  world.callees[0]?.leave();
  await settled();
  const next = world.ask();
  await settled();
  await settled();
  world.release();
  await settled();
  expect([under.events, next.events]).toEqual([answered, answered]);
  expect(world.dials).toBe(2);
});

test("LinkClient: closes what is idle, and nothing that is not", async () => {
  const world = new World();
  world.ask();
  await settled();
  await settled();
  world.clock.advance(limits.idleMs);
  await settled();
  expect(world.duplexes[0]?.destroyed).toBe(false);
  world.holds = true;
  const slow = world.ask();
  await settled();
  for (let look = 0; look < 5; look++) world.clock.advance(limits.idleMs);
  world.release();
  await settled();
  expect(slow.events).toEqual(answered);
  world.clock.advance(2 * limits.idleMs);
  await settled();
  expect(world.duplexes[0]?.destroyed).toBe(true);
  expect(world.dials).toBe(1);
});

test("LinkClient: once closed, those under way finish, those that wait and come are refused", async () => {
  const world = new World();
  world.holds = true;
  const under = world.ask();
  await settled();
  await settled();
  world.client.close();
  const late = world.ask();
  world.release();
  await settled();
  expect(under.events).toEqual(answered);
  expect(late.events).toEqual(["fault refused broken"]);
  expect(world.duplexes[0]?.destroyed).toBe(true);

  const other = new World();
  const waits = other.ask();
  other.client.close();
  await settled();
  await settled();
  expect(waits.events).toEqual(["fault refused broken"]);
  expect(other.duplexes[0]?.destroyed).toBe(true);
});

test("LinkClient: whoever cancels while waiting hears nothing, and nobody is asked", async () => {
  const world = new World();
  const heard = new Heard();
  world.client.open(someHead, heard).cancel();
  await settled();
  await settled();
  expect(heard.events).toEqual([]);
  expect(world.held).toEqual([]);
  expect(world.callees[0]?.count).toBe(0);
});

test("LinkClient: a head that no link carries fails, on a connection and before there is one", async () => {
  const world = new World();
  const huge = { ...someHead, headers: ["x", "y".repeat(200_000)] };
  for (let round = 0; round < 2; round++) {
    const heard = new Heard();
    world.client.open(huge, heard);
    await settled();
    await settled();
    expect(heard.events).toEqual(["fault failed tooLarge"]);
  }
});
