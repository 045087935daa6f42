import { expect, test } from "vitest";
import { type HealthCheck, healthOf, singleHealthOf } from "./health-handlers.ts";

const ping: HealthCheck = { name: "ping", problem: () => undefined };
const store: HealthCheck = { name: "store", problem: () => "the disk is full" };
const quiet = { verbose: false, excluded: [] };

test.each([
  { name: "well", checks: [ping], options: quiet, code: 200, text: "ok" },
  {
    name: "well, and asked for all",
    checks: [ping],
    options: { verbose: true, excluded: [] },
    code: 200,
    text: "[+]ping ok\nreadyz check passed\n",
  },
  {
    name: "one failed",
    checks: [ping, store],
    options: quiet,
    code: 500,
    text: "[+]ping ok\n[-]store failed: reason withheld\nreadyz check failed\n",
  },
  {
    name: "the failed one left out",
    checks: [ping, store],
    options: { verbose: true, excluded: ["store"] },
    code: 200,
    text: "[+]ping ok\n[+]store excluded: ok\nreadyz check passed\n",
  },
  {
    name: "left out what is not there",
    checks: [ping],
    options: { verbose: true, excluded: ["b", "a", ""] },
    code: 200,
    text: '[+]ping ok\nwarn: some health checks cannot be excluded: no matches for "a","b"\nreadyz check passed\n',
  },
])("healthOf: $name", ({ checks, options, code, text }) => {
  expect(healthOf("readyz", checks, options)).toEqual({ code, text });
});

test("singleHealthOf: one check by its name", () => {
  expect(singleHealthOf([ping, store], "ping")).toEqual({ code: 200, text: "ok" });
  expect(singleHealthOf([ping, store], "store")).toEqual({
    code: 500,
    text: "internal server error: the disk is full\n",
  });
  expect(singleHealthOf([ping, store], "constructor")).toBeUndefined();
});
