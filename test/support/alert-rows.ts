/** When alerts fire and when they do not. */
export type Labels = Readonly<Record<string, string>>;

/** A situation, and which alerts of one name fire in it. */
export interface AlertRow {
  readonly alert: string;
  readonly name: string;
  /** Prometheus' notation: from minute 0, one value a minute. */
  readonly series: Readonly<Record<string, string>>;
  /** When it is looked at. */
  readonly at: string;
  /** Labels of those that fire then, beside the severity; empty: none fires. */
  readonly firing: readonly Labels[];
}

export const app = 'namespace="default",workload="WasmDeployment/app"';
const other = 'namespace="default",workload="WasmDeployment/other"';
export const appLabels = { namespace: "default", workload: "WasmDeployment/app" };
const scaler = 'namespace="default",autoscaler="app"';
const scalerLabels = { namespace: "default", autoscaler: "app" };
const up = 'up{job="wherry-scheduler",instance="s"}';
const always = (value: number) => `${value}x60`;
const nothing: readonly Labels[] = [];

/** A histogram's buckets: so many observations a minute below each bound. */
function buckets(
  name: string,
  perMinute: Readonly<Record<string, number>>,
): Readonly<Record<string, string>> {
  const entries = Object.entries(perMinute).map(([le, by]) => [
    `${name}{instance="s",le="${le}"}`,
    `0+${by}x60`,
  ]);
  return Object.fromEntries(entries) as Readonly<Record<string, string>>;
}

const turns = "wherry_engine_turn_duration_seconds_bucket";
const commits = "wherry_store_commit_duration_seconds_bucket";

