/** What the dashboard shows: a row per part of a cluster. Everything else about it is in grafana.ts. */
export interface Panel {
  readonly title: string;
  readonly description?: string;
  /** Grafana's name of it. */
  readonly unit: Unit;
  /** A number as of now, or its course. */
  readonly form?: "stat" | "graph" | "stack";
  /** Legend to query. */
  readonly queries: readonly (readonly [legend: string, expr: string])[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

type Unit =
  | "short"
  | "s"
  | "bytes"
  | "Bps"
  | "ops"
  | "reqps"
  | "percentunit"
  | "cores"
  | "none"
  | "dateTimeFromNow";

const chosen = 'namespace=~"$namespace",workload=~"$workload"';
const rate = (of: string) => `rate(${of}[$__rate_interval])`;
const quantile = (q: number, bucket: string, by = "") =>
  `histogram_quantile(${q}, sum by (le${by === "" ? "" : `, ${by}`}) (${rate(bucket)}))`;

const cluster: Row = {
  title: "Cluster",
  panels: [
    {
      title: "Nodes",
      unit: "short",
      form: "stat",
      queries: [["{{session}}", "sum by (session) (wherry_nodes)"]],
    },
    {
      title: "Instances ready",
      unit: "short",
      form: "stat",
      queries: [["ready", "sum(wherry_instances_ready)"]],
    },
    {
      title: "Waiting for a node",
      unit: "short",
      form: "stat",
      queries: [["waiting", "sum(wherry_placement_waiting_instances)"]],
    },
    {
      title: "Longest wait",
      unit: "s",
      form: "stat",
      queries: [["wait", "max(wherry_placement_longest_wait_seconds)"]],
    },
    {
      title: "Alerts",
      unit: "short",
      form: "stat",
      queries: [["firing", 'count(ALERTS{alertname=~"Wherry.+",alertstate="firing"}) or vector(0)']],
    },
    { title: "Leadership", unit: "none", form: "stat", queries: [["epoch", "max(wherry_leader_epoch)"]] },
    {
      title: "Store",
      unit: "short",
      form: "stat",
      description: "1: it refuses writes.",
      queries: [["read-only", "max(wherry_store_read_only)"]],
    },
    {
      title: "Certificate expires",
      unit: "dateTimeFromNow",
      form: "stat",
      queries: [["scheduler", "min(wherry_certificate_expiry_timestamp_seconds) * 1000"]],
    },
    {
      title: "Instances by phase",
      unit: "short",
      form: "stack",
      queries: [["{{phase}}", "sum by (phase) (wherry_instances)"]],
    },
    { title: "Workloads", unit: "short", queries: [["{{kind}}", "sum by (kind) (wherry_workloads)"]] },
    {
      title: "API requests",
      unit: "reqps",
      queries: [["{{verb}}", `sum by (verb) (${rate("wherry_apiserver_requests_total")})`]],
    },
    {
      title: "API errors",
      unit: "reqps",
      queries: [["{{code}}", `sum by (code) (${rate('wherry_apiserver_requests_total{code=~"5..|429"}')})`]],
    },
    {
      title: "API latency, p99",
      unit: "s",
      queries: [["{{verb}}", quantile(0.99, "wherry_apiserver_request_duration_seconds_bucket", "verb")]],
    },
    {
      title: "Store commits",
      unit: "s",
      queries: [
        ["p50", quantile(0.5, "wherry_store_commit_duration_seconds_bucket")],
        ["p99", quantile(0.99, "wherry_store_commit_duration_seconds_bucket")],
      ],
    },
    { title: "Store size", unit: "bytes", queries: [["size", "max(wherry_store_size_bytes)"]] },
    {
      title: "Objects",
      unit: "short",
      queries: [["{{resource}}", "topk(10, sum by (resource) (wherry_apiserver_objects))"]],
    },
    {
      title: "Scheduler: processor",
      unit: "cores",
      queries: [
        ["{{instance}}", `sum by (instance) (${rate('process_cpu_seconds_total{job="wherry-scheduler"}')})`],
      ],
    },
    {
      title: "Scheduler: memory",
      unit: "bytes",
      queries: [
        ["{{instance}}", 'sum by (instance) (process_resident_memory_bytes{job="wherry-scheduler"})'],
      ],
    },
    {
      title: "Scheduler: event loop delay, p99",
      unit: "s",
      queries: [
        ["{{instance}}", 'max by (instance) (nodejs_eventloop_lag_p99_seconds{job="wherry-scheduler"})'],
      ],
    },
  ],
};

const placement: Row = {
  title: "Placement",
  panels: [
    {
      title: "Attempts by result",
      unit: "ops",
      form: "stack",
      queries: [["{{result}}", `sum by (result) (${rate("wherry_placement_attempts_total")})`]],
    },
    {
      title: "From made to assigned",
      unit: "s",
      queries: [
        ["p50", quantile(0.5, "wherry_placement_duration_seconds_bucket")],
        ["p99", quantile(0.99, "wherry_placement_duration_seconds_bucket")],
      ],
    },
    {
      title: "From made to running",
      unit: "s",
      queries: [
        ["p50", quantile(0.5, "wherry_instances_start_duration_seconds_bucket")],
        ["p99", quantile(0.99, "wherry_instances_start_duration_seconds_bucket")],
      ],
    },
    {
      title: "Computing time of a decision",
      unit: "s",
      queries: [
        ["p50", quantile(0.5, "wherry_placement_decision_duration_seconds_bucket")],
        ["p99", quantile(0.99, "wherry_placement_decision_duration_seconds_bucket")],
      ],
    },
    {
      title: "Instances without a node, by queue",
      unit: "short",
      form: "stack",
      queries: [["{{queue}}", "sum by (queue) (wherry_placement_waiting_instances)"]],
    },
    {
      title: "Evictions",
      unit: "ops",
      queries: [
        ["{{reason}}", `sum by (reason) (${rate("wherry_evictions_total")})`],
        ["for others", `sum(${rate("wherry_preemptions_total")})`],
      ],
    },
    {
      title: "Turns of the loop",
      unit: "s",
      queries: [
        ["p50", quantile(0.5, "wherry_engine_turn_duration_seconds_bucket")],
        ["p99", quantile(0.99, "wherry_engine_turn_duration_seconds_bucket")],
      ],
    },
    {
      title: "Reconciling a workload, p99",
      unit: "s",
      queries: [["{{kind}}", quantile(0.99, "wherry_reconcile_duration_seconds_bucket", "kind")]],
    },
    {
      title: "Ended instances",
      unit: "ops",
      queries: [["{{kind}} {{result}}", `sum by (kind, result) (${rate("wherry_instances_ended_total")})`]],
    },
  ],
};

const nodes: Row = {
  title: "Nodes",
  panels: [
    { title: "Scraped", unit: "short", form: "stat", queries: [["nodes", 'sum(up{job="wherry-node"})']] },
    {
      title: "Instances on a node",
      unit: "short",
      queries: [["{{node}}", "topk(20, sum by (node) (wherry_node_instances))"]],
    },
    {
      title: "Conditions",
      unit: "short",
      description: "Nodes of which a condition is true.",
      queries: [["{{condition}}", "sum by (condition) (wherry_node_condition)"]],
    },
    {
      title: "Processes that host instances",
      unit: "short",
      form: "stack",
      queries: [["{{use}}", "sum by (use) (wherry_node_shims)"]],
    },
    {
      title: "Evictions by nodes",
      unit: "ops",
      queries: [["{{resource}}", `sum by (resource) (${rate("wherry_node_evictions_total")})`]],
    },
    {
      title: "Modules on disk",
      unit: "bytes",
      queries: [["{{form}}", "sum by (form) (wherry_node_cache_bytes)"]],
    },
    {
      title: "Daemons: processor",
      unit: "cores",
      queries: [
        ["{{node}}", `topk(20, sum by (node) (${rate('process_cpu_seconds_total{job="wherry-node"}')}))`],
      ],
    },
    {
      title: "Daemons: memory",
      unit: "bytes",
      queries: [["{{node}}", 'topk(20, sum by (node) (process_resident_memory_bytes{job="wherry-node"}))']],
    },
    {
      title: "Session messages",
      unit: "ops",
      queries: [
        ["from nodes: {{message}}", `sum by (message) (${rate("wherry_node_messages_received_total")})`],
        ["to nodes: {{message}}", `sum by (message) (${rate("wherry_node_messages_sent_total")})`],
      ],
    },
    {
      title: "Session bytes",
      unit: "Bps",
      queries: [
        ["from nodes", `sum(${rate("wherry_node_received_bytes_total")})`],
        ["to nodes", `sum(${rate("wherry_node_sent_bytes_total")})`],
      ],
    },
    {
      title: "Sessions refused",
      unit: "ops",
      queries: [
        ["{{reason}}", `sum by (reason) (${rate("wherry_node_sessions_refused_total")})`],
        ["silent", `sum(${rate("wherry_node_sessions_silent_total")})`],
      ],
    },
  ],
};

const workloads: Row = {
  title: "Workloads",
  panels: [
    {
      title: "Ready of desired",
      unit: "percentunit",
      queries: [
        [
          "{{namespace}} {{workload}}",
          `sum by (namespace, workload) (wherry_workload_replicas_ready{${chosen}}) / (sum by (namespace, workload) (wherry_workload_replicas{${chosen}}) > 0)`,
        ],
      ],
    },
    {
      title: "Desired",
      unit: "short",
      queries: [
        ["{{namespace}} {{workload}}", `sum by (namespace, workload) (wherry_workload_replicas{${chosen}})`],
      ],
    },
    {
      title: "Instances by phase",
      unit: "short",
      queries: [
        [
          "{{namespace}} {{workload}} {{phase}}",
          `sum by (namespace, workload, phase) (wherry_workload_instances{${chosen}})`,
        ],
      ],
    },
    {
      title: "Processor",
      unit: "cores",
      form: "stack",
      queries: [["{{namespace}} {{workload}}", `workload:wherry_cpu_cores:rate2m{${chosen}}`]],
    },
    {
      title: "Held back by CPU limits",
      unit: "cores",
      description: "1: one instance was, all the time.",
      queries: [["{{namespace}} {{workload}}", `workload:wherry_throttled:rate2m{${chosen}}`]],
    },
    {
      title: "Memory",
      unit: "bytes",
      form: "stack",
      queries: [["{{namespace}} {{workload}}", `workload:wherry_memory_bytes:sum{${chosen}}`]],
    },
    {
      title: "Units of work",
      unit: "ops",
      queries: [["{{namespace}} {{workload}}", `workload:wherry_fuel:rate2m{${chosen}}`]],
    },
    {
      title: "Restarts in 15 minutes",
      unit: "short",
      queries: [["{{namespace}} {{workload}}", `workload:wherry_restarts:increase15m{${chosen}}`]],
    },
  ],
};

const autoscalers: Row = {
  title: "Autoscalers",
  panels: [
    {
      title: "Replicas",
      unit: "short",
      queries: [
        [
          "{{namespace}} {{autoscaler}} desired",
          'wherry_autoscaler_replicas_desired{namespace=~"$namespace"}',
        ],
        ["{{namespace}} {{autoscaler}} now", 'wherry_autoscaler_replicas_current{namespace=~"$namespace"}'],
      ],
    },
    {
      title: "Room to the maximum",
      unit: "short",
      queries: [
        [
          "{{namespace}} {{autoscaler}}",
          'wherry_autoscaler_replicas_max{namespace=~"$namespace"} - wherry_autoscaler_replicas_desired',
        ],
      ],
    },
    {
      title: "Metrics that are not known",
      unit: "short",
      queries: [
        [
          "{{namespace}} {{autoscaler}} {{reason}}",
          'wherry_autoscaler_metrics_unknown{namespace=~"$namespace"}',
        ],
        ["fallback: {{namespace}} {{autoscaler}}", 'wherry_autoscaler_fallback{namespace=~"$namespace"} > 0'],
      ],
    },
    {
      title: "Changes",
      unit: "ops",
      queries: [["{{result}}", `sum by (result) (${rate("wherry_autoscaler_rescales_total")})`]],
    },
    {
      title: "Questions to Prometheus and Redis",
      unit: "ops",
      queries: [
        ["{{source}} {{result}}", `sum by (source, result) (${rate("wherry_autoscaler_questions_total")})`],
      ],
    },
    {
      title: "Computing time of a decision, p99",
      unit: "s",
      queries: [["p99", quantile(0.99, "wherry_autoscaler_decision_duration_seconds_bucket")]],
    },
  ],
};

const gateway: Row = {
  title: "Gateway",
  panels: [
    {
      title: "Requests by status",
      unit: "reqps",
      form: "stack",
      queries: [["{{code}}", `sum by (code) (${rate(`wherry_gateway_requests_total{${chosen}}`)})`]],
    },
    {
      title: "Requests",
      unit: "reqps",
      queries: [["{{namespace}} {{workload}}", `workload:wherry_requests:rate2m{${chosen}}`]],
    },
    {
      title: "Errors",
      unit: "percentunit",
      queries: [["{{namespace}} {{workload}}", `workload:wherry_request_errors:ratio_rate5m{${chosen}}`]],
    },
    {
      title: "Duration",
      unit: "s",
      queries: [
        ["{{namespace}} {{workload}} p50", `workload:wherry_request_duration_seconds:p50_5m{${chosen}}`],
        ["{{namespace}} {{workload}} p99", `workload:wherry_request_duration_seconds:p99_5m{${chosen}}`],
      ],
    },
    {
      title: "In flight",
      unit: "short",
      queries: [["{{namespace}} {{workload}}", `workload:wherry_requests_in_flight:sum{${chosen}}`]],
    },
    {
      title: "Waiting for an instance",
      unit: "short",
      queries: [
        [
          "{{namespace}} {{workload}}",
          `sum by (namespace, workload) (wherry_gateway_requests_waiting{${chosen}})`,
        ],
      ],
    },
    {
      title: "Retries",
      unit: "ops",
      queries: [
        [
          "{{namespace}} {{workload}}",
          `sum by (namespace, workload) (${rate(`wherry_gateway_retries_total{${chosen}}`)})`,
        ],
      ],
    },
    {
      title: "Wake-ups from zero",
      unit: "s",
      description: "How long the first request has waited.",
      queries: [["{{namespace}} {{workload}}", `workload:wherry_wakeup_seconds:mean5m{${chosen}}`]],
    },
    {
      title: "Wake-ups by result",
      unit: "ops",
      queries: [["{{result}}", `sum by (result) (${rate("wherry_wakeups_total")})`]],
    },
  ],
};

export const rows: readonly Row[] = [cluster, placement, nodes, workloads, autoscalers, gateway];
