/**
 * Writes for ever from 16 writers and prints each key with its revision once its write is acknowledged. Killed by the
 * test: `node endless-writer.ts FILE ROUND`. The history is short and often forgotten, the values are large, so that it
 * is killed in the middle of compactions and checkpoints too.
 */
import { writeSync } from "node:fs";
import { systemClock } from "../../../../kit/clock.ts";
import { silentLog } from "../../../../kit/log.ts";
import { openSqliteStore } from "../sqlite-store.ts";

const [file = "", round = ""] = process.argv.slice(2);
const history = { eventsMax: 100 };
const store = await openSqliteStore({ file, clock: systemClock, log: silentLog, history });
await Promise.all(
  Array.from({ length: 16 }, async (_, writer) => {
    for (let at = 0; ; at++) {
      const key = `/${round}/${writer}/${at}`;
      const outcome = await store.commit([
        { kind: "put", key, value: "{}", expectedRevision: 0 },
        {
          kind: "put",
          key: `/overwritten/${writer}`,
          value: "x".repeat(3_000) + key,
          expectedRevision: undefined,
        },
      ]);
      if (outcome.kind === "committed") writeSync(1, `${key} ${outcome.revision}\n`);
      if (writer === 0 && at % 20 === 0) await store.forgetHistory();
    }
  }),
);
