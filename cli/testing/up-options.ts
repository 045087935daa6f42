import { fileURLToPath } from "node:url";
import type { UpOptions } from "../local/up.ts";

/** Options that run the fake children on free ports. */
export function fakeUpOptions(stateDirectory: string, changes: Partial<UpOptions> = {}): UpOptions {
  const child = fileURLToPath(new URL("fake-child.mjs", import.meta.url));
  return {
    nodes: 1,
    port: 0,
    stateDirectory,
    hostPaths: [],
    listen: [],
    http: undefined,
    httpsPort: undefined,
    placementConfig: undefined,
    recordPlacement: undefined,
    metricServers: ["*"],
    metricsPerInstance: false,
    tracing: {},
    verbose: false,
    workingDirectory: "/work",
    hostname: "Lap.Top",
    schedulerProgram: child,
    nodeProgram: child,
    ...changes,
  };
}
