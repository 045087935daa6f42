import { EventEmitter } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { ApiObject } from "../../../api/object-meta.ts";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { silentLog } from "../../../kit/log.ts";
import { configMapDefinition } from "../kinds/config-map.ts";
import { Kind } from "../registry.ts";
import type { ObjectSource, SourceEvent } from "../storage/object-source.ts";
import type { Exchange } from "./exchange.ts";
import { WatchHub } from "./watch-hub.ts";
import { queueLimits, WatchStream } from "./watch-stream.ts";

/** A response that takes a number of writes, and then none until it is told to. */
class FakeResponse extends EventEmitter {
  statusCode = 0;
  destroyed = false;
  ended = false;
  text = "";
  takes: number;

  constructor(takes: number) {
    super();
    this.takes = takes;
  }

  setHeader(): void {}
  flushHeaders(): void {}

  write(text: string): boolean {
    this.text += text;
    return --this.takes > 0;
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }

  takeMore(writes: number): void {
    this.takes = writes;
    this.emit("drain");
  }

  get events(): readonly {
    readonly type: string;
    readonly object: ApiObject & { readonly code?: number };
  }[] {
    return this.text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  }
}

class FakeSource {
  revision = 1;
  readonly listeners = new Set<(event: SourceEvent) => void>();

  subscribe(listener: (event: SourceEvent) => void): Disposable {
    this.listeners.add(listener);
    return { [Symbol.dispose]: () => void this.listeners.delete(listener) };
  }

  change(count: number, bytes = 100): void {
    for (let i = 0; i < count; i++) {
      const object = configMap(`o-${++this.revision}`, this.revision);
      const event = { kind: "put", object, previous: undefined, revision: this.revision, bytes } as const;
      for (const listener of this.listeners) listener(event);
    }
  }
}

function configMap(name: string, revision: number): ApiObject {
  const metadata = { name, namespace: "default", uid: name, resourceVersion: String(revision) };
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { ...metadata, creationTimestamp: "" } };
}

const kind = new Kind(configMapDefinition);
const selection = { matches: undefined, namespace: undefined, name: undefined };

function setUp() {
  const clock = new FakeClock();
  const hub = new WatchHub(clock);
  const source = new FakeSource();
  const watch = (takes: number, user = "u") => {
    const response = new FakeResponse(takes);
    // As much of an exchange and a source as a watch looks at.
    const exchange = { response, path: "/x", user: { name: user } } as unknown as Exchange;
    const stream = new WatchStream(
      {
        exchange,
        kind,
        source: source as unknown as ObjectSource,
        selection,
        as: { kind: "object", yaml: false },
        now: () => clock.now(),
        encoder: hub.encoder,
        room: hub.room,
        log: silentLog,
        ready: hub.ready,
      },
      source.revision,
    );
    response.once("close", hub.add(stream, { user, agent: "" }, false, 3_600_000));
    return { response, stream };
  };
  return { clock, hub, source, watch };
}

test.each([
  { name: "more events than it may be behind", count: queueLimits.eventsMax + 1, bytes: 100 },
  { name: "fewer, of objects that are too large together", count: 40, bytes: queueLimits.bytesMax / 32 },
])("WatchStream: a client that does not take $name is told so and dropped", async ({ count, bytes }) => {
  const { hub, source, watch } = setUp();
  const { response, stream } = watch(1);
  stream.follow([]);
  source.change(1);
  await nextTurn();
  source.change(count, bytes);
  expect([stream.queued, source.listeners.size]).toEqual([1, 0]);
  await nextTurn();
  expect(response.ended).toBe(false);
  response.takeMore(100);
  await nextTurn();
  expect(response.ended).toBe(true);
  expect(response.events.map(({ type }) => type)).toEqual(["ADDED", "ERROR"]);
  expect(response.events.at(-1)?.object).toMatchObject({ kind: "Status", code: 410, reason: "Expired" });
  expect([stream.queued, hub.room.eventsLeft]).toEqual([0, new WatchHub(new FakeClock()).room.eventsLeft]);
});

test("WatchStream: a client that keeps up is not dropped, however much comes", async () => {
  const { source, watch } = setUp();
  const { response, stream } = watch(Infinity);
  stream.follow([]);
  for (let i = 0; i < 15; i++) {
    source.change(1_000, queueLimits.bytesMax / 2_000);
    await nextTurn();
    while (stream.queued > 0) await nextTurn();
  }
  expect(response.events).toHaveLength(15_000);
  expect(source.listeners.size).toBe(1);
});

test("WatchStream: when all together are too far behind, those go that are more than a little", async () => {
  const { hub, source, watch } = setUp();
  const slow = watch(1);
  const quick = watch(Infinity);
  for (const { stream } of [slow, quick]) stream.follow([]);
  source.change(1);
  await nextTurn();
  hub.room.eventsLeft = 900;
  source.change(900);
  expect(source.listeners.size).toBe(2);
  await nextTurn();
  while (quick.stream.queued > 0) await nextTurn();
  source.change(200);
  expect([source.listeners.size, slow.stream.queued]).toEqual([1, 1]);
});

test("WatchStream: a client that takes nothing of what there is goes after a while; one that takes little stays", async () => {
  const { clock, hub, source, watch } = setUp();
  const stuck = watch(1);
  const slow = watch(1);
  for (const { stream } of [stuck, slow]) stream.follow([]);
  source.change(2);
  await nextTurn();
  for (let minute = 0; minute < 3; minute++) {
    clock.advance(60_000);
    source.change(1);
    slow.response.takeMore(1);
    await nextTurn();
  }
  expect([stuck.response.destroyed, slow.response.destroyed]).toEqual([true, false]);
  expect([hub.size, stuck.stream.queued]).toEqual([1, 0]);
});

test("WatchStream: of the initial state nothing is left when it is sent, or its client gone", async () => {
  const { source, watch } = setUp();
  const objects = Array.from({ length: 5_000 }, (_, i) => configMap(`o-${i}`, 1));
  const quick = watch(Infinity);
  const gone = watch(1);
  for (const { stream } of [quick, gone]) {
    stream.sendInitial(objects, true);
    stream.follow([]);
  }
  source.change(1);
  await nextTurn();
  while (quick.stream.queued > 0) await nextTurn();
  expect(quick.response.events.map(({ type }) => type)).toEqual([
    ...Array<string>(5_000).fill("ADDED"),
    "BOOKMARK",
    "ADDED",
  ]);
  expect(quick.stream.initialLeft).toBe(0);
  expect(gone.stream.initialLeft).toBeGreaterThan(0);
  gone.response.destroy();
  expect([gone.stream.initialLeft, gone.stream.queued]).toEqual([0, 0]);
});

test("WatchHub: one user, and one program, leave watches for others", () => {
  const { hub, watch } = setUp();
  const refusal = expect.objectContaining({ code: "TooManyRequests", httpCode: 429 }) as Error;
  for (let i = 0; i < 2_000; i++) watch(Infinity, "noisy");
  expect(() => hub.admit({ user: "noisy", agent: "" })).toThrow(refusal);
  hub.admit({ user: "noisy", agent: "other" });
  hub.admit({ user: "quiet", agent: "" });
});

test("WatchHub: clients that do not take their initial states get no more of them", () => {
  const { hub, watch } = setUp();
  const objects = Array.from({ length: 50_000 }, (_, i) => configMap(`o-${i}`, 1));
  for (let i = 0; i < 60; i++) watch(1, "noisy").stream.sendInitial(objects, false);
  expect(() => hub.admit({ user: "noisy", agent: "other" })).toThrow("watches are open already");
  hub.admit({ user: "quiet", agent: "" });
});
