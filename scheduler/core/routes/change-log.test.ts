import { expect, test } from "vitest";
import { ChangeLog } from "./change-log.ts";

test("ChangeLog.since: each key once, at its latest change", () => {
  const log = new ChangeLog();
  log.changed("a");
  const version = log.changed("b");
  log.changed("a");
  log.changed("c");
  expect([...log.since(0)]).toEqual(["b", "a", "c"]);
  expect([...log.since(version)]).toEqual(["a", "c"]);
  expect([...log.since(log.version)]).toEqual([]);
});

test("ChangeLog.gone: is news until everybody has heard of it", () => {
  const log = new ChangeLog();
  log.changed("a");
  log.gone("a");
  log.changed("b");
  expect([...log.since(1)]).toEqual(["a", "b"]);
  expect(log.isGone("a")).toBe(true);
  log.forget(2);
  expect([...log.since(0)]).toEqual(["b"]);
  expect(log.isGone("a")).toBe(false);
});

test("ChangeLog.changed: what comes again is not gone", () => {
  const log = new ChangeLog();
  log.gone("a");
  log.changed("a");
  log.forget(log.version);
  expect([...log.since(0)]).toEqual(["a"]);
});

test("ChangeLog: a million changes of few keys leave few behind", () => {
  const log = new ChangeLog();
  for (let at = 0; at < 1_000_000; at++) log.changed(`k${at % 10}`);
  expect([...log.since(0)]).toHaveLength(10);
  expect([...log.since(log.version - 3)]).toHaveLength(3);
});
