import { expect, test } from "vitest";
import { committed, put, type WithStore } from "./fixture.ts";

export function backupContract(withStore: WithStore): void {
  test("backup: one at a time, and again after it was disposed of", () =>
    withStore(async ({ store }) => {
      await committed(store, put("/a", "1"));
      {
        await using first = await store.backup();
        await expect(store.backup()).rejects.toMatchObject({ code: "StoreBusy", retryable: true });
        expect(first.bytes).toBeGreaterThan(0);
      }
      await using second = await store.backup();
      let bytes = 0;
      for await (const chunk of second.content) bytes += chunk.length;
      expect(bytes).toBe(second.bytes);
    }));
}

export function lifeContract(withStore: WithStore): void {
  test("reopen: everything committed is there, and revisions go on growing", () =>
    withStore(async (fixture) => {
      const last = await committed(fixture.store, put("/a", "1"));
      const store = await fixture.reopen();
      expect(await store.get("/a")).toEqual({ key: "/a", value: "1", revision: last });
      expect(await committed(store, put("/a", "2"))).toBeGreaterThan(last);
    }));

  test("epoch: is one of the data's own, and the same after a reopening", () =>
    withStore((first) =>
      withStore(async (second) => {
        const { epoch } = first.store;
        expect(epoch).toMatch(/^[0-9a-f-]{36}$/);
        expect(second.store.epoch).not.toBe(epoch);
        expect((await first.reopen()).epoch).toBe(epoch);
        expect(first.store.readOnly).toBeUndefined();
      }),
    ));

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
