/** kubectl's commands that change what is there: edit, patch, label, annotate, scale, replace. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { configMap, deployment, KubectlSession, manifest } from "../support/kubectl-session.ts";

let k: KubectlSession;
beforeAll(async () => {
  k = await KubectlSession.start();
});
afterAll(() => k[Symbol.asyncDispose]());

const replicas = (name: string) => k.run(`get wd ${name} -o jsonpath={.spec.replicas}`);

test("edit: a change, none, one of another version of the file", async () => {
  await k.run("create -f -", manifest(deployment("edited")));
  const nine = k.editor("nine.sh", 'sed -i "s/replicas: .*/replicas: 9/" "$1"');
  expect(await k.try("edit wd edited", { env: nine })).toMatchObject({
    code: 0,
    stdout: "wasmdeployment.wherry.dev/edited edited\n",
  });
  expect(await replicas("edited")).toBe("9");
  const none = await k.try("edit wd edited", { env: { KUBE_EDITOR: "true" } });
  expect(none).toMatchObject({ code: 0, stderr: "Edit cancelled, no changes made.\n" });
});

test("edit: what is invalid is opened again, with what is wrong", async () => {
  await k.run("create -f -", manifest(deployment("reopened")));
  const seen = join(k.server.folder, "reopened");
  const env = k.editor(
    "bad-then-good.sh",
    `if [ -e ${seen} ]; then cp "$1" ${seen}; sed -i "s/replicas: .*/replicas: 8/" "$1"`,
    `else touch ${seen}; sed -i "s/replicas: .*/replicas: -5/" "$1"; fi`,
  );
  const edited = await k.try("edit wd reopened", { env });
  expect(edited).toMatchObject({ code: 0, stdout: "wasmdeployment.wherry.dev/reopened edited\n" });
  expect(edited.stderr).toContain('error: wasmdeployments.wherry.dev "reopened" is invalid\n');
  expect(readFileSync(seen, "utf8")).toContain(
    '# wasmdeployments.wherry.dev "reopened" was not valid:\n' +
      "# * spec.replicas: Invalid value: -5: spec.replicas in body should be greater than or equal to 0\n",
  );
  expect(await replicas("reopened")).toBe("8");
});

test("edit --subresource=status, and edit-last-applied", async () => {
  await k.run("apply -f -", manifest(deployment("parts")));
  const env = k.editor("status.sh", 'printf "status: {readyReplicas: 2}\\n" >> "$1"');
  expect(await k.try("edit wd parts --subresource=status", { env })).toMatchObject({ code: 0 });
  expect(await k.run("get wd parts -o jsonpath={.status.readyReplicas}")).toBe("2");
  const last = k.editor("last.sh", 'sed -i "s/replicas: .*/replicas: 4/" "$1"');
  expect(await k.try("apply edit-last-applied wd/parts", { env: last })).toMatchObject({ code: 0 });
  expect(await k.run("apply view-last-applied wd/parts")).toContain("replicas: 4");
  expect(await replicas("parts")).toBe("2");
});

test("patch: merge, JSON, strategic; of status and scale", async () => {
  await k.run("create -f -", manifest(deployment("patched"), configMap("patched", { a: "1", b: "2" })));
  expect(await k.run(`patch wd patched --type=merge -p '{"spec":{"replicas":6}}'`)).toBe(
    "wasmdeployment.wherry.dev/patched patched\n",
  );
  expect(await k.run(`patch wd patched --type=merge -p '{"spec":{"replicas":6}}'`)).toBe(
    "wasmdeployment.wherry.dev/patched patched (no change)\n",
  );
  const json = `[{"op":"test","path":"/spec/replicas","value":6},{"op":"replace","path":"/spec/replicas","value":7}]`;
  expect(await k.run(`patch wd patched --type=json -p '${json}'`)).toContain(" patched\n");
  expect(await k.refused(`patch wd patched --type=json -p '${json}'`)).toContain("The request is invalid");
  expect(await k.run(`patch cm patched -p '{"data":{"a":null,"c":"3"}}'`)).toContain(" patched\n");
  expect(JSON.parse(await k.run("get cm patched -o jsonpath={.data}"))).toEqual({ b: "2", c: "3" });
  expect(await k.refused(`patch wd patched -p '{"spec":{"replicas":6}}'`)).toContain(
    "error: application/strategic-merge-patch+json is not supported by wherry.dev/v1alpha1, Kind=WasmDeployment: the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
  );
  await k.run(
    `patch wd patched --subresource=status --type=merge -p '{"status":{"replicas":5},"spec":{"replicas":1}}'`,
  );
  expect(await k.run("get wd patched -o jsonpath={.status.replicas}/{.spec.replicas}")).toBe("5/7");
  expect(await k.run(`patch wd patched --subresource=scale --type=merge -p '{"spec":{"replicas":2}}'`)).toBe(
    "scale.autoscaling/patched patched\n",
  );
  expect(await k.run("get wd patched --subresource=scale")).toMatch(
    /^NAME +DESIRED +AVAILABLE +AGE\npatched +2 +5 +\d+s\n$/,
  );
  expect(await k.run("get wd patched --subresource=scale -o jsonpath={.kind}/{.status.replicas}")).toBe(
    "Scale/5",
  );
});

