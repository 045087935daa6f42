/**
 * Of the daemon's own process, by the names that every exporter has for it. prom-client's defaults have twice as many, some of them under names that
 * promtool objects to.
 */
import type { Definition } from "./metric-definition.ts";

export function processMetrics(): readonly Definition[] {
  let last = performance.eventLoopUtilization();
  const beganSeconds = Math.round(Date.now() / 1000 - process.uptime());
  const one = (kind: Definition["kind"], name: string, help: string, value: () => number): Definition => ({
    kind,
    name,
    help,
    labels: [],
    samples: () => [[{}, value()]],
  });
  return [
    one("counter", "process_cpu_seconds_total", "CPU time of the node daemon", () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    }),
    one("gauge", "process_resident_memory_bytes", "Resident memory of the node daemon", () =>
      process.memoryUsage.rss(),
    ),
    one("gauge", "process_start_time_seconds", "When the node daemon has started", () => beganSeconds),
    one(
      "gauge",
      "wherry_node_event_loop_utilization_ratio",
      "Part of the time since the page was read last in which the event loop of the node daemon was busy",
      () => {
        const now = performance.eventLoopUtilization();
        const { utilization } = performance.eventLoopUtilization(now, last);
        last = now;
        return utilization;
      },
    ),
  ];
}
