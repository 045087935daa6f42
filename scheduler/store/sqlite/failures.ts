import { errorMessage, WherryError } from "../../../kit/errors.ts";

/** SQLite's primary result codes. https://www.sqlite.org/rescode.html */
export const sqliteCorrupt = 11;
const sqliteFull = 13;

const corruptAdvice =
  'stop the scheduler and restore a backup with "wherry restore BACKUP --force", which keeps the damaged file aside';

const failures: Readonly<Record<number, { readonly code: string; readonly advice: string }>> = {
  5: { code: "StoreLocked", advice: "another process uses it; stop that one first" },
  6: { code: "StoreLocked", advice: "another process uses it; stop that one first" },
  8: { code: "StoreUnwritable", advice: "the file or its folder cannot be written; check owner and mode" },
  10: { code: "StoreUnavailable", advice: "the disk or its file system fails; look at the system's log" },
  [sqliteCorrupt]: { code: "StoreCorrupt", advice: corruptAdvice },
  [sqliteFull]: { code: "StoreUnavailable", advice: "the disk is full; free some space" },
  14: {
    code: "StoreUnwritable",
    advice: "the file cannot be opened; check that its folder exists and can be written",
  },
  26: { code: "StoreCorrupt", advice: `the file is no SQLite database; ${corruptAdvice}` },
};

/** What went wrong with a store's file, with what to do about it. */
export function storeError(file: string, thrown: unknown): WherryError {
  if (thrown instanceof WherryError)
    return new WherryError(thrown.code, `store ${file}: ${thrown.message}`, { cause: thrown });
  const known = failures[primaryCode(thrown)];
  const code = known?.code ?? "StoreUnavailable";
  const advice = known ? ` (${known.advice})` : "";
  return new WherryError(code, `store ${file}: ${errorMessage(thrown)}${advice}`, {
    retryable: code === "StoreUnavailable",
    cause: thrown,
  });
}

/** Of a file whose entries can all be read. */
export function readOnlyReason(file: string, damage: string): string {
  return `store ${file}: ${damage}; all that is declared can be read, and nothing can be written (save it with "wherry backup FILE", stop the scheduler, and put it back with "wherry restore FILE --force")`;
}

export function isCorrupt(thrown: unknown): boolean {
  const code = primaryCode(thrown);
  return code === sqliteCorrupt || code === 26;
}

/** As SQLite itself reports damage. */
export function corruption(message: string): Error {
  return Object.assign(new Error(message), { errcode: sqliteCorrupt });
}

function primaryCode(thrown: unknown): number {
  if (typeof thrown !== "object" || thrown === null || !("errcode" in thrown)) return 0;
  return Number(thrown.errcode) & 0xff;
}