test.each([
  {
    name: "a wrong type",
    patch: '{"spec":{"replicas":"a"}}',
    message:
      'The WasmDeployment "refused" is invalid: spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
  },
  {
    name: "a label that is none",
    patch: '{"metadata":{"labels":{"bad/lab/el":"x"}}}',
    message: 'is invalid: metadata.labels: Invalid value: "bad/lab/el": a qualified name must consist of',
  },
  {
    name: "another name",
    patch: '{"metadata":{"name":"other"}}',
    message:
      'Error from server (BadRequest): the name of the object ("other") does not match the name on the URL',
  },
])("patch: refuses $name", async ({ patch, message }) => {
  await k.try("create -f -", { input: manifest(deployment("refused")) });
  expect(await k.refused(`patch wd refused --type=merge -p '${patch}'`)).toContain(message);
});

test("label and annotate: new, taken, overwritten, removed, of all, by selector, by revision", async () => {
  const one = { labels: { group: "labelled" } };
  await k.run("create -f -", manifest(configMap("l1", {}, one), configMap("l2", {}, one)));
  expect(await k.run("label cm l1 tier=gold")).toBe("configmap/l1 labeled\n");
  expect(await k.run("label cm l1 tier=gold")).toBe("configmap/l1 not labeled\n");
  expect(await k.refused("label cm l1 tier=silver")).toBe(
    "error: 'tier' already has a value (gold), and --overwrite is false\n",
  );
  expect(await k.run("label cm l1 tier=silver --overwrite")).toBe("configmap/l1 labeled\n");
  expect(await k.run("label cm -l group=labelled z=1")).toBe("configmap/l1 labeled\nconfigmap/l2 labeled\n");
  expect(await k.run("label cm l1 tier-")).toBe("configmap/l1 unlabeled\n");
  expect((await k.run("label cm l1 --list")).trim().split("\n").toSorted()).toEqual([
    "group=labelled",
    "z=1",
  ]);
  expect(await k.run("annotate cm l1 note='two words'")).toBe("configmap/l1 annotated\n");
  expect(await k.refused("annotate cm l1 note=x")).toContain("'note' already has a value (two words)");
  expect(await k.run("annotate cm --all other=1")).toContain("configmap/l2 annotated\n");
  expect(await k.run("annotate cm l1 note-")).toBe("configmap/l1 annotated\n");
  expect(await k.refused("annotate cm l1 --resource-version=1 x=y")).toContain(
    'Error from server (Conflict): Operation cannot be fulfilled on configmaps "l1": the object has been modified',
  );
  expect(JSON.parse(await k.run("get cm l1 -o jsonpath={.metadata.annotations}"))).toEqual({ other: "1" });
});

test("scale: one, several, by selector, on a condition, what cannot be scaled; autoscale", async () => {
  await k.run("create -f -", manifest(deployment("s1"), deployment("s2"), configMap("no-scale")));
  expect(await k.run("scale wd s1 s2 --replicas=3")).toBe(
    "wasmdeployment.wherry.dev/s1 scaled\nwasmdeployment.wherry.dev/s2 scaled\n",
  );
  expect(await k.run("scale wd s1 --current-replicas=3 --replicas=4")).toContain("scaled");
  expect(await k.refused("scale wd s1 --current-replicas=9 --replicas=5")).toBe(
    "error: Expected replicas to be 9, was 4\n",
  );
  expect(await k.run("scale wd -l app=s2 --replicas=1")).toContain("wasmdeployment.wherry.dev/s2 scaled");
  expect(`${await replicas("s1")} ${await replicas("s2")}`).toBe("4 1");
  const [notScalable, missing, autoscaled] = await Promise.all([
    k.refused("scale cm no-scale --replicas=2"),
    k.refused("scale wd nowhere --replicas=2"),
    k.refused("autoscale wd s1 --min=1 --max=5 --cpu=80%"),
  ]);
  expect(notScalable).toContain("the server could not find the requested resource");
  expect(missing).toContain('wasmdeployments.wherry.dev "nowhere" not found');
  // HorizontalPodAutoscalers are not served.
  expect(autoscaled).toContain("the server could not find the requested resource");
});

test("replace: whole, stale, not there, by force", async () => {
  await k.run("create -f -", manifest(configMap("replaced", { a: "1" })));
  expect(await k.run("replace -f -", manifest(configMap("replaced", { b: "2" })))).toBe(
    "configmap/replaced replaced\n",
  );
  expect(await k.run("get cm replaced -o jsonpath={.data}")).toBe('{"b":"2"}');
  const stale = manifest(configMap("replaced", {}, { resourceVersion: "1" }));
  expect(await k.refused("replace -f -", stale)).toContain(
    "the object has been modified; please apply your changes to the latest version and try again",
  );
  expect(await k.refused("replace -f -", manifest(configMap("absent")))).toContain(
    'Error from server (NotFound): error when replacing "STDIN": configmaps "absent" not found',
  );
  const before = await k.run("get cm replaced -o jsonpath={.metadata.uid}");
  expect(await k.run("replace --force -f -", manifest(configMap("replaced", { c: "3" })))).toBe(
    'configmap "replaced" deleted from default namespace\nconfigmap/replaced replaced\n',
  );
  expect(await k.run("get cm replaced -o jsonpath={.metadata.uid}")).not.toBe(before);
});
