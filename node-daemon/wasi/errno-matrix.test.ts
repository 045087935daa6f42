/**
 * Every errno that each function of preview 1 answers by itself, provoked. The table in docs/WASI.md says the same: an
 * errno there without a row here fails, and one here that is not there. What the kernel refuses with comes on top, through
 * one table (errnos.ts).
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { errno } from "./abi.ts";
import { buffer, perform, type Row } from "./errno-fixture.ts";
import { fileRows } from "./errno-rows-files.ts";
import { eventRows, waitingRows } from "./errno-rows-waiting.ts";
import { errnoOfThrown } from "./errnos.ts";
import { preview1Signatures } from "./signatures.ts";

const rows: readonly Row[] = [...fileRows, ...waitingRows];

describe("errno: each that a function answers by itself", () => {
  test.each(rows.map((row) => ({ call: row[0], answer: row[1], row })))(
    "$call: $answer",
    async ({ answer, row }) => {
      const performed = await perform(row);
      using mounted = performed.mounted;
      expect(performed.answer).toBe(errno[answer]);
      expect(mounted.sandbox.host.bugs).toEqual([]);
    },
  );

  test.each(eventRows.map((row) => ({ answer: row[1], row })))(
    "an event of poll_oneoff: $answer",
    async ({ answer, row }) => {
      const performed = await perform(row);
      using mounted = performed.mounted;
      expect(performed.answer).toBe(0);
      expect(mounted.guest.view.getUint16(buffer + 8, true)).toBe(errno[answer]);
    },
  );
});

/** The table of docs/WASI.md: function and errnos. */
function documented(): ReadonlyMap<string, readonly string[]> {
  const text = readFileSync(new URL("../../docs/WASI.md", import.meta.url), "utf8");
  const [, section = ""] = text.split("\n### Errnos by function\n");
  const [table = ""] = section.split("\n### ");
  const lines = [...table.matchAll(/^\| `(\w+)` +\| (.*?) +\|/gm)];
  return new Map(
    lines.map(([, name = "", errnos = ""]) => [name, errnos === "none" ? [] : (errnos.match(/\w+/g) ?? [])]),
  );
}

test("errno: docs/WASI.md has every function, and of each exactly the errnos that have a row", () => {
  const inRows = Object.keys(preview1Signatures).map((name): [string, readonly string[]] => [
    name,
    [...rows, ...eventRows].filter(([call]) => call === name).map(([, answer]) => answer),
  ]);
  const plain = (list: Iterable<readonly [string, readonly string[]]>) =>
    Object.fromEntries([...list].map(([name, errnos]) => [name, [...new Set(errnos)].sort()]));
  expect(plain(documented())).toEqual(plain(inRows));
});

test("errnoOfThrown: what the kernel refuses with has an errno, and a bug of ours has none", () => {
  const codes = [
    "EIO",
    "ENOSPC",
    "EDQUOT",
    "ENFILE",
    "EMFILE",
    "ENAMETOOLONG",
    "ETXTBSY",
    "EMLINK",
    "ESTALE",
  ];
  for (const code of codes) expect(errnoOfThrown({ code }), code).toBeGreaterThan(0);
  expect(errnoOfThrown(new TypeError("bug"))).toBeUndefined();
  expect(errnoOfThrown({ code: "ERR_INVALID_ARG_TYPE" })).toBeUndefined();
});

test("rights: no function that acts on a descriptor goes without one, but for those that only describe it", () => {
  const free = ["fd_close", "fd_renumber", "fd_fdstat_get", "fd_prestat_get", "fd_prestat_dir_name"];
  const needing = rows.filter(([, answer]) => answer === "notcapable").map(([call]) => call);
  const acting = Object.keys(preview1Signatures).filter((name) => /^(fd|path)_/.test(name));
  const without = acting.filter((name) => !needing.includes(name));
  expect(without.sort()).toEqual(free.sort());
});
