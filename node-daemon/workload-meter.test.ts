import { expect, test } from "vitest";
import { WorkloadMeter } from "./workload-meter.ts";

const usage = (uid: string, run: number, cpuUs: number) => ({
  id: { uid, run },
  cpuUs,
  fuel: 10 * cpuUs,
  throttledUs: 2 * cpuUs,
  memoryBytes: 1,
});

test("WorkloadMeter: counts what all instances and all of their runs have used", () => {
  const meter = new WorkloadMeter();
  meter.hold("a", "w");
  meter.hold("b", "w");
  meter.hold("c", "v");
  meter.used(usage("a", 0, 100));
  meter.used(usage("a", 0, 150));
  meter.used(usage("b", 0, 7));
  meter.used(usage("c", 0, 1));
  meter.used(usage("nobody's", 0, 1_000));
  expect(meter.of("w")).toMatchObject({ cpuUs: 157, fuel: 1_570, throttledUs: 314, restarts: 0 });
  // The next run counts from its own start.
  meter.restarted("a", 1);
  meter.used(usage("a", 1, 20));
  expect(meter.of("w")).toMatchObject({ cpuUs: 177, restarts: 1 });
  expect(meter.of("v")).toMatchObject({ cpuUs: 1 });
});

test("WorkloadMeter: what instances have used stays when they are gone, and goes with the last one", () => {
  const meter = new WorkloadMeter();
  meter.hold("a", "w");
  meter.used(usage("a", 0, 100));
  meter.restarted("a", 3);
  meter.hold("b", "w");
  meter.release("a", "w");
  meter.release("a", "w");
  meter.used(usage("a", 0, 200));
  meter.restarted("a", 1);
  meter.used(usage("b", 0, 5));
  expect(meter.of("w")).toMatchObject({ cpuUs: 105, restarts: 3 });
  meter.release("b", "w");
  expect(meter.of("w")).toBeUndefined();
  meter.hold("c", "w");
  expect(meter.of("w")).toMatchObject({ cpuUs: 0, restarts: 0 });
});

test("WorkloadMeter: what a run used before this daemon took it over is not counted, and its next run is", () => {
  const meter = new WorkloadMeter();
  meter.hold("a", "w");
  meter.adopted({ uid: "a", run: 4 });
  meter.adopted({ uid: "nobody's", run: 4 });
  meter.used(usage("a", 4, 5_000));
  expect(meter.of("w")?.cpuUs).toBe(0);
  meter.used(usage("a", 4, 5_010));
  meter.used(usage("a", 5, 3));
  expect(meter.of("w")?.cpuUs).toBe(13);
});

test("WorkloadMeter: figures that fall take nothing away", () => {
  const meter = new WorkloadMeter();
  meter.hold("a", "w");
  meter.used(usage("a", 0, 100));
  meter.used(usage("a", 0, 40));
  expect(meter.of("w")?.cpuUs).toBe(100);
  meter.used(usage("a", 0, 60));
  expect(meter.of("w")?.cpuUs).toBe(120);
});
