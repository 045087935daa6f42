import { expect, test } from "vitest";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { FakeBackend } from "../../testing/fake-backend.ts";
import { eventsIn, job, startEngine, statusOf } from "../../testing/test-engine.ts";

const startMs = Date.UTC(2026, 0, 1);
const plural = "wasmcronjobs";

function cronJob(spec: Record<string, unknown> = {}, name = "tick") {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmCronJob",
    metadata: { name, namespace: "default" },
    spec: {
      schedule: "* * * * *",
      concurrencyPolicy: "Allow",
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
      jobTemplate: { metadata: { labels: { app: "tick" } }, spec: job().spec },
      ...spec,
    },
  };
}

function objectsOf(backend: FakeBackend, wanted: string): readonly ApiObject[] {
  const objects: ApiObject[] = [];
  const stop = new AbortController();
  const listener = (event: { kind: string; object?: ApiObject }) =>
    event.object && objects.push(event.object);
  backend.watch({ group: "", plural: wanted }, listener, stop.signal);
  stop.abort();
  return objects;
}

const jobNames = (backend: FakeBackend) =>
  objectsOf(backend, "wasmjobs").map(({ metadata }) => metadata.name);
const reasons = (backend: FakeBackend) =>
  eventsIn(backend).map((event) => `${String(event["reason"])} ${String(event["count"])}`);
const minuteName = (minute: number) => `tick-${startMs / 60_000 + minute}`;

/** Every name that was ever created, in order, and how often. */
function creations(backend: FakeBackend): readonly string[] {
  const names: string[] = [];
  const known = new Set<string>();
  backend.watch(
    { group: "", plural: "wasmjobs" },
    (event) => {
      if (event.kind !== "put" || known.has(event.object.metadata.uid)) return;
      known.add(event.object.metadata.uid);
      names.push(event.object.metadata.name);
    },
    new AbortController().signal,
  );
  return names;
}

function end(backend: FakeBackend, name: string, type: "Complete" | "Failed" = "Complete"): void {
  const object = backend.get({ group: "wherry.dev", plural: "wasmjobs" }, "default", name);
  if (!object) throw new Error(`no job ${name}`);
  const condition = {
    type,
    status: "True",
    reason: "",
    message: "",
    lastTransitionTime: "2026-01-01T00:00:00Z",
  };
  backend.put("wasmjobs", {
    ...object,
    status: { completionTime: "2026-01-01T00:02:00Z", conditions: [condition] },
  });
}

test("CronJobKeeper: makes a job at each time, which belongs to the cron job", async () => {
  const { backend, pass, engine } = await startEngine();
  const { metadata } = backend.put(plural, cronJob());
  await pass(182_000);
  expect(jobNames(backend)).toEqual([minuteName(1), minuteName(2), minuteName(3)]);
  const [made] = objectsOf(backend, "wasmjobs");
  expect(made).toMatchObject({
    metadata: {
      namespace: "default",
      labels: { app: "tick", "wherry.dev/cron-job": "tick" },
      annotations: { "wherry.dev/cron-job-scheduled-timestamp": "2026-01-01T00:01:00Z" },
      ownerReferences: [
        { kind: "WasmCronJob", name: "tick", uid: metadata.uid, controller: true, blockOwnerDeletion: true },
      ],
    },
    spec: job().spec,
  });
  expect(statusOf(backend, plural, "tick")).toMatchObject({
    activeCount: 3,
    lastScheduleTime: "2026-01-01T00:03:00Z",
    nextScheduleTime: "2026-01-01T00:04:00Z",
  });
  expect(reasons(backend)).toContain("SuccessfulCreate 3");
  await engine.close();
});

test("CronJobKeeper: a job in another namespace that names it as its owner is none of its", async () => {
  const { backend, pass, engine } = await startEngine();
  const { metadata } = backend.put(plural, cronJob({ concurrencyPolicy: "Forbid" }));
  const owner = { apiVersion: "wherry.dev/v1alpha1", kind: "WasmCronJob", name: "tick", uid: metadata.uid };
  const theirs = {
    name: minuteName(-1),
    namespace: "elsewhere",
    annotations: { "wherry.dev/cron-job-scheduled-timestamp": "2025-12-31T23:59:00Z" },
    ownerReferences: [{ ...owner, controller: true }],
  };
  backend.put("wasmjobs", { ...job(), metadata: theirs });
  await pass(62_000);
  expect(jobNames(backend)).toEqual([minuteName(-1), minuteName(1)]);
  expect(statusOf(backend, plural, "tick")).toMatchObject({ activeCount: 1 });
  await engine.close();
});

