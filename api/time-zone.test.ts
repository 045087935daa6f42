import { expect, test } from "vitest";
import { checkTimeZone } from "./time-zone.ts";

test.each(["Europe/Berlin", "UTC", "Etc/UTC", "Etc/GMT+2", "America/Argentina/Buenos_Aires", "CET"])(
  "checkTimeZone: %s",
  (name) => {
    expect(checkTimeZone(name)).toBeUndefined();
  },
);

test.each([
  { name: "nothing", text: "", message: "must not be empty" },
  { name: "a place without its continent", text: "Berlin", message: "did you mean Europe/Berlin?" },
  { name: "a slip of the pen", text: "Europe/Berln", message: "did you mean Europe/Berlin?" },
  { name: "spaces", text: "America/New York", message: "did you mean America/New_York?" },
  { name: "an offset", text: "+02:00", message: "IANA" },
  { name: "the machine's own", text: "Local", message: "no local time of a cluster" },
  { name: "a path", text: "../etc/passwd", message: "unknown time zone" },
  { name: "a place that is none", text: "Mars/Olympus_Mons", message: "unknown time zone" },
])("checkTimeZone: refuses $name", ({ text, message }) => {
  expect(checkTimeZone(text)).toContain(message);
});
