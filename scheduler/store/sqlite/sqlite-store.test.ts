import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { storeContract } from "../store-contract.ts";
import { newFile, open } from "./testing/files.ts";

storeContract("SQLite", async ({ clock, ...history }) => {
  const file = newFile();
  let store = await open(file, { history, clock });
  return {
    store,
    async reopen() {
      await store.close();
      store = await open(file, { history, clock });
      return store;
    },
    dispose: () => store.close(),
  };
});

test("openSqliteStore: a file that is no database is StoreCorrupt and stays as it is", async () => {
  const file = newFile();
  writeFileSync(file, "this is no database, but somebody's diary ".repeat(100));
  await expect(open(file)).rejects.toMatchObject({
    code: "StoreCorrupt",
    message: expect.stringContaining(file),
  });
  expect(statSync(file).size).toBe(4200);
});

test("openSqliteStore: a folder that is missing is StoreUnwritable", async () => {
  await expect(open(join(newFile(), "nowhere", "store.db"))).rejects.toMatchObject({
    code: "StoreUnwritable",
  });
});

test("openSqliteStore: a second process or store on the file is StoreLocked", async () => {
  const file = newFile();
  const store = await open(file);
  await expect(open(file)).rejects.toMatchObject({ code: "StoreLocked" });
  await store.close();
  await (await open(file)).close();
});
