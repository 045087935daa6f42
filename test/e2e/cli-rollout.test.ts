/** Rollouts as people drive them from the command line, with real processes: status, history, undo, restart, wait and diff. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkout, eventually, run, TestCluster } from "../support/cluster.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(["one", "two"]);
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

function hello(name: string, greeting: string, more = ""): string {
  return readFileSync(join(checkout, "examples/hello/hello.yaml"), "utf8")
    .replace("name: hello", `name: ${name}`)
    .replace("ahoy", greeting)
    .replace("  replicas: 3\n", `  replicas: 4\n${more}`);
}

async function wherry(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.wherry(...args);
  if (code !== 0) throw new Error(`wherry ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

const uidsOf = async (name: string) =>
  (await cluster.instances())
    .filter(({ spec, status }) => spec.owner.name === name && status.ready === "1/1")
    .map(({ metadata }) => metadata.uid);

/** What each of its instances says now. */
async function greetings(name: string): Promise<readonly string[]> {
  const log = await wherry("logs", `wasmdeployment/${name}`, "--tail", "1");
  return [...new Set(log.match(/\b(\w+) from\b/g) ?? [])];
}

const done = (name: string) => `wasmdeployment "${name}" successfully rolled out\n`;

test("rollout: an update, its history, and back to what was", async () => {
  const first = hello("life", "ahoy");
  const second = hello("life", "hey");
  await cluster.apply(first);
  expect(await wherry("rollout", "status", "wd/life", "--timeout=60s")).toContain(done("life"));
  expect(await wherry("wait", "--for=current", "wd/life", "--timeout=30s")).toBe(
    "wasmdeployment.wherry.dev/life condition met\n",
  );
  expect((await cluster.wherryWithInput(first, "diff", "-f", "-")).code).toBe(0);
  const differs = await cluster.wherryWithInput(second, "diff", "-f", "-");
  expect(differs.code, differs.stderr).toBe(1);
  expect(differs.stdout).toMatch(/^- +value: ahoy\n\+ +value: hey$/m);

  await cluster.apply(second);
  expect(await wherry("rollout", "status", "wd/life", "--timeout=60s")).toContain(done("life"));
  await eventually(async () => expect(await greetings("life")).toEqual(["hey from"]));
  expect(await wherry("rollout", "history", "wd/life")).toMatch(/\n1 +<none>.*\n2 \(current\) +<none>/);

  expect(await wherry("rollout", "undo", "wd/life")).toBe(
    "wasmdeployment.wherry.dev/life rolled back to revision 1\n",
  );
  await wherry("rollout", "status", "wd/life", "--timeout=60s");
  await eventually(async () => expect(await greetings("life")).toEqual(["ahoy from"]));
  // What was the first is the third now, as in Kubernetes.
  expect(await wherry("rollout", "history", "wd/life")).toMatch(/\n2 +<none>.*\n3 \(current\) +<none>/);
  const missing = await cluster.wherry("rollout", "undo", "wd/life", "--to-revision=1");
  expect(missing).toMatchObject({
    code: 1,
    stderr: "error: unable to find specified revision 1 in history; there are 2, 3\n",
  });
});

test("rollout: one that cannot succeed says why, and undo ends it", async () => {
  await cluster.apply(hello("stuck", "ahoy"));
  await wherry("rollout", "status", "wd/stuck", "--timeout=60s");
  await cluster.apply(hello("stuck", "ahoy").replace("hello.wasm", "missing.wasm"));
  const stuck = await cluster.wherry("rollout", "status", "wd/stuck", "--timeout=5s");
  expect(stuck.code).toBe(1);
  expect(stuck.stderr).toMatch(
    /^error: timed out waiting for the condition: wasmdeployment\.wherry\.dev\/stuck: /,
  );
  expect(stuck.stderr).toContain("ModuleNotFound: module file://examples/hello/missing.wasm does not exist");
  await wherry("rollout", "undo", "wd/stuck");
  expect(await wherry("rollout", "status", "wd/stuck", "--timeout=60s")).toContain(done("stuck"));
});

