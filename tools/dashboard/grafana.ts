/** Grafana's JSON of a dashboard: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/ */
import { type Panel, type Row, rows } from "./panels.ts";

const columns = 24;
const stat = { w: 3, h: 4 };
const graph = { w: 8, h: 7 };
const datasource = { type: "prometheus", uid: "${datasource}" };
/** Grafana has no unit for processors. */
const customUnits: Readonly<Record<string, string>> = { cores: "suffix: cores" };

interface Place {
  x: number;
  y: number;
  /** Of the line that is being filled. */
  height: number;
}

export function grafanaDashboard(): object {
  const place: Place = { x: 0, y: 0, height: 0 };
  let id = 0;
  const panels = rows.flatMap((row) => [
    rowHead(row, ++id, place),
    ...row.panels.map((panel) => grafanaPanel(panel, ++id, place)),
  ]);
  return {
    uid: "wherry",
    title: "Wherry",
    description: "A Wherry cluster: scheduler, placement, nodes, workloads, autoscalers, gateway.",
    tags: ["wherry"],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    templating: {
      list: [
        { name: "datasource", type: "datasource", query: "prometheus", label: "Prometheus" },
        variable("namespace", "label_values(wherry_workload_replicas, namespace)"),
        variable("workload", 'label_values(wherry_workload_replicas{namespace=~"$namespace"}, workload)'),
      ],
    },
    panels,
  };
}

function variable(name: string, query: string) {
  return {
    name,
    label: name,
    type: "query",
    datasource,
    query: { query, refId: name },
    refresh: 2,
    multi: true,
    includeAll: true,
    allValue: ".*",
    current: { text: "All", value: "$__all" },
  };
}

function rowHead({ title }: Row, id: number, place: Place) {
  place.y += place.height;
  const gridPos = { x: 0, y: place.y, w: columns, h: 1 };
  place.x = 0;
  place.y += 1;
  place.height = 0;
  return { id, type: "row", title, collapsed: false, gridPos, panels: [] };
}

function grafanaPanel(panel: Panel, id: number, place: Place) {
  const { title, description, unit, form = "graph", queries } = panel;
  const size = form === "stat" ? stat : graph;
  if (place.x + size.w > columns || (place.height > 0 && place.height !== size.h)) {
    place.y += place.height;
    place.x = 0;
  }
  const gridPos = { x: place.x, y: place.y, ...size };
  place.x += size.w;
  place.height = size.h;
  const custom =
    form === "stat"
      ? {}
      : {
          custom: {
            fillOpacity: form === "stack" ? 30 : 0,
            showPoints: "never",
            stacking: { mode: form === "stack" ? "normal" : "none" },
          },
        };
  return {
    id,
    type: form === "stat" ? "stat" : "timeseries",
    title,
    ...(description === undefined ? {} : { description }),
    datasource,
    gridPos,
    fieldConfig: { defaults: { unit: customUnits[unit] ?? unit, min: 0, ...custom }, overrides: [] },
    options: form === "stat" ? { reduceOptions: { calcs: ["lastNotNull"] } } : { tooltip: { mode: "multi" } },
    targets: queries.map(([legendFormat, expr], index) => ({
      refId: String.fromCharCode("A".charCodeAt(0) + index),
      datasource,
      expr,
      legendFormat,
      instant: form === "stat",
      range: form !== "stat",
    })),
  };
}