export const alertRows: readonly AlertRow[] = [
  { alert: "WherrySchedulerDown", name: "it is up", series: { [up]: always(1) }, at: "10m", firing: nothing },
  {
    alert: "WherrySchedulerDown",
    name: "down for a minute",
    series: { [up]: "1x9 0x1 1x40" },
    at: "11m",
    firing: nothing,
  },
  {
    alert: "WherrySchedulerDown",
    name: "down",
    series: { [up]: "1x9 0x40" },
    at: "15m",
    firing: [{}],
  },
  {
    alert: "WherrySchedulerDown",
    name: "not even known",
    series: {},
    at: "5m",
    firing: [{}],
  },

  {
    alert: "WherryStoreReadOnly",
    name: "it is",
    series: { 'wherry_store_read_only{instance="s"}': always(1) },
    at: "5m",
    firing: [{ instance: "s" }],
  },
  {
    alert: "WherryStoreReadOnly",
    name: "it is not",
    series: { 'wherry_store_read_only{instance="s"}': always(0) },
    at: "5m",
    firing: nothing,
  },

  {
    alert: "WherryStoreCommitsFail",
    name: "some do",
    series: { 'wherry_store_commit_duration_seconds_count{instance="s",result="failed"}': "0+1x60" },
    at: "30m",
    firing: [{ instance: "s" }],
  },
  {
    alert: "WherryStoreCommitsFail",
    name: "conflicts are no failures",
    series: { 'wherry_store_commit_duration_seconds_count{instance="s",result="conflict"}': "0+9x60" },
    at: "30m",
    firing: nothing,
  },
  {
    alert: "WherryStoreCommitsFail",
    name: "one did, long ago",
    series: { 'wherry_store_commit_duration_seconds_count{instance="s",result="failed"}': "0 1x59" },
    at: "30m",
    firing: nothing,
  },

  {
    alert: "WherryStoreSlow",
    name: "they take a second",
    series: buckets(commits, { "0.5": 0, "1": 60, "+Inf": 60 }),
    at: "30m",
    firing: [{}],
  },
  {
    alert: "WherryStoreSlow",
    name: "they take milliseconds",
    series: buckets(commits, { "0.5": 60, "1": 60, "+Inf": 60 }),
    at: "30m",
    firing: nothing,
  },

  {
    alert: "WherryEngineSlow",
    name: "turns take two seconds",
    series: buckets(turns, { "1": 0, "2.5": 60, "+Inf": 60 }),
    at: "30m",
    firing: [{}],
  },
  {
    alert: "WherryEngineSlow",
    name: "one turn in a thousand does",
    series: buckets(turns, { "1": 999, "2.5": 1000, "+Inf": 1000 }),
    at: "30m",
    firing: nothing,
  },

  {
    alert: "WherryReconcileFails",
    name: "it does",
    series: { 'wherry_reconcile_failures_total{instance="s"}': "0+1x60" },
    at: "20m",
    firing: [{ instance: "s" }],
  },
  {
    alert: "WherryReconcileFails",
    name: "it does not",
    series: { 'wherry_reconcile_failures_total{instance="s"}': always(7) },
    at: "20m",
    firing: nothing,
  },

  {
    alert: "WherryLeaderChanges",
    name: "three times in an hour",
    series: { 'wherry_leader_epoch{instance="s"}': "10x9 210x9 230x9 4400x30" },
    at: "50m",
    firing: [{}],
  },
  {
    alert: "WherryLeaderChanges",
    name: "an upgrade",
    series: { 'wherry_leader_epoch{instance="s"}': "10x20 4400x40" },
    at: "50m",
    firing: nothing,
  },

  {
    alert: "WherryWorkloadsHeld",
    name: "for a quarter of an hour",
    series: { 'wherry_workloads_held{instance="s"}': always(5) },
    at: "15m",
    firing: [{ instance: "s" }],
  },
  {
    alert: "WherryWorkloadsHeld",
    name: "after a start",
    series: { 'wherry_workloads_held{instance="s"}': "5x2 0x50" },
    at: "15m",
    firing: nothing,
  },

  {
    alert: "WherryAuditEventsLost",
    name: "some are",
    series: { 'wherry_audit_events_dropped_total{instance="s"}': "0x10 9x50" },
    at: "15m",
    firing: [{ instance: "s" }],
  },
  {
    alert: "WherryAuditEventsLost",
    name: "none is",
    series: { 'wherry_audit_events_dropped_total{instance="s"}': always(9) },
    at: "15m",
    firing: nothing,
  },

  {
    alert: "WherryCertificateExpires",
    name: "in ten days",
    series: { 'wherry_certificate_expiry_timestamp_seconds{instance="s"}': always(10 * 86_400) },
    at: "20m",
    firing: [{ instance: "s" }],
  },
  {
    alert: "WherryCertificateExpires",
    name: "in twenty days",
    series: { 'wherry_certificate_expiry_timestamp_seconds{instance="s"}': always(20 * 86_400) },
    at: "20m",
    firing: nothing,
  },

  {
    alert: "WherryRouteCertificateExpires",
    name: "one of two, in ten days",
    series: {
      'wherry_route_certificate_expiry_timestamp_seconds{namespace="default",secret="a"}': always(
        10 * 86_400,
      ),
      'wherry_route_certificate_expiry_timestamp_seconds{namespace="default",secret="b"}': always(
        90 * 86_400,
      ),
    },
    at: "20m",
    firing: [{ namespace: "default", secret: "a" }],
  },
  {
    alert: "WherryRouteCertificateExpires",
    name: "in twenty days",
    series: {
      'wherry_route_certificate_expiry_timestamp_seconds{namespace="default",secret="a"}': always(
        20 * 86_400,
      ),
    },
    at: "20m",
    firing: nothing,
  },
  {
    alert: "WherryNodesLost",
    name: "two are",
    series: { 'wherry_nodes{session="lost"}': always(2) },
    at: "10m",
    firing: [{}],
  },
  {
    alert: "WherryNodesLost",
    name: "one is silent",
    series: { 'wherry_nodes{session="lost"}': always(0), 'wherry_nodes{session="suspect"}': always(1) },
    at: "10m",
    firing: nothing,
  },

  {
    alert: "WherryMassSilence",
    name: "most nodes are silent",
    series: { wherry_mass_silence: always(1) },
    at: "5m",
    firing: [{}],
  },
  {
    alert: "WherryMassSilence",
    name: "they are not",
    series: { wherry_mass_silence: always(0) },
    at: "5m",
    firing: nothing,
  },

  {
    alert: "WherryNodeNotScraped",
    name: "one of two",
    series: {
      'up{job="wherry-node",instance="a:1",node="a"}': always(0),
      'up{job="wherry-node",instance="b:1",node="b"}': always(1),
    },
    at: "10m",
    firing: [{ job: "wherry-node", instance: "a:1", node: "a" }],
  },
  {
    alert: "WherryNodeNotScraped",
    name: "for two minutes",
    series: { 'up{job="wherry-node",instance="a:1",node="a"}': "1x5 0x1 1x50" },
    at: "8m",
    firing: nothing,
  },

  {
    alert: "WherryNodePressure",
    name: "memory of one of two",
    series: {
      'wherry_node_condition{node="a",condition="MemoryPressure"}': always(1),
      'wherry_node_condition{node="b",condition="MemoryPressure"}': always(0),
    },
    at: "20m",
    firing: [{ node: "a", condition: "MemoryPressure" }],
  },
  {
    alert: "WherryNodePressure",
    name: "another condition",
    series: { 'wherry_node_condition{node="a",condition="Ready"}': always(1) },
    at: "20m",
    firing: nothing,
  },

  {
    alert: "WherryNodeSessionsRefused",
    name: "two machines with one name",
    series: {
      'wherry_node_sessions_refused_total{reason="duplicate"}': "0+3x60",
      'wherry_node_sessions_refused_total{reason="contract"}': always(0),
    },
    at: "30m",
    firing: [{ reason: "duplicate" }],
  },
  {
    alert: "WherryNodeSessionsRefused",
    name: "once",
    series: { 'wherry_node_sessions_refused_total{reason="duplicate"}': "0 1x50" },
    at: "30m",
    firing: nothing,
  },

  {
    alert: "WherryInstancePending",
    name: "for half an hour",
    series: { wherry_placement_longest_wait_seconds: "0+60x60" },
    at: "30m",
    firing: [{}],
  },
  {
    alert: "WherryInstancePending",
    name: "for a moment",
    series: { wherry_placement_longest_wait_seconds: always(30) },
    at: "30m",
    firing: nothing,
  },

  {
    alert: "WherryWorkloadNotReady",
    name: "one of two",
    series: {
      [`wherry_workload_replicas{${app}}`]: always(3),
      [`wherry_workload_replicas_ready{${app}}`]: always(2),
      [`wherry_workload_replicas{${other}}`]: always(3),
      [`wherry_workload_replicas_ready{${other}}`]: always(3),
    },
    at: "20m",
    firing: [appLabels],
  },
  {
    alert: "WherryWorkloadNotReady",
    name: "while it is scaled up",
    series: {
      [`wherry_workload_replicas{${app}}`]: always(3),
      [`wherry_workload_replicas_ready{${app}}`]: "1x5 3x50",
    },
    at: "20m",
    firing: nothing,
  },

  {
    alert: "WherryWorkloadRestarts",
    name: "one of two, on two nodes",
    series: {
      [`wherry_workload_restarts_total{${app},node="a"}`]: "0+1x60",
      [`wherry_workload_restarts_total{${app},node="b"}`]: "0+1x60",
      [`wherry_workload_restarts_total{${other},node="a"}`]: always(40),
    },
    at: "30m",
    firing: [appLabels],
  },
  {
    alert: "WherryWorkloadRestarts",
    name: "now and then",
    series: { [`wherry_workload_restarts_total{${app},node="a"}`]: "0 1x60" },
    at: "10m",
    firing: nothing,
  },

  {
    alert: "WherryRequestsFail",
    name: "one in ten",
    series: {
      [`wherry_gateway_requests_total{${app},code="2xx"}`]: "0+90x60",
      [`wherry_gateway_requests_total{${app},code="5xx"}`]: "0+10x60",
      [`wherry_gateway_requests_total{${other},code="2xx"}`]: "0+90x60",
    },
    at: "30m",
    firing: [appLabels],
  },
  {
    alert: "WherryRequestsFail",
    name: "one in a hundred",
    series: {
      [`wherry_gateway_requests_total{${app},code="2xx"}`]: "0+99x60",
      [`wherry_gateway_requests_total{${app},code="5xx"}`]: "0+1x60",
    },
    at: "30m",
    firing: nothing,
  },
  {
    alert: "WherryRequestsFail",
    name: "there are hardly any",
    series: { [`wherry_gateway_requests_total{${app},code="5xx"}`]: "0+1x60" },
    at: "30m",
    firing: nothing,
  },
  {
    alert: "WherryRequestsFail",
    name: "those of clients are their own",
    series: { [`wherry_gateway_requests_total{${app},code="4xx"}`]: "0+90x60" },
    at: "30m",
    firing: nothing,
  },

  {
    alert: "WherryRequestsWait",
    name: "for an instance that does not start",
    series: { [`wherry_gateway_requests_waiting{${app},node="a"}`]: always(2) },
    at: "10m",
    firing: [appLabels],
  },
  {
    alert: "WherryRequestsWait",
    name: "for a wake-up",
    series: { [`wherry_gateway_requests_waiting{${app},node="a"}`]: "0x5 1x1 0x50" },
    at: "10m",
    firing: nothing,
  },

  {
    alert: "WherryAutoscalerWithoutData",
    name: "Prometheus does not answer",
    series: { [`wherry_autoscaler_metrics_unknown{${scaler},reason="Unreachable"}`]: always(1) },
    at: "10m",
    firing: [scalerLabels],
  },
  {
    alert: "WherryAutoscalerWithoutData",
    name: "for a moment",
    series: { [`wherry_autoscaler_metrics_unknown{${scaler},reason="Unreachable"}`]: "0x5 1x2 0x50" },
    at: "10m",
    firing: nothing,
  },

  {
    alert: "WherryAutoscalerAtMax",
    name: "for half an hour",
    series: {
      [`wherry_autoscaler_replicas_desired{${scaler}}`]: always(9),
      [`wherry_autoscaler_replicas_max{${scaler}}`]: always(9),
      [`wherry_autoscaler_replicas_min{${scaler}}`]: always(1),
    },
    at: "30m",
    firing: [scalerLabels],
  },
  {
    alert: "WherryAutoscalerAtMax",
    name: "below it",
    series: {
      [`wherry_autoscaler_replicas_desired{${scaler}}`]: always(8),
      [`wherry_autoscaler_replicas_max{${scaler}}`]: always(9),
      [`wherry_autoscaler_replicas_min{${scaler}}`]: always(1),
    },
    at: "30m",
    firing: nothing,
  },
  {
    alert: "WherryAutoscalerAtMax",
    name: "it has no room by its own declaration",
    series: {
      [`wherry_autoscaler_replicas_desired{${scaler}}`]: always(2),
      [`wherry_autoscaler_replicas_max{${scaler}}`]: always(2),
      [`wherry_autoscaler_replicas_min{${scaler}}`]: always(2),
    },
    at: "30m",
    firing: nothing,
  },
];
