/** The page of metrics that a real daemon would have, of pretended instances: for whoever measures what it costs to read thousands. */
import type { Log } from "../../kit/log.ts";
import { metricsLimits } from "../../node-daemon/machine/core/limits.ts";
import { createMetrics } from "../../node-daemon/machine/metrics.ts";
import { type MetricsServer, serveMetrics } from "../../node-daemon/machine/metrics-server.ts";
import type { InstanceFigures } from "../../node-daemon/machine/workload-metrics.ts";
import type { WorkloadCounters } from "../../node-daemon/workload-meter.ts";

/** At any port of this machine. */
export function serveHollowMetrics(
  instances: () => readonly InstanceFigures[],
  log: Log,
): Promise<MetricsServer> {
  const sources = {
    instances,
    counters: (workloadUid: string) => countersOf(instances(), workloadUid),
    conditions: () => [],
    processes: () => ({}),
    evictions: () => ({}),
    cacheBytes: () => ({}),
    served: { figures: () => [], uncounted: () => [], workload: () => undefined },
    gateways: () => undefined,
  };
  const page = createMetrics(sources, { perInstance: false, workloadsMax: metricsLimits.workloadsMax });
  return serveMetrics({ host: "127.0.0.1", port: 0 }, page, log);
}

/** Of those that are there: pretended ones leave nothing behind. */
function countersOf(instances: readonly InstanceFigures[], workloadUid: string): WorkloadCounters {
  const sum = { cpuUs: 0, fuel: 0, throttledUs: 0, restarts: 0 };
  for (const { workloadUid: uid, usage, restarts } of instances) {
    if (uid !== workloadUid) continue;
    sum.cpuUs += usage?.cpuUs ?? 0;
    sum.fuel += usage?.fuel ?? 0;
    sum.throttledUs += usage?.throttledUs ?? 0;
    sum.restarts += restarts;
  }
  return sum;
}
