import { expect, test } from "vitest";
import { committed, expectCompacted, put, remove, shown, watched, type WithStore } from "./fixture.ts";

export function historyContract(withStore: WithStore): void {
  test("history: each event with what was before it, in order, also after a reopening", () =>
    withStore(async (fixture) => {
      const one = await committed(fixture.store, put("/h/a", "1"), put("/h/b", "1"), put("/other", "1"));
      const two = await committed(fixture.store, put("/h/a", "2"));
      const three = await committed(fixture.store, remove("/h/b"));
      const four = await committed(fixture.store, put("/h/b", "3"));
      const expected = [
        { kind: "put", key: "/h/a", value: "1", revision: one, previous: undefined },
        { kind: "put", key: "/h/b", value: "1", revision: one, previous: undefined },
        {
          kind: "put",
          key: "/h/a",
          value: "2",
          revision: two,
          previous: { key: "/h/a", value: "1", revision: one },
        },
        {
          kind: "delete",
          key: "/h/b",
          value: "1",
          revision: three,
          previous: { key: "/h/b", value: "1", revision: one },
        },
        { kind: "put", key: "/h/b", value: "3", revision: four, previous: undefined },
      ];
      const history = { completeAfter: 0, revision: four, events: expected };
      expect(await fixture.store.history("/h/")).toEqual(history);
      expect(await (await fixture.reopen()).history("/h/")).toEqual(history);
    }));

  test("history: events without number come whole", () =>
    withStore(async ({ store }) => {
      for (let at = 0; at < 30; at++)
        await committed(
          store,
          ...Array.from({ length: 30 }, (_, key) => put(`/${key}`, `${at}`.repeat(3_000))),
        );
      const { events } = await store.history("");
      expect(events).toHaveLength(900);
      for (const [at, event] of events.entries()) {
        expect(event.value.startsWith(String(Math.floor(at / 30)))).toBe(true);
        expect(event.previous?.revision).toBe(at < 30 ? undefined : events[at - 30]?.revision);
      }
    }));

  test("forgetHistory: the past is gone, what is stored is not, and open watches go on", () =>
    withStore(async ({ store }) => {
      const first = await committed(store, put("/a", "1"));
      const last = await committed(store, put("/a", "2"));
      const { seen, stop } = await watched(store, "/");
      await store.forgetHistory();
      expect(await store.history("")).toEqual({ completeAfter: last, revision: last, events: [] });
      await expectCompacted(store, first);
      await committed(store, put("/b", "1"));
      stop();
      expect(seen.map(shown)).toEqual(["put /b 1"]);
      expect((await store.list("")).entries.map((entry) => entry.value)).toEqual(["2", "1"]);
    }));
}

export function compactionContract(withStore: WithStore): void {
  test("compaction: by bytes", () =>
    withStore(
      async ({ store }) => {
        for (let at = 0; at < 20; at++) await committed(store, put("/a", "x".repeat(1_000)));
        const { events } = await store.history("");
        expect(events.length).toBeGreaterThan(2);
        expect(events.length).toBeLessThan(10);
        await expectCompacted(store, 1);
      },
      { bytesMax: 10_000 },
    ));

  test("compaction: by age, with the next write", () =>
    withStore(async ({ store, clock }) => {
      await committed(store, put("/a", "1"));
      clock.jump(3_700_000);
      const second = await committed(store, put("/a", "2"));
      expect((await store.history("")).events.map((event) => event.revision)).toEqual([second]);
    }));

  test("compaction: by age, also when nothing is written, and after a reopening", () =>
    withStore(async (fixture) => {
      const last = await committed(fixture.store, put("/a", "1"));
      const store = await fixture.reopen();
      fixture.clock.advance(3_500_000);
      expect((await store.history("")).events).toHaveLength(1);
      fixture.clock.advance(200_000);
      expect(await store.history("")).toEqual({ completeAfter: last, revision: last, events: [] });
      expect((await store.get("/a"))?.value).toBe("1");
    }));

  test("compaction: never between the writes of one commit", () =>
    withStore(
      async ({ store }) => {
        for (let at = 0; at < 5; at++)
          await committed(store, ...Array.from({ length: 4 }, (_, key) => put(`/${key}`, String(at))));
        const { events } = await store.history("");
        expect(events.length % 4).toBe(0);
        expect(events.length).toBeLessThanOrEqual(10);
      },
      { eventsMax: 10 },
    ));
}