test("CronJobKeeper: a suspended cron job makes none, and goes on with the last that was missed", async () => {
  const { backend, pass, engine } = await startEngine();
  backend.put(plural, cronJob({ suspend: true }));
  await pass(150_000);
  expect(jobNames(backend)).toEqual([]);
  backend.put(plural, cronJob({ suspend: false }));
  await pass(1_000);
  expect(jobNames(backend)).toEqual([minuteName(2)]);
  await engine.close();
});

test("CronJobKeeper: Forbid waits for the job of before, and starts when that is over", async () => {
  const { backend, pass, engine } = await startEngine();
  backend.put(plural, cronJob({ concurrencyPolicy: "Forbid" }));
  await pass(190_000);
  expect(jobNames(backend)).toEqual([minuteName(1)]);
  end(backend, minuteName(1), "Failed");
  await pass(2_000);
  expect(jobNames(backend)).toEqual([minuteName(1), minuteName(3)]);
  expect(reasons(backend)).toEqual(expect.arrayContaining(["JobAlreadyActive 2", "SawCompletedJob 1"]));
  await engine.close();
});

test("CronJobKeeper: Replace deletes the job of before", async () => {
  const { backend, pass, engine } = await startEngine();
  backend.put(plural, cronJob({ concurrencyPolicy: "Replace" }));
  await pass(121_500);
  expect(jobNames(backend)).toEqual([minuteName(2)]);
  expect(statusOf(backend, plural, "tick")).toMatchObject({ activeCount: 1 });
  expect(reasons(backend)).not.toContain("MissingJob 1");
  await engine.close();
});

test("CronJobKeeper: keeps as many jobs as the history has room for", async () => {
  const { backend, pass, engine } = await startEngine();
  backend.put(plural, cronJob({ successfulJobsHistoryLimit: 2 }));
  await pass(1_000);
  for (let minute = 1; minute <= 5; minute++) {
    await pass(60_000);
    end(backend, minuteName(minute));
  }
  await pass(1_000);
  expect(jobNames(backend)).toEqual([minuteName(4), minuteName(5)]);
  expect(statusOf(backend, plural, "tick")).toMatchObject({
    activeCount: 0,
    lastSuccessfulTime: "2026-01-01T00:02:00Z",
  });
  await engine.close();
});

test("CronJobKeeper: a job that is over and gone before anybody looks is counted", async () => {
  const { backend, pass, engine } = await startEngine();
  backend.put(plural, cronJob());
  await pass(60_500);
  end(backend, minuteName(1));
  const [made] = objectsOf(backend, "wasmjobs");
  backend.remove("wasmjobs", made!);
  await pass(2_000);
  expect(statusOf(backend, plural, "tick")).toMatchObject({
    activeCount: 0,
    lastSuccessfulTime: "2026-01-01T00:02:00Z",
  });
  expect(reasons(backend)).toContain("SawCompletedJob 1");
  await engine.close();
});

test("CronJobKeeper: after a downtime the last missed time has a job, and no other", async () => {
  const first = await startEngine();
  first.backend.put(plural, cronJob());
  await first.pass(60_500);
  await first.engine.close();
  const second = await startEngine(first.backend, 8);
  second.clock.jump(10 * 60_000 + 5_000);
  await second.pass(21_000);
  expect(jobNames(first.backend)).toEqual([minuteName(1), minuteName(10)]);
  expect(reasons(first.backend)).toContain("MissSchedule 1");
  await second.engine.close();
});

test("CronJobKeeper: a time whose job nobody heard of is not run again by the next scheduler", async () => {
  const first = await startEngine();
  const made = creations(first.backend);
  first.backend.put(plural, cronJob());
  await first.pass(1_000);
  first.backend.holdAnswers = true;
  await first.pass(59_500);
  expect(made).toEqual([minuteName(1)]);
  void first.engine.close();
  first.backend.holdAnswers = false;
  const second = await startEngine(first.backend, 8);
  await second.pass(100_000);
  expect(made).toEqual([minuteName(1)]);
  expect(statusOf(first.backend, plural, "tick")).toMatchObject({ lastScheduleTime: "2026-01-01T00:01:00Z" });
  first.backend.releaseWrites();
  await second.engine.close();
});

test("CronJobKeeper: a clock that is set back makes no time come twice", async () => {
  const { backend, pass, clock, engine } = await startEngine();
  const made = creations(backend);
  backend.put(plural, cronJob());
  await pass(120_500);
  clock.jump(-90_000);
  await pass(89_000);
  expect(made).toEqual([minuteName(1), minuteName(2)]);
  await pass(62_000);
  expect(made).toEqual([minuteName(1), minuteName(2), minuteName(3)]);
  await engine.close();
});

