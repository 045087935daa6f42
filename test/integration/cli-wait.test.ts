/** `wherry wait` beside `kubectl wait`: the same words, the same exit codes. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../../cli/command-line.ts";
import { BothClients } from "../support/both-clients.ts";
import { configMap, deployment, manifest } from "../support/kubectl-session.ts";

const counts = { replicas: 2, readyReplicas: 2 };

let both: BothClients;
beforeAll(async () => {
  both = await BothClients.start();
  const objects = [deployment("ready"), deployment("late"), configMap("plain", { a: "1" })];
  await both.session.run("create -f -", manifest(...objects));
  const condition = (status: string, observedGeneration?: number) => ({
    type: "Available",
    status,
    reason: "Because",
    message: "of it",
    lastTransitionTime: "2026-01-01T00:00:00Z",
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
  });
  await both.setStatus("ready", { ...counts, observedGeneration: 1, conditions: [condition("True")] });
  await both.setStatus("late", { ...counts, observedGeneration: 0, conditions: [condition("True")] });
});
afterAll(() => both[Symbol.asyncDispose]());

const timedOut = (name: string) => `error: timed out waiting for the condition on ${name}`;

test.each([
  { name: "a condition", args: "--for=condition=Available wd/ready" },
  { name: "a condition in small letters with its status", args: "--for=condition=available=true wd/ready" },
  { name: "a type and a name", args: "--for=condition=Available wd ready" },
  { name: "a field", args: "--for=jsonpath='{.status.readyReplicas}'=2 wd/ready" },
  { name: "a field without braces", args: "--for=jsonpath=.status.readyReplicas=2 wd/ready" },
  { name: "that there is a field", args: "--for=jsonpath='{.status.readyReplicas}' wd/ready" },
  {
    name: "a filter",
    args: `--for='jsonpath={.status.conditions[?(@.type=="Available")].status}=True' wd/ready`,
  },
  { name: "several", args: "--for=jsonpath='{.metadata.name}' wd/ready cm/plain" },
  { name: "a selector", args: "--for=condition=Available wd -l app=ready" },
  { name: "create", args: "--for=create cm/plain" },
  { name: "delete of what is not there", args: "--for=delete cm/nothing" },
  { name: "delete of nothing by selector", args: "--for=delete cm -l x=y" },
  { name: "once", args: "--for=condition=Available wd/ready --timeout=0" },
  { name: "not there", args: "--for=condition=Available wd/nothing" },
  { name: "nothing selected", args: "--for=condition=Available wd -l x=y" },
  {
    name: "several values",
    args: "--for=jsonpath='{.spec.template.spec.*}'=2 wd/ready",
    says: "wasmdeployment.wherry.dev/ready: given jsonpath expression matches more than one value",
  },
  { name: "no value", args: "--for=jsonpath='{.a}'= wd/ready" },
])("wait: $name, as kubectl", async ({ args, says }) => {
  const line = args.includes("--timeout") ? `wait ${args}` : `wait ${args} --timeout=5s`;
  const [theirs, ours] = await Promise.all([both.kubectl(line), both.wherry(line)]);
  expect({ code: ours.code, stdout: ours.stdout }).toEqual({ code: theirs.code, stdout: theirs.stdout });
  expect(ours.stderr).toBe(says === undefined ? theirs.stderr : `error: ${says}\n`);
});

test.each([
  {
    name: "a condition that is another",
    args: "--for=condition=Available=False wd/ready",
    on: "wasmdeployments/ready",
    seen: "Available is True (Because): of it",
  },
  {
    name: "a condition of an earlier generation",
    args: "--for=condition=Available wd/late",
    on: "wasmdeployments/late",
    seen: "generation 1 is not observed yet, only 0",
  },
  {
    name: "a condition that is not there",
    args: "--for=condition=Nope wd/ready",
    on: "wasmdeployments/ready",
    seen: "there is no condition Nope; it has Available",
  },
  {
    name: "a field that is another",
    args: "--for=jsonpath='{.data.a}'=2 cm/plain",
    on: "configmaps/plain",
    seen: 'the field is "1"',
  },
  {
    name: "a deletion",
    args: "--for=delete cm/plain",
    on: "configmaps/plain",
    seen: "it exists, and nobody has deleted it",
  },
])("wait: in vain for $name, as kubectl and with what was seen", async ({ args, on, seen }) => {
  const [theirs, ours] = await Promise.all([
    both.kubectl(`wait ${args} --timeout=200ms`),
    both.wherry(`wait ${args} --timeout=200ms`),
  ]);
  expect(theirs).toMatchObject({ code: 1, stdout: "" });
  // It may also grumble about its own watch.
  expect(theirs.stderr.endsWith(`${timedOut(on)}\n`), theirs.stderr).toBe(true);
  expect(ours).toEqual({ code: 1, stdout: "", stderr: `${timedOut(on)}: ${seen}\n` });
});

test.each([
  { args: "wait wd/ready", says: "say what to wait for with --for" },
  { args: "wait --for=conditions=X wd/ready", says: 'unrecognized condition: "conditions=X"' },
  { args: "wait --for=condition= wd/ready", says: "does not say which condition" },
  { args: "wait --for=jsonpath={[} wd/ready", says: "is no JSONPath that is understood" },
  { args: "wait --for=delete wd", says: "name the wasmdeployment.wherry.dev to wait for" },
  { args: "wait --for=delete wd/x --all", says: "name cannot be provided" },
  { args: "wait --for=delete nothings/x", says: `doesn't have a resource type "nothings"` },
  { args: "wait --for=delete wd/x --timeout=soon", says: '--timeout "soon" is no duration' },
])("wait: refuses $args", async ({ args, says }) => {
  const { code, stdout, stderr } = await both.wherry(args);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain(says);
});

test("wait: what happens later is seen by both, of every object", async () => {
  const files = manifest(deployment("soon"), deployment("sooner"), configMap("third"));
  await both.session.run("create -f -", files);
  const ready = "wait --for=condition=Ready wd/soon wd/sooner --timeout=20s";
  const gone = "wait --for=delete -f - --timeout=20s";
  const current = "wait --for=current -f - --timeout=20s";
  const waiting = [
    both.kubectl(ready),
    both.wherry(ready),
    both.kubectl(gone, { input: files }),
    both.wherry(gone, { input: files }),
    both.wherry(current, { input: files }),
    both.wherry("wait --for=create cm/fourth --timeout=20s"),
  ] as const;
  const conditions = [
    { type: "Ready", status: "True", reason: "R", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" },
  ];
  await both.setStatus("soon", { ...counts, observedGeneration: 1, conditions });
  await both.setStatus("sooner", { ...counts, observedGeneration: 1, conditions });
  await both.session.run("create -f -", manifest(configMap("fourth")));
  const lines = async (index: 0 | 1 | 2 | 3 | 4 | 5) => {
    const { code, stdout, stderr } = await waiting[index];
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return stdout.split("\n").toSorted();
  };
  expect(await lines(1)).toEqual(await lines(0));
  const all = ["wasmdeployment.wherry.dev/soon", "wasmdeployment.wherry.dev/sooner", "configmap/third"];
  expect(await lines(4)).toEqual(["", ...all.map((one) => `${one} condition met`)].toSorted());
  expect(await lines(5)).toEqual(["", "configmap/fourth condition met"]);
  await both.session.run("delete -f - --wait=false", files);
  // Who begins late enough finds nothing left to wait for, which is as good.
  for (const index of [2, 3] as const) await lines(index);
});

test("wait --for=current: ends at once, with the reason, when an object is stalled", async () => {
  await both.session.run("create -f -", manifest(deployment("stalled")));
  const stalled = { type: "Stalled", status: "True", reason: "ProgressDeadlineExceeded", message: "no news" };
  await both.setStatus("stalled", {
    ...counts,
    observedGeneration: 1,
    conditions: [{ ...stalled, lastTransitionTime: "2026-01-01T00:00:00Z" }],
  });
  expect(await both.wherry("wait --for=current wd/stalled --timeout=1h")).toEqual({
    code: 1,
    stdout: "",
    stderr: "error: wasmdeployment.wherry.dev/stalled: Stalled is True (ProgressDeadlineExceeded): no news\n",
  });
});

test("wait --for=delete: many that go at once, by selector", async () => {
  const many = Array.from({ length: 60 }, (_, index) =>
    configMap(`many-${index}`, {}, { labels: { of: "many" } }),
  );
  await both.session.run("create -f -", manifest(...many));
  const terminal = both.terminal();
  const args = ["--kubeconfig", both.session.config, "wait", "--for=delete", "cm", "-l", "of=many"];
  const waiting = runCommandLine([...args, "--timeout=20s"], terminal);
  await both.session.run("delete cm -l of=many");
  expect(await waiting, terminal.stderr).toBe(0);
  // How many of them there were when it began is not known; each is told once.
  const lines = terminal.stdout.trim().split("\n");
  expect(new Set(lines).size).toBe(lines.length);
});

test("wait --for=delete: an object whose labels leave the selector is still there", async () => {
  await both.session.run("create -f -", manifest(configMap("moves", {}, { labels: { at: "here" } })));
  const terminal = both.terminal();
  const args = ["--kubeconfig", both.session.config, "wait", "--for=delete", "cm", "-l", "at=here"];
  const waiting = runCommandLine([...args, "--timeout=1s"], terminal);
  await both.session.run("label cm moves at=there --overwrite");
  expect(await waiting).toBe(1);
  expect(terminal.stderr).toContain("timed out waiting for the condition on configmaps/moves");
});
