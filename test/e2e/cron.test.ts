/** Cron jobs with real processes: across the death of the scheduler, and as kubectl shows and changes them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { eventually, TestCluster } from "../support/cluster.ts";
import { exampleManifest } from "../support/examples.ts";
import { runKubectl } from "../support/kubectl.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(["one"]);
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

interface Job {
  readonly metadata: {
    readonly name: string;
    readonly annotations: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
  };
  readonly status?: { readonly phase?: string; readonly succeeded?: number };
}

async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await runKubectl(cluster.directory.kubeconfig, args, input);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}:\n${stderr}`);
  return stdout;
}

function cronJob(name: string, schedule: string, spec: Readonly<Record<string, unknown>> = {}): string {
  const template = {
    module: { image: "file://examples/c-job/primes.wasm" },
    env: [
      { name: "SHARES", value: "1" },
      { name: "LIMIT", value: "1000" },
    ],
  };
  return stringify({
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmCronJob",
    metadata: { name },
    spec: { schedule, ...spec, jobTemplate: { spec: { template: { spec: template } } } },
  });
}

async function jobsOf(name: string): Promise<readonly Job[]> {
  const { items } = await cluster.json<{ items: readonly Job[] }>(
    "wasmjobs",
    "-l",
    `wherry.dev/cron-job=${name}`,
  );
  return items;
}

/** The seconds since the epoch that the jobs are for, in order. */
async function secondsOf(name: string): Promise<readonly number[]> {
  const stamps = (await jobsOf(name)).map(
    ({ metadata }) => metadata.annotations["wherry.dev/cron-job-scheduled-timestamp"] ?? "",
  );
  return stamps.map((stamp) => Date.parse(stamp) / 1_000).toSorted((a, b) => a - b);
}

async function eventCount(name: string, reason: string): Promise<number> {
  const fields = `involvedObject.name=${name},reason=${reason}`;
  const { items } = JSON.parse(
    await kubectl(["get", "events", "--field-selector", fields, "-o", "json"]),
  ) as {
    items: readonly { count: number }[];
  };
  return items.reduce((sum, { count }) => sum + count, 0);
}

test("a one-minute and a one-second schedule across kill -9 of the scheduler: no run twice, none missing", async () => {
  const keep = { successfulJobsHistoryLimit: 1_000, failedJobsHistoryLimit: 1_000 };
  await kubectl(["apply", "-f", "-"], cronJob("minute", "* * * * *", keep));
  await kubectl(["apply", "-f", "-"], cronJob("second", "* * * * * *", keep));
  await eventually(async () => expect((await secondsOf("second")).length).toBeGreaterThan(5));
  const lastBefore = (await secondsOf("second")).at(-1) ?? 0;
  await cluster.killScheduler();
  await new Promise((settle) => setTimeout(settle, 4_000));
  await cluster.startScheduler();
  const backAt = Math.floor(Date.now() / 1_000);
  await eventually(async () => {
    expect((await secondsOf("second")).filter((at) => at > backAt).length).toBeGreaterThan(5);
    expect((await jobsOf("minute")).filter(({ status }) => status?.phase === "Complete")).not.toEqual([]);
  }, 100_000);
  await kubectl(["patch", "wcj", "second", "minute", "--type=merge", "-p", '{"spec":{"suspend":true}}']);
  await eventually(async () => {
    for (const job of [...(await jobsOf("second")), ...(await jobsOf("minute"))])
      expect(job.status, job.metadata.name).toMatchObject({ phase: "Complete", succeeded: 1 });
  });
  const seconds = await secondsOf("second");
  expect(seconds).toEqual([...new Set(seconds)]);
  const gaps = seconds.flatMap((at, index) => {
    const before = seconds[index - 1] ?? at - 1;
    return at - before > 1 ? [{ before, at }] : [];
  });
  // Whatever else a machine that is too busy has missed has been told.
  const untold = gaps.length - (await eventCount("second", "MissSchedule"));
  expect(untold, JSON.stringify(gaps)).toBeLessThanOrEqual(0);
  expect(gaps.some(({ before, at }) => before >= lastBefore && at <= backAt + 1)).toBe(true);
  const minutes = await secondsOf("minute");
  expect(minutes).toEqual([...new Set(minutes)]);
  for (const at of minutes) expect(at % 60).toBe(0);
}, 180_000);

