import { expect, test } from "vitest";
import { ScheduleCache } from "./schedule-cache.ts";

test("ScheduleCache: the same for the same schedule and zone", () => {
  const cache = new ScheduleCache();
  const reading = cache.read({ schedule: "@daily", timeZone: "Europe/Berlin" });
  expect(reading.kind).toBe("ok");
  expect(cache.read({ schedule: "@daily", timeZone: "Europe/Berlin" })).toBe(reading);
  expect(cache.read({ schedule: "@daily" })).not.toBe(reading);
});

test("ScheduleCache: keeps those that were asked for last", () => {
  const cache = new ScheduleCache();
  const often = cache.read({ schedule: "@daily" });
  const once = cache.read({ schedule: "@hourly" });
  for (let i = 0; i < 300; i++) {
    cache.read({ schedule: `${i % 60} ${Math.floor(i / 60)} * * *` });
    expect(cache.read({ schedule: "@daily" })).toBe(often);
  }
  expect(cache.read({ schedule: "@hourly" })).not.toBe(once);
});

test.each([
  { name: "a zone that is unknown by now", given: { schedule: "@daily", timeZone: "Nowhere/Gone" } },
  { name: "a schedule that is none", given: { schedule: "never" } },
])("ScheduleCache: $name is invalid", ({ given }) => {
  expect(new ScheduleCache().read(given)).toMatchObject({ kind: "invalid" });
});
