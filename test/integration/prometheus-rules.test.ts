/** Every alert fires when it should and not when it should not, by Prometheus' own `promtool`. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { type AlertRow, alertRows, app, appLabels, type Labels } from "../support/alert-rows.ts";
import { hasPrometheus, promtool, ruleFiles, rules } from "../support/prometheus-tools.ts";

/** A test of promtool's. An alert's series is there while it is pending or fires. */
function promtoolTest({ alert, name, series, at, firing }: AlertRow) {
  const severity = rules.find((rule) => rule.alert === alert)?.labels?.["severity"] ?? "";
  return {
    name: `${alert}: ${name}`,
    interval: "1m",
    input_series: Object.entries(series).map(([of, values]) => ({ series: of, values })),
    promql_expr_test: [
      {
        expr: `ALERTS{alertname="${alert}",alertstate="firing"}`,
        eval_time: at,
        exp_samples: firing.map((labels) => ({
          labels: labelText("ALERTS", { ...labels, alertname: alert, alertstate: "firing", severity }),
          value: 1,
        })),
      },
    ],
  };
}

function labelText(name: string, labels: Labels): string {
  return `${name}{${Object.entries(labels)
    .map(([of, value]) => `${of}=${JSON.stringify(value)}`)
    .join(",")}}`;
}

function runRules(tests: readonly object[]): string {
  const folder = mkdtempSync(join(tmpdir(), "wherry-rules-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "tests.yaml");
  writeFileSync(
    file,
    stringify({ rule_files: ruleFiles, evaluation_interval: "1m", tests }, { aliasDuplicateObjects: false }),
  );
  return promtool(["test", "rules", file]);
}

test.skipIf(!hasPrometheus)("rules: promtool finds nothing wrong with them", () => {
  promtool(["check", "rules", "--lint=all", "--lint-fatal", ...ruleFiles]);
});

test("rules: each alert has a test in which it fires, and one in which it does not", () => {
  const alerts = rules.flatMap(({ alert }) => alert ?? []);
  expect(alerts.length).toBeGreaterThan(20);
  for (const alert of alerts) {
    const own = alertRows.filter((row) => row.alert === alert);
    expect({ alert, fires: own.some(({ firing }) => firing.length > 0) }).toEqual({ alert, fires: true });
    expect({ alert, rests: own.some(({ firing }) => firing.length === 0) }).toEqual({ alert, rests: true });
  }
  expect(alertRows.map(({ alert }) => alert).filter((alert) => !alerts.includes(alert))).toEqual([]);
});

test.skipIf(!hasPrometheus)("rules: alerts fire when they should, and not when they should not", () => {
  expect(runRules(alertRows.map(promtoolTest))).toContain("SUCCESS");
});

test.skipIf(!hasPrometheus)("rules: a wrong expectation is found out", () => {
  const [row] = alertRows;
  expect(() => runRules([promtoolTest({ ...row!, firing: [{ job: "wherry-scheduler" }] })])).toThrow(
    "FAILED",
  );
});

test.skipIf(!hasPrometheus)("rules: what is recorded of a workload, from two nodes", () => {
  const at = (expr: string, labels: Labels, value: number) => ({
    expr,
    eval_time: "30m",
    exp_samples: [{ labels: labelText(expr, labels), value }],
  });
  const on = (name: string, node: string, more = "") => `${name}{${app},node="${node}"${more}}`;
  const durations = (le: string, by: number) => ({
    series: on("wherry_gateway_request_duration_seconds_bucket", "a", `,le="${le}"`),
    values: `0+${by}x60`,
  });
  const recorded = {
    interval: "1m",
    input_series: [
      { series: on("wherry_workload_cpu_seconds_total", "a"), values: "0+30x60" },
      { series: on("wherry_workload_cpu_seconds_total", "b"), values: "0+60x60" },
      { series: on("wherry_workload_memory_bytes", "a"), values: "100x60" },
      { series: on("wherry_workload_memory_bytes", "b"), values: "11x60" },
      { series: on("wherry_gateway_requests_total", "a", ',code="2xx"'), values: "0+60x60" },
      { series: on("wherry_gateway_requests_total", "b", ',code="5xx"'), values: "0+20x60" },
      durations("0.1", 60),
      durations("0.2", 120),
      durations("+Inf", 120),
      { series: on("wherry_gateway_wakeups_total", "a"), values: "0+1x60" },
      { series: on("wherry_gateway_wakeup_seconds_total", "a"), values: "0+0.5x60" },
    ],
    promql_expr_test: [
      at("workload:wherry_cpu_cores:rate2m", appLabels, 1.5),
      at("workload:wherry_memory_bytes:sum", appLabels, 111),
      at("workload:wherry_request_errors:ratio_rate5m", appLabels, 0.25),
      at("workload:wherry_request_duration_seconds:p50_5m", appLabels, 0.1),
      at("workload:wherry_wakeup_seconds:mean5m", appLabels, 0.5),
    ],
  };
  expect(runRules([recorded])).toContain("SUCCESS");
});
