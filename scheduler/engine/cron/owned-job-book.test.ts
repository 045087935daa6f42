import { expect, test } from "vitest";
import type { WasmJob } from "../../../api/gen/kinds.gen.ts";
import { aJob } from "../../core/testing/builders.ts";
import { OwnedJobBook } from "./owned-job-book.ts";

function aNamed(name: string, more: Partial<WasmJob["metadata"]> = {}, status?: WasmJob["status"]): WasmJob {
  return aJob({}, status, { name, uid: `uid-${name}`, ...more });
}

const complete = {
  conditions: [
    {
      type: "Complete",
      status: "True" as const,
      reason: "",
      message: "",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    },
  ],
};

const brief = (book: OwnedJobBook) =>
  book.list().map(({ job, presence }) => `${job.metadata.name} ${presence}`);

test("OwnedJobBook: an awaited job counts from the answer on, and is no other when the watch has it", () => {
  const book = new OwnedJobBook();
  book.await("a", 1_000);
  expect(brief(book)).toEqual([]);
  book.created(aNamed("a"));
  expect(brief(book)).toEqual(["a there"]);
  expect(book.awaitedUntilMs(0)).toBe(1_000);
  expect(book.put(aNamed("a"))).toBe(true);
  expect(book.awaitedUntilMs(0)).toBeUndefined();
  expect(brief(book)).toEqual(["a there"]);
});

test("OwnedJobBook: when the watch is faster than the answer, the answer adds nothing", () => {
  const book = new OwnedJobBook();
  book.await("a", 1_000);
  book.put(aNamed("a"));
  book.remove(aNamed("a"));
  book.accountedFor(book.list());
  book.created(aNamed("a"));
  expect(brief(book)).toEqual([]);
  expect(book.isEmpty).toBe(true);
});

test("OwnedJobBook: what the watch has skipped is not awaited for ever", () => {
  const book = new OwnedJobBook();
  book.await("a", 1_000);
  book.created(aNamed("a"));
  expect(book.awaitedUntilMs(1_000)).toBeUndefined();
  expect(brief(book)).toEqual([]);
});

test("OwnedJobBook.put: a status matters when the job is over or is being deleted", () => {
  const book = new OwnedJobBook();
  expect(book.put(aNamed("a"))).toBe(true);
  expect(book.put(aNamed("a", {}, { active: 1 }))).toBe(false);
  expect(book.put(aNamed("a", {}, complete))).toBe(true);
  expect(book.put(aNamed("a", { deletionTimestamp: "2026-01-01T00:00:00Z" }, complete))).toBe(true);
});

test("OwnedJobBook: what we delete is forgotten with its last event, and what others delete with the status", () => {
  const book = new OwnedJobBook();
  for (const name of ["ours", "theirs"]) book.put(aNamed(name));
  book.deleted(aNamed("ours"));
  expect(brief(book)).toEqual(["ours deleted", "theirs there"]);
  for (const name of ["ours", "theirs"]) book.remove(aNamed(name));
  expect(brief(book)).toEqual(["theirs gone"]);
  book.accountedFor(book.list());
  expect(brief(book)).toEqual([]);
});

test("OwnedJobBook: a deletion that failed counts for nothing, and one that came too late neither", () => {
  const book = new OwnedJobBook();
  book.put(aNamed("a"));
  book.deleted(aNamed("a"));
  book.undeleted(aNamed("a"));
  expect(brief(book)).toEqual(["a there"]);
  book.remove(aNamed("a"));
  book.deleted(aNamed("a"));
  expect(brief(book)).toEqual(["a gone"]);
});

test("OwnedJobBook: of many that are gone the oldest are forgotten", () => {
  const book = new OwnedJobBook();
  for (let i = 0; i < 150; i++) {
    book.put(aNamed(`j${i}`));
    book.remove(aNamed(`j${i}`));
  }
  expect(brief(book)).toHaveLength(100);
  expect(brief(book)[0]).toBe("j50 gone");
});
