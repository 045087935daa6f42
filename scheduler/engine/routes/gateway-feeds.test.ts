import { beforeEach, expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { ChangeLog } from "../../core/routes/change-log.ts";
import type { GatewayUpdate, NodeSession } from "../../nodes/node-port.ts";
import { gatewayFeedLimits, GatewayFeeds } from "./gateway-feeds.ts";

const { sliceNodes, sliceBytes, restMsPerVisit } = gatewayFeedLimits;

let clock: FakeClock;
let log: ChangeLog;
let feeds: GatewayFeeds;
/** What each node was told, in order: "all" or the keys. */
let told: Map<string, string[]>;
let bytes: number;
let forgotten: number;
let isAgain: boolean;

beforeEach(() => {
  clock = new FakeClock(1_000_000);
  log = new ChangeLog();
  told = new Map();
  bytes = 1;
  forgotten = 0;
  isAgain = false;
  feeds = new GatewayFeeds({
    clock,
    log,
    session: (name) =>
      // Only what is asked of it here.
      ({
        updateGateway: (update: GatewayUpdate) => {
          told.get(name)?.push(update.complete ? "all" : update.removedRoutes.join());
          return bytes;
        },
      }) as unknown as NodeSession,
    updateFor: (_, since) => {
      const removedRoutes = since === undefined ? [] : [...log.since(since)];
      return { complete: since === undefined, removedRoutes } as unknown as GatewayUpdate;
    },
    told: (version) => (forgotten = version),
    again: () => (isAgain = true),
  });
});

function add(count: number): readonly string[] {
  const names = Array.from({ length: count }, (_, at) => `n${at}`);
  for (const name of names) {
    told.set(name, []);
    feeds.registered(name);
  }
  return names;
}

/** As many turns as are asked for, without time passing. */
function turns(): void {
  do {
    isAgain = false;
    feeds.run();
  } while (isAgain);
}

const timesTold = () => [...told.values()].filter(({ length }) => length > 0).length;

test("GatewayFeeds: a few gateways are told in the same turn, of all that has changed at once", () => {
  feeds.open();
  add(3);
  turns();
  for (const list of told.values()) expect(list.splice(0)).toEqual(["all"]);
  log.changed("a");
  log.changed("b");
  turns();
  log.changed("c");
  turns();
  for (const list of told.values()) expect(list).toEqual(["a,b", "c"]);
  expect(forgotten).toBe(log.version);
});

test("GatewayFeeds: thousands are told in slices, with rests", () => {
  feeds.open();
  add(5 * sliceNodes);
  turns();
  expect(timesTold()).toBe(sliceNodes);
  for (let slice = 2; slice <= 5; slice++) {
    clock.advance(sliceNodes * restMsPerVisit);
    turns();
    expect(timesTold()).toBe(slice * sliceNodes);
  }
  expect(forgotten).toBe(log.version);
});

test("GatewayFeeds: what changes in each turn is told to thousands no more often than a pass goes round", () => {
  feeds.open();
  const [first = ""] = add(2 * sliceNodes);
  turns();
  for (let ms = 0; ms < 1_000; ms++) {
    log.changed(`k${ms}`);
    turns();
    clock.advance(1);
  }
  const passMs = 2 * sliceNodes * restMsPerVisit;
  expect(told.get(first)?.length).toBeLessThanOrEqual(1_000 / passMs + 2);
  clock.advance(1_000);
  turns();
  clock.advance(1_000);
  turns();
  expect(told.get(first)?.at(-1)).toContain("k999");
});

test("GatewayFeeds: where requests wait it is told at once, before others and during rests", () => {
  feeds.open();
  const names = add(3 * sliceNodes);
  turns();
  const last = names.at(-1) ?? "";
  expect(told.get(last)).toEqual([]);
  feeds.hurry([last]);
  turns();
  expect(told.get(last)).toEqual(["all"]);
});

test("GatewayFeeds: large tables go to few at a time", () => {
  feeds.open();
  bytes = sliceBytes / 2;
  add(10);
  turns();
  expect(timesTold()).toBe(2);
  for (let rest = 0; rest < 10; rest++) {
    clock.advance(sliceBytes / gatewayFeedLimits.bytesPerMs + 1);
    turns();
  }
  expect(timesTold()).toBe(10);
});

test("GatewayFeeds: until it is open only what changes is told, and then everything once", () => {
  log.changed("old");
  const [name = ""] = add(1);
  turns();
  expect(told.get(name)).toEqual([]);
  log.changed("new");
  turns();
  expect(told.get(name)).toEqual(["new"]);
  feeds.open();
  turns();
  turns();
  expect(told.get(name)).toEqual(["new", "all"]);
});

test("GatewayFeeds: a session that begins anew is told everything anew", () => {
  feeds.open();
  const [name = ""] = add(1);
  turns();
  feeds.registered(name);
  turns();
  expect(told.get(name)).toEqual(["all", "all"]);
  feeds.gone(name);
  log.changed("a");
  turns();
  expect(told.get(name)).toEqual(["all", "all"]);
  expect(forgotten).toBe(log.version);
});
