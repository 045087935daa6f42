import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../../kit/clock.ts";
import { silentLog } from "../../../kit/log.ts";
import { openSqliteStore } from "../../store/sqlite/sqlite-store.ts";
import { StoreCache, type StoredForm } from "./store-cache.ts";

const boats = { group: "example.com", plural: "boats" };
const rafts = { group: "example.com", plural: "rafts" };

/** What is stored as "lost" cannot be read. */
const form: StoredForm = {
  encode: (_key, text) => text,
  decode: (_key, stored) => {
    if (stored === "lost") throw new Error("its key is gone");
    return stored;
  },
  needsRewrite: () => false,
};

async function aStore() {
  const folder = mkdtempSync(join(tmpdir(), "wherry-cache-"));
  const store = await openSqliteStore({ file: join(folder, "store.db"), clock: systemClock, log: silentLog });
  const write = async (plural: string, name: string, value?: string) => {
    const object = { apiVersion: "example.com/v1", kind: "X", metadata: { namespace: "default", name } };
    const outcome = await store.commit([
      {
        kind: "put",
        key: `/registry/example.com/${plural}/default/${name}`,
        value: value ?? JSON.stringify(object),
        expectedRevision: undefined,
      },
    ]);
    return outcome.kind === "committed" ? outcome.revision : 0;
  };
  const remove = (plural: string, name: string) =>
    store.commit([
      {
        kind: "delete",
        key: `/registry/example.com/${plural}/default/${name}`,
        expectedRevision: undefined,
      },
    ]);
  const open = async () => {
    const cache = new StoreCache(form, silentLog);
    await cache.open(store, new AbortController().signal);
    return cache;
  };
  return {
    write,
    remove,
    open,
    async [Symbol.asyncDispose]() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

test("StoreCache.loadPast: what cannot be read of one kind is no matter of another", async () => {
  await using store = await aStore();
  const first = await store.write("boats", "a");
  await store.write("boats", "a", "lost");
  await store.write("rafts", "a");
  const cache = await store.open();
  cache.of(boats);
  await cache.of(rafts).recall(first);
  expect(cache.of(rafts).eventsAfter(first)?.length).toBe(1);
  expect(cache.of(boats).eventsAfter(first)).toBeUndefined();
});

test("StoreCache.forget: nothing stays of a kind without objects, and everything of one that has some", async () => {
  await using store = await aStore();
  const cache = await store.open();
  cache.of(boats);
  const { revision } = cache;
  await store.write("boats", "a");
  cache.forget(boats);
  expect(cache.of(boats).eventsAfter(revision)?.length).toBe(1);
  await store.remove("boats", "a");
  cache.forget(boats);
  expect(cache.of(boats).eventsAfter(revision)).toBeUndefined();
});
