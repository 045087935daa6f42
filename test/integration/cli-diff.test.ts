/** `wherry diff` beside `kubectl diff`: the same hunks, the same exit codes. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { BothClients } from "../support/both-clients.ts";
import { configMap, deployment, manifest } from "../support/kubectl-session.ts";

const secret = (data: Readonly<Record<string, string>>) => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "hidden" },
  data,
});

let both: BothClients;
beforeAll(async () => {
  both = await BothClients.start();
  const objects = [
    deployment("one"),
    configMap("two", { a: "1", b: "2" }),
    secret({ s: "c2VjcmV0", t: "dA==" }),
  ];
  await both.session.run("apply -f -", manifest(...objects));
});
afterAll(() => both[Symbol.asyncDispose]());

/** The hunks alone: the two name their files otherwise. What each dry run makes anew is left out. */
function hunks(text: string): string {
  return text
    .split("\n")
    .filter((line) => !/^(diff|---|\+\+\+) /.test(line))
    .map((line) =>
      line.replace(/(uid|creationTimestamp): .*/, "$1: ...").replaceAll(/["'](\*\*\*.*)["']/g, "$1"),
    )
    .join("\n");
}

test.each([
  { name: "nothing", objects: [deployment("one")], code: 0 },
  { name: "a change", objects: [deployment("one", { replicas: 7 })], code: 1 },
  {
    name: "a change, by the server",
    objects: [deployment("one", { replicas: 7 })],
    args: "--server-side --force-conflicts",
    code: 1,
  },
  { name: "what is no longer there", objects: [configMap("two", { a: "1" })], code: 1 },
  { name: "a new object", objects: [configMap("new", { a: "1" })], code: 1 },
  {
    name: "several, of which one differs",
    objects: [deployment("one"), configMap("two", { a: "x", b: "2" })],
    code: 1,
  },
  { name: "a secret", objects: [secret({ s: "b3RoZXI=", u: "dQ==" })], code: 1 },
])("diff: $name, as kubectl", async ({ objects, args = "", code }) => {
  const input = manifest(...objects);
  const [theirs, ours] = await Promise.all([
    both.kubectl(`diff ${args} -f -`, { input }),
    both.wherry(`diff ${args} -f -`, { input }),
  ]);
  expect({ code: ours.code, stderr: ours.stderr }).toEqual({ code, stderr: "" });
  expect(theirs.code, theirs.stderr).toBe(code);
  expect(hunks(ours.stdout)).toBe(hunks(theirs.stdout));
});

test("diff: a secret's values are nowhere, not even in what was applied last", async () => {
  const change = { ...secret({ s: "b3RoZXI=" }), metadata: { name: "hidden", annotations: { a: "b" } } };
  const { stdout } = await both.wherry("diff -f -", { input: manifest(change) });
  expect(stdout).toContain("*** (after)");
  expect(stdout).not.toMatch(/b3RoZXI=|c2VjcmV0|dA==/);
});

test("diff: names both sides as patch wants them, and is coloured on a terminal only", async () => {
  const input = manifest(configMap("two", { a: "9", b: "2" }));
  const { stdout } = await both.wherry("diff -f -", { input });
  const name = "v1.ConfigMap.default.two";
  expect(
    stdout.startsWith(`diff -u -N LIVE/${name} MERGED/${name}\n--- LIVE/${name}\n+++ MERGED/${name}\n@@ `),
  ).toBe(true);
  const { runCommandLine } = await import("../../cli/command-line.ts");
  for (const [env, expected] of [
    [{}, true],
    [{ NO_COLOR: "1" }, false],
  ] as const) {
    const terminal = both.terminal({ input, env });
    terminal.screen = { columns: 80, rows: 24 };
    expect(await runCommandLine(["--kubeconfig", both.session.config, "diff", "-f", "-"], terminal)).toBe(1);
    expect(terminal.stdout.includes('\u001b[31m-  a: "1"\u001b[0m')).toBe(expected);
  }
});

test("diff: another program shows the differences and says the exit code", async () => {
  const input = manifest(configMap("two", { a: "9", b: "2" }), configMap("new", {}));
  const program = both.session.file(
    "show.sh",
    '#!/bin/sh\necho "$1"; ls "$2" "$3" | sed "s/.*wherry-diff-[^/]*//"; exit 7\n',
    0o700,
  );
  const env = { KUBECTL_EXTERNAL_DIFF: `${program} -x` };
  const shown = await both.wherry("diff -f -", { input, env });
  expect(shown).toEqual({
    code: 7,
    stderr: "",
    stdout:
      "-x\n/LIVE:\nv1.ConfigMap.default.two\n\n/MERGED:\nv1.ConfigMap.default.new\nv1.ConfigMap.default.two\n",
  });
  const none = await both.wherry("diff -f -", { input, env: { WHERRY_EXTERNAL_DIFF: "no-such-program" } });
  expect(none.code).toBe(2);
  expect(none.stderr).toMatch(/^error: failed to run "no-such-program" of WHERRY_EXTERNAL_DIFF/);
});

test.each([
  {
    name: "a field that does not exist",
    input: manifest({ ...configMap("two"), dataa: {} }),
    says: 'unknown field "dataa"',
  },
  {
    name: "a kind that does not exist",
    input: manifest({ ...configMap("two"), kind: "Nope" }),
    says: 'no matches for kind "Nope"',
  },
  { name: "no YAML", input: "a: [", says: "STDIN:1:" },
  { name: "no options", args: "diff", input: "", says: "required option '-f" },
  { name: "no such option", args: "diff -f - --nope", input: "", says: "unknown option '--nope'" },
  {
    name: "force without a reason",
    args: "diff -f - --force-conflicts",
    input: "",
    says: "only works with --server-side",
  },
])("diff: $name is a failure, not a difference", async ({ args = "diff -f -", input, says }) => {
  const { code, stderr } = await both.wherry(args, { input });
  expect({ code, says: stderr.includes(says) ? says : stderr }).toEqual({ code: 2, says });
});

test("diff: changes nothing", async () => {
  const before = await both.session.run("get cm two -o yaml");
  await both.wherry("diff -f -", { input: manifest(configMap("two", { a: "changed" })) });
  await both.wherry("diff --server-side --force-conflicts -f -", {
    input: manifest(configMap("two", { a: "changed" })),
  });
  expect(await both.session.run("get cm two -o yaml")).toBe(before);
});

test("diff --prune: what the set would get, and what it would lose", async () => {
  const set = "-f - --prune --applyset=diff-set";
  const [kept, gone] = [configMap("set-kept", { a: "1" }), secret({ s: "c2VjcmV0" })];
  const hidden = { ...gone, metadata: { name: "set-gone" } };
  // Before there is a set at all.
  expect((await both.wherry(`diff ${set}`, { input: manifest(kept) })).stdout).toMatch(
    /^\+ {4}applyset\.kubernetes\.io\/part-of: /m,
  );
  await both.wherry(`apply ${set}`, { input: manifest(kept, hidden) });
  expect(await both.wherry(`diff ${set}`, { input: manifest(kept, hidden) })).toEqual({
    code: 0,
    stdout: "",
    stderr: "",
  });
  const { code, stdout } = await both.wherry(`diff ${set}`, { input: manifest(kept) });
  expect(code).toBe(1);
  expect(stdout).toContain("+++ MERGED/v1.Secret.default.set-gone\n@@ -1,");
  expect(stdout).toContain("-  name: set-gone\n");
  expect(stdout).not.toContain("set-kept");
  expect(stdout).not.toContain("c2VjcmV0");
  const broken = await both.wherry(`diff ${set}`, { input: manifest({ ...kept, kind: "Nope" }) });
  expect({ code: broken.code, stdout: broken.stdout }).toEqual({ code: 2, stdout: "" });
  expect(await both.session.run("get cm,secret set-kept set-gone --ignore-not-found -o name")).toBe(
    "configmap/set-kept\nsecret/set-gone\n",
  );
});
