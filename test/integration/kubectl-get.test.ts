/** kubectl's reading commands: get in all its forms, watch, wait, describe, events. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { configMap, deployment, KubectlSession, manifest } from "../support/kubectl-session.ts";
import { streamKubectl } from "../support/kubectl.ts";
import { eventually } from "../support/cluster.ts";

let k: KubectlSession;
beforeAll(async () => {
  k = await KubectlSession.start();
  k.server.live.put("default", "hello-1");
  const seven = [1, 2, 3, 4, 5, 6, 7].map((n) =>
    configMap(`n${n}`, { v: String(n) }, { labels: { seven: "yes", back: String(8 - n) } }),
  );
  await k.run("create -f -", manifest(...seven, deployment("work")));
});
afterAll(() => k[Symbol.asyncDispose]());

const all = ["n1", "n2", "n3", "n4", "n5", "n6", "n7"];

async function names(args: string): Promise<readonly string[]> {
  const text = await k.run(`get cm ${args} -o name`);
  return text
    .trim()
    .split("\n")
    .map((line) => line.replace("configmap/", ""));
}

test("get: pages of two, by label, by field, sorted", async () => {
  const paged = await k.try("get cm -l seven --chunk-size=2 --no-headers -v=6");
  expect(
    paged.stdout
      .trim()
      .split("\n")
      .map((row) => row.split(/ +/)[0]),
  ).toEqual(all);
  expect(paged.stderr.match(/GET" url="[^"]*configmaps/g)).toHaveLength(4);
  const [bySet, byField, notByField, rows] = await Promise.all([
    names("-l 'back in (2,3),seven!=no'"),
    names("--field-selector metadata.name=n1"),
    names("-l seven --field-selector metadata.name!=n1"),
    k.run("get cm -l seven --sort-by={.metadata.labels.back} --no-headers"),
  ]);
  expect(bySet).toEqual(["n5", "n6"]);
  expect(byField).toEqual(["n1"]);
  expect(notByField).toEqual(all.slice(1));
  expect(
    rows
      .trim()
      .split("\n")
      .map((row) => row.split(/ +/)[0]),
  ).toEqual(all.toReversed());
  expect(await k.refused("get cm --field-selector data.v=1")).toContain(
    'Error from server (BadRequest): Unable to find "/v1, Resource=configmaps" that match label selector "", field selector "data.v=1": field label not supported: data.v',
  );
});

test.each([
  { args: "get cm n1 -o jsonpath={.data.v}", is: "1" },
  {
    args: "get cm -l seven -o jsonpath='{range .items[*]}{.metadata.name}={.data.v} {end}'",
    is: "n1=1 n2=2 n3=3 n4=4 n5=5 n6=6 n7=7 ",
  },
  {
    args: "get cm -l back=1 -o jsonpath-as-json={.items[*].data}",
    is: '[\n    {\n        "v": "7"\n    }\n]\n',
  },
  { args: "get cm n1 -o go-template='{{.data.v}}!'", is: "1!" },
  {
    args: "get cm n1 -o custom-columns=N:.metadata.name,V:.data.v,X:.data.x",
    is: "N     V     X\nn1    1     <none>\n",
  },
  { args: "get cm n1 n2 -o name", is: "configmap/n1\nconfigmap/n2\n" },
  { args: "get cm n1 nowhere --ignore-not-found -o name", is: "configmap/n1\n" },
  { args: "get cm -n kube-system -o name", is: "" },
])("get: $args", async ({ args, is }) => {
  expect(await k.run(args)).toBe(is);
});

test.each([
  { args: "get cm n1", is: /^NAME +DATA +AGE\nn1 +1 +\d+s\n$/ },
  { args: "get cm n1 --show-labels", is: /^NAME +DATA +AGE +LABELS\nn1 +1 +\d+s +back=7,seven=yes\n$/ },
  { args: "get cm n1 -L back,none", is: /^NAME +DATA +AGE +BACK +NONE\nn1 +1 +\d+s +7 *\n$/ },
  {
    args: "get cm -A --field-selector metadata.name=n1",
    is: /^NAMESPACE +NAME +DATA +AGE\ndefault +n1 +1 +\d+s\n$/,
  },
  { args: "get cm n1 --server-print=false", is: /^NAME +AGE\nn1 +\d+s\n$/ },
  {
    args: "get wd work -o wide",
    is: /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +MODULE +SELECTOR\nwork +\d+s +file:/,
  },
  {
    args: "get wd/work cm/n1",
    is: /^NAME .*\nwasmdeployment\.wherry\.dev\/work +\d+s\n\nNAME .*\nconfigmap\/n1 +1 +\d+s\n$/,
  },
  {
    args: "get cm,wd,secrets",
    is: /configmap\/n7 [\s\S]*\n\nNAME +READY[\s\S]*wasmdeployment\.wherry\.dev\/work /,
  },
  {
    args: "get all",
    is: /wasminstance\.live\.wherry\.dev\/hello-1 [\s\S]*wasmdeployment\.wherry\.dev\/work /,
  },
  { args: "get wasmdeployments.v1alpha1.wherry.dev work", is: /^NAME .*\nwork / },
  {
    args: "get ns default -o yaml",
    is: /^apiVersion: v1\nkind: Namespace\nmetadata:\n[\s\S]*\nstatus:\n {2}phase: Active\n$/,
  },
  { args: "get cm n1 -o json", is: /^\{\n {4}"apiVersion": "v1",\n {4}"data": \{\n/ },
  { args: "get crd", is: /^NAME +CREATED AT\nwasmautoscalers\.wherry\.dev +\d{4}-/ },
])("get: $args", async ({ args, is }) => {
  expect(await k.run(args)).toMatch(is);
});

test("get: of what there is none, of what is not there, of no such kind; managed fields only on demand", async () => {
  const [none, missing, kind, plain, shown] = await Promise.all([
    k.try("get leases"),
    k.try("get cm n1 nowhere"),
    k.refused("get nothings"),
    k.run("get cm n1 -o yaml"),
    k.run("get cm n1 -o yaml --show-managed-fields"),
  ]);
  expect(none).toMatchObject({ code: 0, stderr: "No resources found in default namespace.\n" });
  expect(missing.code).toBe(1);
  expect(missing.stdout).toMatch(/^n1 /m);
  expect(missing.stderr).toBe('Error from server (NotFound): configmaps "nowhere" not found\n');
  expect(kind).toBe('error: the server doesn\'t have a resource type "nothings"\n');
  expect(plain).not.toContain("managedFields");
  expect(shown).toContain("manager: kubectl-create");
});

test("get -w and --watch-only: of a list, of one object, with output formats", async () => {
  await watching(0);
  const list = streamKubectl(k.config, ["get", "cm", "-l", "w=1", "-w", "--no-headers"]);
  const events = streamKubectl(
    k.config,
    "get cm -l w=1 -w -o custom-columns=V:.data.v --no-headers".split(" "),
  );
  const one = streamKubectl(k.config, ["get", "cm", "n1", "--watch-only", "-o", "jsonpath={.data.v} "]);
  try {
    await watching(3);
    await k.run("create -f -", manifest(configMap("watched", { v: "1" }, { labels: { w: "1" } })));
    await k.run(`patch cm watched -p '{"data":{"v":"2","x":""}}'`);
    await k.run("delete cm watched");
    await k.run(`patch cm n1 -p '{"data":{"v":"one"}}'`);
    await eventually(async () => {
      expect(list.text()).toMatch(/^watched +1 +\d+s *\nwatched +2 +\d+s *\nwatched +2 +\d+s *\n$/);
      expect(events.text()).toMatch(/^1\n2\n2\n$/);
      expect(one.text()).toMatch(/one $/);
    });
  } finally {
    for (const { stop } of [list, events, one]) stop();
    await k.run(`patch cm n1 -p '{"data":{"v":"1"}}'`);
  }
});

test("wait: for a condition, a value, the creation, the deletion, and not for ever", async () => {
  const status = {
    conditions: [
      {
        type: "Available",
        status: "True",
        reason: "R",
        message: "m",
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
    ],
  };
  await k.run("create -f -", manifest(deployment("awaited")));
  const condition = k.run("wait wd/awaited --for=condition=Available --timeout=20s");
  const value = k.run("wait wd/awaited --for=jsonpath={.spec.replicas}=4 --timeout=20s");
  const created = k.run("wait cm/awaited --for=create --timeout=20s");
  await k.run(`patch wd awaited --subresource=status --type=merge -p '${JSON.stringify({ status })}'`);
  await k.run("scale wd awaited --replicas=4");
  await k.run("create -f -", manifest(configMap("awaited")));
  expect(await condition).toBe("wasmdeployment.wherry.dev/awaited condition met\n");
  expect(await value).toBe("wasmdeployment.wherry.dev/awaited condition met\n");
  expect(await created).toBe("configmap/awaited condition met\n");
  await watching(0);
  const deleted = k.run("wait wd/awaited --for=delete --timeout=20s");
  await watching(1);
  await k.run("delete wd awaited");
  expect(await deleted).toBe("wasmdeployment.wherry.dev/awaited condition met\n");
  const [late, absent] = await Promise.all([
    k.refused("wait cm/awaited --for=jsonpath={.data.v}=1 --timeout=1s"),
    k.run("wait cm/never-there --for=delete --timeout=1s"),
  ]);
  expect(late).toContain("timed out waiting for the condition on configmaps/awaited");
  expect(absent).toBe("");
});

async function watches(): Promise<number> {
  const { text } = await k.server.call("GET", "/metrics");
  return Number(/^wherry_apiserver_watches (\d+)$/m.exec(text)?.[1]);
}

/** Waits until the server has so many watches. */
async function watching(count: number): Promise<void> {
  await eventually(async () => expect(await watches()).toBe(count));
}

