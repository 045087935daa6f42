import { beforeEach, expect, test } from "vitest";
import type { HttpHandler, InstanceSpec } from "../../api/gen/kinds.gen.ts";
import { configureTemplate } from "../core/instance-config.ts";
import { assigned, reduce } from "../core/lifecycle.ts";
import type { Lifecycle, LifecycleEvent } from "../core/lifecycle-state.ts";
import { type HeldInstance, policyOf } from "../held-instance.ts";
import { buildAssignment, buildTemplate } from "../testing/builders.ts";
import { EndpointBoard } from "./endpoint-board.ts";

const http: HttpHandler = {
  handler: "wagi",
  concurrency: 4,
  queueLength: 8,
  requestsPerInstance: 100,
  requestTimeoutSeconds: 30,
  maxRequestBodyBytes: 1024,
};
const server: Partial<InstanceSpec> = {
  http: { ...http, handler: "listener" },
  listeners: [{ name: "web", address: "127.0.0.1", port: 0 }],
};
const readinessProbe: InstanceSpec["readinessProbe"] = {
  exec: { args: ["check"] },
  initialDelaySeconds: 0,
  periodSeconds: 1,
  timeoutSeconds: 1,
  successThreshold: 1,
  failureThreshold: 1,
};

let folder: string | undefined;
let port: number | undefined;
let told: string[];
let board: EndpointBoard;
beforeEach(() => {
  folder = "/shims/1";
  port = 8081;
  told = [];
  board = new EndpointBoard({
    requestFolderOf: () => folder,
    boundPortOf: () => port,
    told: ({ uid, reach }) =>
      told.push(`${uid} at ${reach.kind === "shim" ? reach.folder : `${reach.address}:${reach.port}`}`),
    gone: (uid, drains) => told.push(`${uid} gone${drains ? ", drains" : ""}`),
  });
});

function held(spec: Partial<InstanceSpec>): HeldInstance {
  const outcome = configureTemplate(buildTemplate(spec).specJson);
  const template = { id: "t", outcome, arrived: true, users: 1, contentsId: "" };
  const assignment = buildAssignment({ uid: "a" });
  const { lifecycle } = assigned(policyOf(template, assignment));
  return {
    assignment,
    template,
    lifecycle,
    setup: undefined,
    ready: undefined,
    basis: undefined,
    retained: undefined,
  };
}

const now = { wallMs: 0, monotonicMs: 0 };
const starting: readonly LifecycleEvent[] = [
  { kind: "fetched", attempt: 1, digest: "d" },
  { kind: "prepared", attempt: 1 },
  { kind: "mounted", attempt: 1 },
];
const started: LifecycleEvent = { kind: "runStarted", run: 0, atMs: 0, isolation: "shared" };
const stop: LifecycleEvent = { kind: "stop", cause: "Stopped", graceMs: 1000 };
const health = (ready: boolean): LifecycleEvent => ({
  kind: "health",
  run: 0,
  health: { started: true, ready, reason: ready ? "" : "NotReady", message: "" },
});

function live(of: HeldInstance, ...events: readonly LifecycleEvent[]): Lifecycle {
  for (const event of events) {
    of.lifecycle = reduce(of.lifecycle, event, now).lifecycle;
    board.follow(of);
  }
  return of.lifecycle;
}

test("EndpointBoard: an instance is an endpoint from its start until it is to stop", () => {
  const one = held({ http });
  live(one, ...starting);
  expect(told).toEqual([]);
  live(one, started);
  expect([...board.all()]).toEqual([
    {
      uid: "a",
      namespace: "default",
      name: "web-1",
      workload: "owner-1",
      templateHash: "hash-1",
      reach: { kind: "shim", folder: "/shims/1" },
      concurrency: 4,
      timeoutMs: 30_000,
      idleTimeoutMs: 60_000,
      bodyBytesMax: 1024,
      functions: false,
      endsTunnels: false,
    },
  ]);
  live(one, stop, stop);
  expect(told).toEqual(["a at /shims/1", "a gone"]);
  expect([...board.all()]).toEqual([]);
});

test.each([
  ["none", false],
  ["stdin", true],
] as const)(
  "EndpointBoard: a server with stopNotice %s ends its tunnels itself: %s",
  (stopNotice, endsTunnels) => {
    live(held({ ...server, stopNotice }), ...starting, started);
    expect([...board.all()].map((endpoint) => endpoint.endsTunnels)).toEqual([endsTunnels]);
  },
);

test("EndpointBoard: only as long as it is ready", () => {
  const one = held({ http, readinessProbe });
  live(one, ...starting, started);
  expect(told).toEqual([]);
  live(one, health(true), health(true), health(false), health(true));
  expect(told).toEqual(["a at /shims/1", "a gone", "a at /shims/1"]);
});

test("EndpointBoard: a run that ends is none any more, and the next may be elsewhere", () => {
  const one = held({ http });
  live(one, ...starting, started);
  live(one, {
    kind: "runEnded",
    run: 0,
    atMs: 0,
    end: { kind: "lost", message: "" },
    terminationMessage: "",
  });
  folder = "/shims/2";
  live(one, { kind: "woke" }, ...starting.map((event) => ({ ...event, attempt: 2 })), { ...started, run: 1 });
  expect(told).toEqual(["a at /shims/1", "a gone", "a at /shims/2"]);
});

test("EndpointBoard: one that was taken over while it started is told once its process says so", () => {
  folder = undefined;
  const one = held({ http });
  live(one, ...starting, started);
  expect(told).toEqual([]);
  folder = "/shims/1";
  // The lifecycle takes it to run already.
  live(one, started);
  expect(told).toEqual(["a at /shims/1"]);
});

test("EndpointBoard: a server is reached where it is bound, and drained before it stops", () => {
  const one = held(server);
  port = undefined;
  live(one, ...starting, started);
  expect(told).toEqual([]);
  port = 8081;
  board.follow(one);
  expect(live(one, stop).state).toMatchObject({ kind: "stopping", inPreStop: true });
  expect(told).toEqual(["a at 127.0.0.1:8081", "a gone, drains"]);
});

test("EndpointBoard: a server at a port of its template is there", () => {
  const one = held({ ...server, listeners: [{ name: "web", address: "0.0.0.0", port: 80 }] });
  live(one, ...starting, started);
  expect(told).toEqual(["a at 127.0.0.1:80"]);
});

test("EndpointBoard: a command is no endpoint", () => {
  live(held({}), ...starting, started, stop);
  expect(told).toEqual([]);
});
