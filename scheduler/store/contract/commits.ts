import { expect, test } from "vitest";
import { committed, put, remove, shown, watched, type WithStore } from "./fixture.ts";

export function commitContract(withStore: WithStore): void {
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

export function atomicityContract(withStore: WithStore): void {
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

  test("commit: many keys get one revision", () =>
    withStore(async ({ store }) => {
      const keys = Array.from({ length: 2_000 }, (_, at) => `/many/${String(at).padStart(4, "0")}`);
      const revision = await committed(store, ...keys.map((key) => put(key, key)));
      const { entries } = await store.list("/many/");
      expect(entries.map((entry) => entry.key)).toEqual(keys);
      expect(new Set(entries.map((entry) => entry.revision))).toEqual(new Set([revision]));
    }));

  test("commit: writes of one key apply in order", () =>
    withStore(async ({ store }) => {
      const { seen, stop } = await watched(store, "/");
      await committed(store, put("/a", "1"), remove("/a"), put("/a", "2"), put("/a", "3"), remove("/b"));
      stop();
      expect(seen.map(shown)).toEqual(["put /a 1", "delete /a 1", "put /a 2", "put /a 3"]);
      expect((await store.get("/a"))?.value).toBe("3");
    }));

  test("commit: deleting what is not there writes nothing and tells nobody", () =>
    withStore(async ({ store }) => {
      const { seen, stop } = await watched(store, "/");
      await committed(store, remove("/a"));
      stop();
      expect(seen).toEqual([]);
      expect(await store.commit([{ kind: "delete", key: "/a", expectedRevision: 7 }])).toEqual({
        kind: "conflict",
        key: "/a",
        currentRevision: 0,
      });
    }));
}

export function queueContract(withStore: WithStore): void {
  test("commit: a conflict of one does not touch its neighbours in the same turn", () =>
    withStore(async ({ store }) => {
      await committed(store, put("/taken", "1"));
      const outcomes = await Promise.all([
        store.commit([put("/x", "1")]),
        store.commit([put("/y", "1"), { kind: "put", key: "/taken", value: "2", expectedRevision: 0 }]),
        store.commit([put("/z", "1")]),
      ]);
      expect(outcomes.map((outcome) => outcome.kind)).toEqual(["committed", "conflict", "committed"]);
      expect((await store.list("/")).entries.map((entry) => entry.key)).toEqual(["/taken", "/x", "/z"]);
    }));

  test("commit: a signal aborted while it waits withdraws it, later the outcome comes all the same", () =>
    withStore(async ({ store }) => {
      const first = store.commit([put("/first", "1")]);
      // The first is under way by then, the second still waits.
      await Promise.resolve();
      const stop = new AbortController();
      const second = store.commit([put("/second", "1")], stop.signal);
      stop.abort(new Error("changed my mind"));
      await expect(second).rejects.toThrow("changed my mind");
      expect((await first).kind).toBe("committed");
      const late = new AbortController();
      expect((await store.commit([put("/third", "1")], late.signal)).kind).toBe("committed");
      late.abort();
      expect((await store.list("/")).entries.map((entry) => entry.key)).toEqual(["/first", "/third"]);
    }));

  test("commit: an aborted signal refuses it", () =>
    withStore(async ({ store }) => {
      await expect(store.commit([put("/a", "1")], AbortSignal.abort())).rejects.toThrow();
      expect(await store.get("/a")).toBeUndefined();
    }));
}