test("describe: kinds of all sorts", async () => {
  const wanted = [
    {
      target: "wd work",
      is: /^Name: +work\nNamespace: +default\nLabels: +app=work\n[\s\S]*Replicas: +2\n[\s\S]*Events: +<none>\n$/,
    },
    { target: "cm n1", is: /^Name: +n1[\s\S]*\nData\n====\nv:\n----\n1\n/ },
    { target: "ns default", is: /^Name: +default\n[\s\S]*Status: +Active\n\nNo resource quota\.\n/ },
    { target: "sa default", is: /^Name: +default\nNamespace: +default\n/ },
    {
      target: "clusterrole view",
      is: /PolicyRule:\n +Resources +Non-Resource URLs +Resource Names +Verbs\n[\s\S]*configmaps +\[\] +\[\] +\[get list watch\]/,
    },
    {
      target: "clusterrolebinding cluster-admin",
      is: /Role:\n +Kind: +ClusterRole\n +Name: +cluster-admin\nSubjects:\n[\s\S]*Group +system:masters/,
    },
    { target: "crd wasmjobs.wherry.dev", is: /Kind: +CustomResourceDefinition\n[\s\S]*Accepted Names:/ },
    { target: "wi hello-1", is: /^Name: +hello-1\n[\s\S]*Kind: +WasmInstance\n/ },
  ];
  const texts = await Promise.all(wanted.map(({ target }) => k.run(`describe ${target}`)));
  for (const [at, { is }] of wanted.entries()) expect(texts[at]).toMatch(is);
});