test("kubectl: shows cron jobs, their events, and what jobs belong to whom", async () => {
  await kubectl(
    ["apply", "-f", "-"],
    cronJob("shown", "*/1 * * * * *", { timeZone: "Europe/Berlin", successfulJobsHistoryLimit: 1 }),
  );
  await kubectl(["wait", "wcj/shown", "--for=jsonpath={.status.lastSuccessfulTime}", "--timeout=60s"]);
  const [head = "", row = ""] = (await kubectl(["get", "wcj", "shown"])).split("\n");
  expect(head).toMatch(/^NAME\s+SCHEDULE\s+TIMEZONE\s+SUSPEND\s+ACTIVE\s+LAST SCHEDULE\s+AGE$/);
  expect(row).toMatch(/^shown\s+\*\/1 \* \* \* \* \*\s+Europe\/Berlin\s+false\s+\d+\s+\d+s\s+\d+s$/);
  const [job] = await jobsOf("shown");
  expect(job?.metadata.ownerReferences).toMatchObject([{ kind: "WasmCronJob", name: "shown" }]);
  await eventually(async () => {
    const described = await kubectl(["describe", "wcj", "shown"]);
    expect(described).toMatch(/Normal\s+SuccessfulCreate .*Created job shown-\d{10}/);
    expect(described).toMatch(/Normal\s+SawCompletedJob .*condition: Complete/);
  });
  expect(await kubectl(["get", "all"])).toContain("wasmcronjob.wherry.dev/shown");
  await eventually(async () => expect(await eventCount("shown", "SuccessfulCreate")).toBeGreaterThan(2));
  await kubectl(["patch", "wcj", "shown", "--type=merge", "-p", '{"spec":{"suspend":true}}']);
  // All are complete; one is kept, and the others for ten seconds more.
  await eventually(async () => expect(await jobsOf("shown")).toHaveLength(1));
  await eventually(async () => expect(await eventCount("shown", "SuccessfulDelete")).toBeGreaterThan(1));
});

test("kubectl: the jobs of a deleted cron job go with it", async () => {
  await kubectl(["delete", "wcj", "shown"]);
  await eventually(async () => expect(await jobsOf("shown")).toEqual([]));
  expect(await kubectl(["get", "wi", "-o", "name"])).not.toContain("shown");
});

test("wherry create job: one more, at once, that belongs to the cron job", async () => {
  await cluster.apply(cronJob("yearly", "@yearly", { concurrencyPolicy: "Forbid" }));
  const { stdout } = await cluster.wherry("create", "job", "now", "--from=cronjob/yearly");
  expect(stdout).toBe("wasmjob.wherry.dev/now created\n");
  await kubectl(["wait", "wj/now", "--for=condition=Complete", "--timeout=60s"]);
  const job = await cluster.json<Job>("wasmjob", "now");
  expect(job.metadata.ownerReferences).toMatchObject([{ kind: "WasmCronJob", name: "yearly" }]);
  expect(job.metadata.annotations).toEqual({ "wherry.dev/cron-job-instantiate": "manual" });
  const described = await kubectl(["describe", "wcj", "yearly"]);
  expect(described).not.toContain("UnexpectedJob");
  await kubectl(["delete", "wcj", "yearly"]);
  await eventually(async () => expect(await kubectl(["get", "wj", "now", "--ignore-not-found"])).toBe(""));
});

test.each([
  { args: ["job", "x", "--from=wd/hello"], message: "names no cron job; write it as wasmcronjob/NAME" },
  { args: ["job", "x", "--from=cronjob/none"], message: '"none" not found' },
  { args: ["deployment", "x", "--from=cronjob/none"], message: "wherry apply -f FILE" },
])("wherry create $args: says what is wrong", async ({ args, message }) => {
  const { code, stderr } = await cluster.wherry("create", ...args);
  expect(code).not.toBe(0);
  expect(stderr).toContain(message);
});

test.each([
  {
    name: "a schedule that never comes",
    manifest: cronJob("bad", "0 0 31 2 *"),
    message: 'spec.schedule: Invalid value: "0 0 31 2 *": it never comes',
  },
  {
    name: "a field out of bounds",
    manifest: cronJob("bad", "* 25 * * *"),
    message: 'field 2 (hour) "25": must be a value',
  },
  {
    name: "more often than once a second",
    manifest: cronJob("bad", "*/100 * * * * * *"),
    message: "nothing is due more often than once a second",
  },
  {
    name: "a zone that is none",
    manifest: cronJob("bad", "@daily", { timeZone: "Berlin" }),
    message: "did you mean Europe/Berlin?",
  },
  {
    name: "a name that leaves no room",
    manifest: cronJob("x".repeat(53), "@daily"),
    message: "must be no more than 52 characters",
  },
])("kubectl: refuses $name", async ({ manifest, message }) => {
  const { code, stderr } = await runKubectl(cluster.directory.kubeconfig, ["apply", "-f", "-"], manifest);
  expect(code).toBe(1);
  expect(stderr).toContain(message);
});

test("the examples are accepted", async () => {
  for (const file of ["every-minute.yaml", "nightly.yaml"])
    await cluster.apply(exampleManifest(`cron/${file}`));
  await eventually(async () => {
    const row = await kubectl(["get", "wcj", "nightly", "-o", "jsonpath={.status.nextScheduleTime}"]);
    expect(new Date(row).getUTCHours()).toBeLessThanOrEqual(1);
  });
});
