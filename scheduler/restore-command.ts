import { parseArgs } from "node:util";
import type { Clock } from "../kit/clock.ts";
import { errorMessage, WherryError } from "../kit/errors.ts";
import type { Random } from "../kit/random.ts";
import { restoreSqliteStore, type RestoreReport } from "./store/sqlite/restore.ts";

export const restoreUsage = `Usage: wherry-scheduler restore --store sqlite:FILE --from BACKUP [--force]
  --store sqlite:FILE      the store to put the backup in; no scheduler may be using it
  --from BACKUP            what "wherry backup" has written
  --force                  also when there is a store already: it is kept under another name`;

interface RestoreFlags {
  readonly file: string;
  readonly from: string;
  readonly force: boolean;
}

/** Throws a `WherryError` InvalidFlag that names the flag. */
export function parseRestoreFlags(args: readonly string[]): RestoreFlags {
  const text = { type: "string" } as const;
  let values: { readonly store?: string; readonly from?: string; readonly force?: boolean };
  try {
    values = parseArgs({
      args: [...args],
      options: { store: text, from: text, force: { type: "boolean" } },
    }).values;
  } catch (thrown) {
    throw new WherryError("InvalidFlag", errorMessage(thrown), { cause: thrown });
  }
  const { store = "", from = "", force = false } = values;
  const file = store.slice("sqlite:".length);
  if (!store.startsWith("sqlite:") || file === "")
    throw new WherryError("InvalidFlag", `--store ${store}: expected sqlite:FILE`);
  if (from === "") throw new WherryError("InvalidFlag", "--from is required");
  return { file, from, force };
}

/** Runs the command and returns the exit code. */
export function runRestore(
  args: readonly string[],
  clock: Clock,
  random: Random,
  print: { readonly out: (text: string) => void; readonly err: (text: string) => void },
): number {
  let flags: RestoreFlags;
  try {
    flags = parseRestoreFlags(args);
  } catch (thrown) {
    print.err(`wherry-scheduler restore: ${errorMessage(thrown)}\n\n${restoreUsage}\n`);
    return 2;
  }
  try {
    const report = restoreSqliteStore({ ...flags, nowMs: clock.now(), newEpoch: random.uuid() });
    print.out(reportText(flags, report));
    return 0;
  } catch (thrown) {
    print.err(`nothing was changed: ${errorMessage(thrown)}\n`);
    return 1;
  }
}

function reportText({ file, from }: RestoreFlags, { entries, revision, keptAside }: RestoreReport): string {
  const kept = keptAside === undefined ? "" : `the store of before is kept as ${keptAside}\n`;
  return `restored ${entries} entries from ${from} into ${file}, at revision ${revision}\n${kept}`;
}