test("events: for an object, by type, as a watch, and what get and describe make of them", async () => {
  const uid = await k.run("get wd work -o jsonpath={.metadata.uid}");
  const event = (type: string, reason: string) => ({
    apiVersion: "v1",
    kind: "Event",
    metadata: { generateName: "e-", namespace: "default" },
    type,
    reason,
    message: `it ${reason.toLowerCase()}`,
    count: 3,
    firstTimestamp: "2026-01-01T00:00:00Z",
    lastTimestamp: "2026-01-01T00:10:00Z",
    source: { component: "tester", host: "h" },
    involvedObject: {
      apiVersion: "wherry.dev/v1alpha1",
      kind: "WasmDeployment",
      name: "work",
      namespace: "default",
      uid,
    },
  });
  await watching(0);
  const watched = streamKubectl(k.config, ["events", "--for", "wd/work", "-w", "--no-headers"]);
  try {
    await watching(1);
    await k.run("create -f -", manifest(event("Warning", "Failed"), event("Normal", "Started")));
    const [forObject, ofType, listed, wide, selected, otherGroup, described] = await Promise.all([
      k.run("events --for wasmdeployment.wherry.dev/work --no-headers"),
      k.run("events --types=Warning --no-headers"),
      k.run("get events"),
      k.run("get events -o wide"),
      k.run("get events --field-selector involvedObject.name=work,reason=Started --no-headers"),
      k.run("get events.events.k8s.io"),
      k.run("describe wd work"),
    ]);
    expect(forObject.trim().split("\n")).toHaveLength(2);
    expect(ofType).toMatch(/^\S+ \(x3 over \S+\) +Warning +Failed +WasmDeployment\/work +it failed\n$/);
    expect(listed).toMatch(/^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n/);
    expect(listed).toMatch(/ +Normal +Started +wasmdeployment\/work +it started$/m);
    expect(wide).toMatch(
      /^LAST SEEN +TYPE +REASON +OBJECT +SUBOBJECT +SOURCE +MESSAGE +FIRST SEEN +COUNT +NAME\n/,
    );
    expect(selected.trim().split("\n")).toHaveLength(1);
    expect(otherGroup).toBe(listed);
    expect(described).toMatch(
      /Events:\n +Type +Reason +Age +From +Message\n[\s\S]*Warning +Failed +\S+ \(x3 over \S+\) +tester +it failed/,
    );
    await eventually(async () => expect(watched.text().trim().split("\n")).toHaveLength(2));
  } finally {
    watched.stop();
  }
});
