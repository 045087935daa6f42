import { statSync } from "node:fs";
import { expect, test } from "vitest";
import { Database } from "./database.ts";
import { inspect, newFile, put } from "./testing/files.ts";

test("copyTo: ends also when most of what it copied is deleted, and the file shrinks only afterwards", async () => {
  const file = newFile();
  const history = { eventsMax: 10, bytesMax: 1_000_000, ageMsMax: 1_000 };
  const database = new Database({ file, history, fileBytesMax: undefined, newEpoch: "epoch" });
  const keys = Array.from({ length: 8_000 }, (_, at) => `/${at}`);
  database.commit([keys.map((key) => put(key, "x".repeat(2_000)))], 0);
  const tidyAll = () => {
    // Each round is bounded, and how much is free is counted now and then.
    for (let round = 0; round < 200; round++) {
      database.commit([[put("/last", String(round))]], 10_000);
      database.tidy(10_000);
    }
  };
  const copy = newFile();
  let steps = 0;
  await database.copyTo(copy, () => {
    // Nearly all is copied; more than that is about to go.
    if (++steps !== 14) return;
    database.commit([keys.map((key) => ({ kind: "delete", key, expectedRevision: undefined }))], 0);
    tidyAll();
  });
  expect(steps).toBeGreaterThanOrEqual(14);
  expect(inspect(copy, (db) => db.prepare("SELECT key FROM entry").all())).toEqual([{ key: "/last" }]);
  tidyAll();
  database.forget();
  database.close();
  expect(statSync(file).size).toBeLessThan(8_000_000);
});