test("rollout pause and resume: a change waits until then", async () => {
  await cluster.apply(hello("patient", "ahoy"));
  await wherry("rollout", "status", "wd/patient", "--timeout=60s");
  await wherry("rollout", "pause", "wd/patient");
  await cluster.apply(hello("patient", "hey", "  paused: true\n"));
  const held = await cluster.wherry("rollout", "status", "wd/patient", "--timeout=3s");
  expect(held.code).toBe(1);
  expect(held.stdout).toContain("0 out of 4 new instances have been updated (it is paused)...\n");
  expect(await greetings("patient")).toEqual(["ahoy from"]);
  await wherry("rollout", "resume", "wd/patient");
  expect(await wherry("rollout", "status", "wd/patient", "--timeout=60s")).toContain(done("patient"));
  await eventually(async () => expect(await greetings("patient")).toEqual(["hey from"]));
});

test("rollout status and wait: end by themselves when the deadline has passed", async () => {
  const spec = "  progressDeadlineSeconds: 5\n";
  await cluster.apply(hello("late", "ahoy", spec));
  await wherry("rollout", "status", "wd/late", "--timeout=60s");
  await cluster.apply(hello("late", "ahoy", spec).replace("hello.wasm", "missing.wasm"));
  const [status, current] = await Promise.all([
    cluster.wherry("rollout", "status", "wd/late", "--timeout=60s"),
    cluster.wherry("wait", "--for=current", "wd/late", "--timeout=60s"),
  ]);
  expect(status.code).toBe(1);
  expect(status.stderr).toMatch(
    /^error: wasmdeployment "late" exceeded its progress deadline: revision 2 has made no progress for 5 s/,
  );
  expect(status.stderr).toContain("ModuleNotFound");
  expect(current.code).toBe(1);
  expect(current.stderr).toMatch(
    /^error: wasmdeployment\.wherry\.dev\/late: Stalled is True \(ProgressDeadlineExceeded\)/,
  );
});

test("rollout: a daemon set is followed, undone and restarted as a deployment is", async () => {
  const daemonSet = (greeting: string) =>
    hello("everywhere", greeting).replace("WasmDeployment", "WasmDaemonSet").replace("  replicas: 4\n", "");
  await cluster.apply(daemonSet("ahoy"));
  await wherry("rollout", "status", "wds/everywhere", "--timeout=60s");
  await cluster.apply(daemonSet("hey"));
  expect(await wherry("rollout", "status", "wds/everywhere", "--timeout=60s")).toContain(
    'wasmdaemonset "everywhere" successfully rolled out\n',
  );
  expect(await wherry("rollout", "undo", "wds/everywhere")).toBe(
    "wasmdaemonset.wherry.dev/everywhere rolled back to revision 1\n",
  );
  await wherry("rollout", "status", "wds/everywhere", "--timeout=60s");
  const before = new Set(await uidsOf("everywhere"));
  expect(before.size).toBe(2);
  await wherry("rollout", "restart", "wds/everywhere");
  await wherry("rollout", "status", "wds/everywhere", "--timeout=60s");
  const after = await uidsOf("everywhere");
  expect(after).toHaveLength(2);
  expect(after.filter((uid) => before.has(uid))).toEqual([]);
});

test("rollout restart: every instance is another one, and status says when", async () => {
  await cluster.apply(hello("again", "ahoy"));
  await wherry("rollout", "status", "wd/again", "--timeout=60s");
  const before = new Set(await uidsOf("again"));
  expect(before.size).toBe(4);
  await wherry("rollout", "restart", "wd/again");
  await wherry("rollout", "status", "wd/again", "--timeout=60s");
  const after = await uidsOf("again");
  expect(after).toHaveLength(4);
  expect(after.filter((uid) => before.has(uid))).toEqual([]);
});

