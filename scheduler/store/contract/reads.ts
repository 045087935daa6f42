import { expect, test } from "vitest";
import type { Store, StoreBatch, StoreEvent } from "../store.ts";
import { committed, put, type WithStore } from "./fixture.ts";

export function keyContract(withStore: WithStore): void {
  // In the order of their UTF-8 bytes, which is not that of JavaScript's strings.
  const ordered = [
    "/k/",
    "/k/\u0001",
    "/k/A",
    "/k/a",
    "/k/a!",
    "/k/a/",
    "/k/é",
    "/k/\uFFFD",
    "/k/😀",
    "/k/\u{10FFFF}x",
  ];

  test("list: keys come in the order of their bytes, whatever characters they have", () =>
    withStore(async ({ store }) => {
      await committed(
        store,
        ...ordered.toReversed().map((key) => put(key, key)),
        put("/k", ""),
        put("/l", ""),
      );
      expect((await store.list("/k/")).entries.map((entry) => entry.key)).toEqual(ordered);
      expect((await store.list("/k/😀")).entries.map((entry) => entry.key)).toEqual(["/k/😀"]);
      expect((await store.list("")).entries).toHaveLength(ordered.length + 2);
    }));

  test.each([
    { title: "empty", value: "" },
    { title: "all kinds of characters", value: "a\u0001ß→😀\n\"'\\" },
    { title: "of eight mebibytes", value: "x→".repeat(2 ** 21) },
  ])("get: a value $title comes back as it was", ({ value }) =>
    withStore(async (fixture) => {
      await committed(fixture.store, put("/v", value));
      const same = async (store: Store) => (await store.get("/v"))?.value === value;
      expect(await same(fixture.store)).toBe(true);
      expect(await same(await fixture.reopen())).toBe(true);
    }),
  );

  test("commit: half a surrogate pair is refused, not changed", () =>
    withStore(async ({ store }) => {
      await expect(store.commit([put("/a", "\uD800")])).rejects.toThrow("Unicode");
      await expect(store.commit([put("/\uDC00", "x")])).rejects.toThrow("Unicode");
      expect((await store.list("")).entries).toEqual([]);
    }));
}

export function watchContract(withStore: WithStore): void {
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
    withStore(
      async ({ store }) => {
        const first = await committed(store, put("/a", "0"));
        for (let at = 0; at < 30; at++) await committed(store, put("/a", String(at)));
        const stop = new AbortController();
        await expect(store.watch("/", first, () => {}, stop.signal)).rejects.toMatchObject({
          code: "Compacted",
        });
        const { revision } = await store.list("/");
        await store.watch("/", revision, () => {}, stop.signal);
        stop.abort();
      },
      { eventsMax: 10 },
    ));
}
