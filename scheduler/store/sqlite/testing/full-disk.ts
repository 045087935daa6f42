/**
 * Run by a test on a file system of a megabyte: `node full-disk.ts FOLDER`. Fills it, makes room, and prints what
 * happened as JSON.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../../kit/clock.ts";
import { errorCode } from "../../../../kit/errors.ts";
import { silentLog } from "../../../../kit/log.ts";
import { openSqliteStore } from "../sqlite-store.ts";

const folder = process.argv[2] ?? "";
const file = join(folder, "store.db");
const ballast = join(folder, "ballast");
writeFileSync(ballast, Buffer.alloc(300_000));
const options = { file, clock: systemClock, log: silentLog };
let store = await openSqliteStore(options);
const acknowledged: string[] = [];
let failure: unknown;
const write = async (key: string) => {
  await store.commit([{ kind: "put", key, value: "x".repeat(5_000), expectedRevision: 0 }]);
  acknowledged.push(key);
};
for (let at = 0; failure === undefined && at < 1_000; at++) {
  try {
    await write(`/${at}`);
  } catch (thrown) {
    failure = thrown;
  }
}
const readWhileFull = (await store.list("/")).entries.length === acknowledged.length;
rmSync(ballast);
await write("/after");
const before = store.epoch;
await store.close();
store = await openSqliteStore(options);
const kept = new Set((await store.list("/")).entries.map((entry) => entry.key));
await store.close();
process.stdout.write(
  JSON.stringify({
    code: errorCode(failure),
    message: failure instanceof Error ? failure.message : "",
    readWhileFull,
    written: acknowledged.length,
    lost: acknowledged.filter((key) => !kept.has(key)).length,
    sameEpoch: before === store.epoch,
  }),
);
