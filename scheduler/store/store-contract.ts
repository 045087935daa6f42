import { describe, expect, test } from "vitest";
import type { Store, StoreBatch, StoreEvent, StoreWrite } from "./store.ts";

export interface StoreFixture {
  readonly store: Store;
  /** Closes the store and opens the same data again. */
  reopen(): Promise<Store>;
  dispose(): Promise<void>;
}

/** What every Store must do, whatever is beneath it. `eventsMax`: how much history the opened store keeps. */
export function storeContract(
  name: string,
  open: (options: { readonly eventsMax: number }) => Promise<StoreFixture>,
): void {
  const withStore: WithStore = async (body, eventsMax = 1_000) => {
    const fixture = await open({ eventsMax });
    try {
      await body(fixture);
    } finally {
      await fixture.dispose();
    }
  };

  describe(`Store contract on ${name}`, () => {
    commitContract(withStore);
    atomicityContract(withStore);
    watchContract(withStore);
    lifeContract(withStore);
  });
}

type WithStore = (body: (fixture: StoreFixture) => Promise<void>, eventsMax?: number) => Promise<void>;

function commitContract(withStore: WithStore): void {
  test("commit: what it wrote is read back with its revision", () =>
    withStore(async ({ store }) => {
      const revision = await committed(store, put("/a/1", "one"));
      expect(await store.get("/a/1")).toEqual({ key: "/a/1", value: "one", revision });
      expect(await store.get("/a/2")).toBeUndefined();
    }));

  test("commit: revisions grow by every commit", () =>
    withStore(async ({ store }) => {
      const first = await committed(store, put("/a", "1"));
      const second = await committed(store, put("/a", "2"));
      expect(second).toBeGreaterThan(first);
    }));

  test.each([
    { title: "create of what exists", expected: 0, outcome: "conflict" },
    { title: "stale revision", expected: "stale", outcome: "conflict" },
    { title: "current revision", expected: "current", outcome: "committed" },
    { title: "no expectation", expected: undefined, outcome: "committed" },
  ])("commit: $title gives $outcome", ({ expected, outcome }) =>
    withStore(async ({ store }) => {
      const stale = await committed(store, put("/a", "1"));
      const current = await committed(store, put("/a", "2"));
      const expectedRevision = expected === "stale" ? stale : expected === "current" ? current : expected;
      const result = await store.commit([
        { kind: "put", key: "/a", value: "3", expectedRevision: expectedRevision as number | undefined },
      ]);
      expect(result.kind).toBe(outcome);
      expect((await store.get("/a"))?.value).toBe(outcome === "committed" ? "3" : "2");
    }),
  );
}

function atomicityContract(withStore: WithStore): void {
  test("commit: a failed check writes nothing of the commit", () =>
    withStore(async ({ store }) => {
      const revision = await committed(store, put("/a", "1"));
      const outcome = await store.commit([
        put("/b", "1"),
        { kind: "check", key: "/a", expectedRevision: revision - 1 },
      ]);
      expect(outcome).toEqual({ kind: "conflict", key: "/a", currentRevision: revision });
      expect(await store.get("/b")).toBeUndefined();
    }));

  test("commit: of many writers with the same expectation one wins", () =>
    withStore(async ({ store }) => {
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, at) =>
          store.commit([{ kind: "put", key: "/race", value: String(at), expectedRevision: 0 }]),
        ),
      );
      expect(outcomes.filter((outcome) => outcome.kind === "committed")).toHaveLength(1);
    }));

  test("commit: an aborted signal refuses it", () =>
    withStore(async ({ store }) => {
      await expect(store.commit([put("/a", "1")], AbortSignal.abort())).rejects.toThrow();
      expect(await store.get("/a")).toBeUndefined();
    }));
}

function watchContract(withStore: WithStore): void {
  test("list: only the prefix, in order of keys, at one revision", () =>
    withStore(async ({ store }) => {
      await committed(store, put("/a/b", "2"), put("/a/a", "1"), put("/ab", "x"), put("/a/é", "3"));
      const revision = await committed(store, put("/z", "x"));
      const listed = await store.list("/a/");
      expect(listed.entries.map((entry) => entry.value)).toEqual(["1", "2", "3"]);
      expect(listed.revision).toBe(revision);
    }));

  test("watch: delivers the past after a revision, then the future, once and in order", () =>
    withStore(async ({ store }) => {
      const first = await committed(store, put("/w/1", "1"));
      await committed(store, put("/w/2", "2"), put("/other", "x"));
      const seen: StoreEvent[] = [];
      const stop = new AbortController();
      const joining = store.watch("/w/", first, (batch) => seen.push(...batch.events), stop.signal);
      await committed(store, put("/w/3", "3"));
      await joining;
      await committed(store, { kind: "delete", key: "/w/1", expectedRevision: undefined });
      stop.abort();
      await committed(store, put("/w/4", "4"));
      expect(seen.map((event) => `${event.kind} ${event.key} ${event.value}`)).toEqual([
        "put /w/2 2",
        "put /w/3 3",
        "delete /w/1 1",
      ]);
    }));

  test("watch: has been told of a commit before the committer goes on", () =>
    withStore(async ({ store }) => {
      let newest = 0;
      const stop = new AbortController();
      await store.watch("/w/", 0, (batch: StoreBatch) => (newest = batch.revision), stop.signal);
      const revision = await committed(store, put("/elsewhere", "1"));
      expect(newest).toBe(revision);
      stop.abort();
    }));

  test("watch: rejects with Compacted when its past is gone", () =>
    withStore(async ({ store }) => {
      const first = await committed(store, put("/a", "0"));
      for (let at = 0; at < 30; at++) await committed(store, put("/a", String(at)));
      const stop = new AbortController();
      await expect(store.watch("/", first, () => {}, stop.signal)).rejects.toMatchObject({
        code: "Compacted",
      });
      const { revision } = await store.list("/");
      await store.watch("/", revision, () => {}, stop.signal);
      stop.abort();
    }, 10));
}

function lifeContract(withStore: WithStore): void {
  test("reopen: everything committed is there, and revisions go on growing", () =>
    withStore(async (fixture) => {
      const last = await committed(fixture.store, put("/a", "1"));
      const store = await fixture.reopen();
      expect(await store.get("/a")).toEqual({ key: "/a", value: "1", revision: last });
      expect(await committed(store, put("/a", "2"))).toBeGreaterThan(last);
    }));

  test("drain: finishes what is under way and refuses what comes after", () =>
    withStore(async ({ store }) => {
      const under = store.commit([put("/a", "1")]);
      await store.drain();
      expect((await under).kind).toBe("committed");
      await expect(store.commit([put("/a", "2")])).rejects.toMatchObject({ code: "StoreClosed" });
      expect((await store.get("/a"))?.value).toBe("1");
    }));

  test("close: twice is once, and everything after it is refused", () =>
    withStore(async ({ store }) => {
      await Promise.all([store.close(), store.close()]);
      await expect(store.get("/a")).rejects.toMatchObject({ code: "StoreClosed" });
    }));
}

function put(key: string, value: string): StoreWrite {
  return { kind: "put", key, value, expectedRevision: undefined };
}

async function committed(store: Store, ...writes: StoreWrite[]): Promise<number> {
  const outcome = await store.commit(writes);
  if (outcome.kind !== "committed") throw new Error(`expected a commit, got ${JSON.stringify(outcome)}`);
  return outcome.revision;
}
