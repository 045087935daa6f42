import { parseArgs } from "node:util";
import type { Clock } from "../kit/clock.ts";
import { errorMessage, WherryError } from "../kit/errors.ts";
import type { Random } from "../kit/random.ts";
import { readEncryptionKeys } from "./apiserver/storage/encryption-keys.ts";
import { ValueCodec } from "./apiserver/storage/encryption.ts";
import { registryPrefix } from "./apiserver/storage/store-cache.ts";
import { restoreSqliteStore, type RestoreReport } from "./store/sqlite/restore.ts";

export const restoreUsage = `Usage: wherry-scheduler restore --store sqlite:FILE --from BACKUP [--force]
       [--encryption-key-file FILE]
  --store sqlite:FILE      the store to put the backup in; no scheduler may be using it
  --from BACKUP            what "wherry backup" has written
  --force                  also when there is a store already: it is kept under another name
  --encryption-key-file FILE
                           the keys of the scheduler that will run on it: told of are Secrets that they cannot read`;

interface RestoreFlags {
  readonly file: string;
  readonly from: string;
  readonly force: boolean;
  readonly keyFile: string | undefined;
}

/** Throws a `WherryError` InvalidFlag that names the flag. */
export function parseRestoreFlags(args: readonly string[]): RestoreFlags {
  const text = { type: "string" } as const;
  let values: {
    readonly store?: string;
    readonly from?: string;
    readonly force?: boolean;
    readonly "encryption-key-file"?: string;
  };
  try {
    values = parseArgs({
      args: [...args],
      options: { store: text, from: text, force: { type: "boolean" }, "encryption-key-file": text },
    }).values;
  } catch (thrown) {
    throw new WherryError("InvalidFlag", errorMessage(thrown), { cause: thrown });
  }
  const { store = "", from = "", force = false } = values;
  const file = store.slice("sqlite:".length);
  if (!store.startsWith("sqlite:") || file === "")
    throw new WherryError("InvalidFlag", `--store ${store}: expected sqlite:FILE`);
  if (from === "") throw new WherryError("InvalidFlag", "--from is required");
  return { file, from, force, keyFile: values["encryption-key-file"] };
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
    const census = new Census(flags.keyFile);
    const report = restoreSqliteStore({
      ...flags,
      nowMs: clock.now(),
      newEpoch: random.uuid(),
      onEntry: (key, value) => census.count(key, value),
    });
    print.out(reportText(flags, report, census));
    return 0;
  } catch (thrown) {
    print.err(`nothing was changed: ${errorMessage(thrown)}\n`);
    return 1;
  }
}

/** What is in a backup, as people count it, and what of that nobody could read. */
class Census {
  readonly #codec: ValueCodec | undefined;
  objects = 0;
  unreadable = 0;
  /** Of the first. */
  reason = "";

  constructor(keyFile: string | undefined) {
    this.#codec = keyFile === undefined ? undefined : new ValueCodec(readEncryptionKeys(keyFile));
  }

  count(key: string, value: string): void {
    if (!key.startsWith(registryPrefix)) return;
    this.objects++;
    try {
      this.#codec?.decode(key, value);
    } catch (thrown) {
      this.reason ||= errorMessage(thrown);
      this.unreadable++;
    }
  }
}

function reportText(
  { file, from }: RestoreFlags,
  { salvaged, keptAside }: RestoreReport,
  { objects, unreadable, reason }: Census,
): string {
  const lines = [`restored ${objects} objects from ${from} into ${file}`];
  if (salvaged !== undefined)
    lines.push(`the backup is damaged (${salvaged}), but all that is declared in it is whole`);
  if (keptAside !== undefined) lines.push(`the store of before is kept as ${keptAside}`);
  if (unreadable > 0)
    lines.push(`warning: ${unreadable} of them cannot be read without another key. The first: ${reason}`);
  return `${lines.join("\n")}\n`;
}
