import { expect, test } from "vitest";
import { checkTimeout } from "./request-timeout.ts";

test.each([
  "",
  "timeout=",
  "timeout=0",
  "timeout=0s",
  "timeout=32s",
  "timeout=3m",
  "timeout=1h2m3.5s",
  "timeout=-1s",
])("checkTimeout: takes %j", (query) => {
  expect(() => checkTimeout(new URLSearchParams(query))).not.toThrow();
});

test.each(["timeout=invalid", "timeout=32", "timeout=s", "timeout=1d", "timeout=1s1"])(
  "checkTimeout: refuses %j",
  (query) => {
    expect(() => checkTimeout(new URLSearchParams(query))).toThrow(
      "invalid timeout specified in the request URL",
    );
  },
);
