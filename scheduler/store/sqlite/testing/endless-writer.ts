/** Writes for ever from 16 writers and prints each key once its write is acknowledged. Killed by the test. */
import { writeSync } from "node:fs";
import { systemClock } from "../../../../kit/clock.ts";
import { silentLog } from "../../../../kit/log.ts";
import { openSqliteStore } from "../sqlite-store.ts";

const store = await openSqliteStore({ file: process.argv[2] ?? "", clock: systemClock, log: silentLog });
await Promise.all(
  Array.from({ length: 16 }, async (_, writer) => {
    for (let at = 0; ; at++) {
      const key = `/${writer}/${at}`;
      await store.commit([{ kind: "put", key, value: "{}", expectedRevision: 0 }]);
      writeSync(1, `${key}\n`);
    }
  }),
);
