/**
 * Test support: the driver in a process that is going to be killed, `node killed-daemon.ts FOLDER MODULE`. Starts runs of all
 * kinds without a pause, and tells its parent of each that has started.
 */
import { join } from "node:path";
import { systemClock } from "../../../kit/clock.ts";
import { silentLog } from "../../../kit/log.ts";
import { noNetworkGrant, type PreparedModule, type RunSpec } from "../runtime-driver.ts";
import { createV8Driver } from "./driver.ts";

const [, , folder = ".", module = "{}"] = process.argv;
const namespaces = ["a", "b", "c"];
const instancesMax = 20;

function specOf(index: number): RunSpec {
  const uid = `run-${index}`;
  return {
    id: { uid, run: 0 },
    namespace: namespaces[index % namespaces.length] ?? "a",
    name: uid,
    module: JSON.parse(module) as PreparedModule,
    args: [],
    env: [],
    mounts: [],
    network: noNetworkGrant,
    memoryBytesMax: 2 ** 20,
    cpuRequestMillis: 0,
    cpuLimitMillis: undefined,
    isolation: index % 10 === 0 ? "process" : "shared",
    fuelMax: undefined,
    deterministic: undefined,
    stopAloneAfterMs: undefined,
    stopNotice: "none",
    logFolder: join(folder, "logs", uid),
    logLimits: { fileBytesMax: 2 ** 20, bytesPerSecondMax: 2 ** 20 },
  };
}

const driver = createV8Driver({
  stateDir: join(folder, "state"),
  cacheDir: join(folder, "cache"),
  clock: systemClock,
  log: silentLog,
  shimLimits: { instancesMax, orphanMs: 60_000 },
  spares: 1,
});
let next = 0;
const start = () => driver.start(specOf(next++));
await driver.adopt(
  {
    started: ({ uid }) => {
      process.send?.(uid);
      start();
    },
    ended: ({ uid }, _atMs, end) => process.send?.(`${uid} ended: ${JSON.stringify(end)}`),
    usage() {},
    logsDropped() {},
    listening() {},
    outdated() {},
  },
  AbortSignal.timeout(20_000),
);
for (const _ of namespaces) start();