test("CronJobKeeper: a name that somebody has taken costs that one run", async () => {
  const { backend, pass, engine } = await startEngine();
  backend.put("wasmjobs", { ...job(), metadata: { name: minuteName(1), namespace: "default" } });
  backend.put(plural, cronJob());
  await pass(61_500);
  expect(jobNames(backend)).toEqual([minuteName(1)]);
  expect(statusOf(backend, plural, "tick")).toMatchObject({
    activeCount: 0,
    conditions: [
      { status: "False", reason: "FailedCreate", message: expect.stringContaining("not this cron job's") },
    ],
  });
  // Whatever makes it look again.
  const object = backend.get({ group: "wherry.dev", plural }, "default", "tick");
  backend.put(plural, { ...object!, metadata: { ...object!.metadata, annotations: { touched: "yes" } } });
  await pass(60_000);
  expect(jobNames(backend)).toEqual([minuteName(1), minuteName(2)]);
  expect(statusOf(backend, plural, "tick")).toMatchObject({ conditions: [{ status: "True" }] });
  expect(reasons(backend)).toContain("FailedCreate 1");
  await engine.close();
});

test("CronJobKeeper: what the store refuses is told, tried again, and made", async () => {
  const { backend, pass, engine } = await startEngine();
  const create = backend.create.bind(backend);
  backend.create = (resource, object) =>
    resource.plural === "wasmjobs" ? Promise.reject(new Error("exceeded quota")) : create(resource, object);
  backend.put(plural, cronJob());
  await pass(62_000);
  expect(statusOf(backend, plural, "tick")).toMatchObject({
    conditions: [
      { status: "False", reason: "FailedCreate", message: expect.stringContaining("exceeded quota") },
    ],
  });
  backend.create = create;
  await pass(15_000);
  expect(jobNames(backend)).toEqual([minuteName(1)]);
  expect(statusOf(backend, plural, "tick")).toMatchObject({
    activeCount: 1,
    conditions: [{ status: "True" }],
  });
  await engine.close();
});

test("CronJobKeeper: a job that was given away counts no more", async () => {
  const { backend, pass, engine } = await startEngine();
  backend.put(plural, cronJob({ concurrencyPolicy: "Forbid" }));
  await pass(61_000);
  const [made] = objectsOf(backend, "wasmjobs");
  backend.put("wasmjobs", { ...made!, metadata: { ...made!.metadata, ownerReferences: [] } });
  await pass(60_000);
  expect(jobNames(backend)).toEqual([minuteName(1), minuteName(2)]);
  expect(statusOf(backend, plural, "tick")).toMatchObject({ activeCount: 1 });
  await engine.close();
});

test("CronJobKeeper: being deleted, it makes no more", async () => {
  const { backend, pass, engine } = await startEngine();
  const object = backend.put(plural, cronJob());
  const deletionTimestamp = "2026-01-01T00:00:30Z";
  backend.put(plural, { ...object, metadata: { ...object.metadata, deletionTimestamp } });
  await pass(120_000);
  expect(jobNames(backend)).toEqual([]);
  await engine.close();
});

test("CronJobKeeper: deleted, it makes no more", async () => {
  const { backend, pass, engine } = await startEngine();
  const made = creations(backend);
  const object = backend.put(plural, cronJob());
  await pass(60_500);
  backend.remove(plural, object);
  await pass(120_000);
  expect(made).toEqual([minuteName(1)]);
  await engine.close();
});

test("CronJobKeeper: many at once are all made, a few at a time", async () => {
  const { backend, pass, engine } = await startEngine();
  const count = 500;
  let running = 0;
  let most = 0;
  const create = backend.create.bind(backend);
  backend.create = async (resource, object) => {
    if (resource.plural !== "wasmjobs") return create(resource, object);
    most = Math.max(most, ++running);
    await new Promise<void>((resolve) => void setImmediate(resolve));
    running--;
    return create(resource, object);
  };
  for (let i = 0; i < count; i++) backend.put(plural, cronJob({}, `tick${i}`));
  await pass(60_000);
  for (let turn = 0; turn < 3 * count && jobNames(backend).length < count; turn++) await pass(100);
  expect(jobNames(backend)).toHaveLength(count);
  expect(most).toBeLessThanOrEqual(32);
  await engine.close();
}, 30_000);