test("rollout status: on a real terminal there is a picture", async () => {
  await cluster.apply(hello("seen", "ahoy"));
  await wherry("rollout", "status", "wd/seen", "--timeout=60s");
  await cluster.apply(hello("seen", "ahoy").replace("hello.wasm", "missing.wasm"));
  const command = `stty cols 100; ${process.execPath} cli/bin.mjs rollout status wd/seen --timeout=10s`;
  const env = { ...process.env, KUBECONFIG: cluster.directory.kubeconfig, LC_ALL: "C.UTF-8", TERM: "xterm" };
  const { code, stdout } = await run("script", ["-qec", command, "/dev/null"], undefined, env);
  expect(code).toBe(1);
  // oxlint-disable-next-line no-control-regex -- styles are not what this is about
  const plain = stdout.replaceAll(/\u001b\[[0-9;]*[A-Za-z]/g, "");
  expect(plain).toMatch(/wasmdeployment\.wherry\.dev\/seen {3}rolling out {3}\d+s/);
  expect(plain).toMatch(/ {2}revision 2 {2}▒+░+ {2}0 ready, \d starting, of 4\r/);
  expect(plain).toMatch(/ {2}revision 1 {2}█+ +\d ready\r/);
  expect(plain).toMatch(/ {2}! (\d instances, such as )?seen-\S+: ModuleNotFound: module/);
});

test("wait and rollout status: go on when the scheduler is killed and comes back", async () => {
  const labelled = (name: string) =>
    hello(name, "ahoy").replace(`name: ${name}`, `name: ${name}\n  labels: {set: lasting}`);
  await cluster.apply(`${labelled("lasting")}\n---\n${labelled("fine")}`);
  for (const name of ["lasting", "fine"]) await wherry("rollout", "status", `wd/${name}`, "--timeout=60s");
  await cluster.apply(labelled("lasting").replace("hello.wasm", "missing.wasm"));
  const look = ["rollout", "status", "wd/lasting", "--watch=false"] as const;
  await eventually(async () => expect(await wherry(...look)).toContain("out of 4 new instances"));
  const following = cluster.stream("rollout", "status", "wd/lasting", "--timeout=120s");
  // The first is as it should be: what is said of it says that the wait has begun.
  const ready = "--for=jsonpath={.status.updatedReplicas}=4";
  const waiting = cluster.stream("wait", ready, "wd", "-l", "set=lasting", "--timeout=120s");
  await eventually(async () => {
    expect(following.text()).toContain("Waiting for wasmdeployment");
    expect(waiting.text()).toBe("wasmdeployment.wherry.dev/fine condition met\n");
  });
  await cluster.killScheduler();
  await cluster.startScheduler();
  await eventually(async () =>
    expect(await wherry("rollout", "undo", "wd/lasting")).toContain("rolled back"),
  );
  await eventually(async () => {
    expect(following.text()).toContain(done("lasting"));
    expect(waiting.text()).toContain("wasmdeployment.wherry.dev/lasting condition met\n");
  });
});

test("apply --prune: what leaves the set is stopped", async () => {
  const apply = (manifest: string) =>
    cluster.wherryWithInput(manifest, "apply", "-f", "-", "--prune", "--applyset=cli-set");
  const both = await apply(`${hello("in-set", "ahoy")}\n---\n${hello("out-of-set", "ahoy")}`);
  expect(both.code, both.stderr).toBe(0);
  await wherry("rollout", "status", "wd/out-of-set", "--timeout=60s");
  const { code, stdout } = await apply(hello("in-set", "ahoy"));
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: "wasmdeployment.wherry.dev/in-set unchanged\nwasmdeployment.wherry.dev/out-of-set pruned\n",
  });
  await eventually(async () => expect(await uidsOf("out-of-set")).toEqual([]));
});
