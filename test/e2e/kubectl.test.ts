/** The README's example, with kubectl as it comes, and a module that is updated while it runs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";
import { runKubectl, streamKubectl } from "../support/kubectl.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(["one"]);
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

async function kubectl(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runKubectl(cluster.directory.kubeconfig, args);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}:\n${stderr}`);
  return stdout;
}

test("kubectl: apply, wait, scale, watch and delete a deployment that runs", async () => {
  const example = join(checkout, "examples/hello");
  expect(await kubectl("apply", "-f", example)).toBe("wasmdeployment.wherry.dev/hello created\n");
  expect(await kubectl("apply", "-f", example)).toBe("wasmdeployment.wherry.dev/hello unchanged\n");
  await kubectl("wait", "--for=condition=Available", "wasmdeployment/hello", "--timeout=30s");
  await kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "wd/hello", "--timeout=30s");
  expect(await kubectl("get", "wd", "hello", "--no-headers")).toMatch(/^hello\s+3\/3\s+3\s+3\s/);
  await kubectl("scale", "wd/hello", "--replicas=5");
  await kubectl("wait", "--for=jsonpath={.status.readyReplicas}=5", "wd/hello", "--timeout=30s");
  const names = await kubectl("get", "wasminstances", "-l", "wherry.dev/deployment=hello", "-o", "name");
  expect(names.trim().split("\n")).toHaveLength(5);
  const [first = ""] = names.trim().split("\n");
  await kubectl("delete", first);
  await kubectl("wait", "--for=jsonpath={.status.readyReplicas}=5", "wd/hello", "--timeout=30s");
  await kubectl("delete", "-f", example);
  await eventually(async () => expect(await kubectl("get", "wi")).toBe(""));
});

test("kubectl and wherry: watches of instances show each change, and a followed log goes on", async () => {
  const watching = cluster.stream("get", "wi", "-w");
  const kubectlWatching = streamKubectl(cluster.directory.kubeconfig, ["get", "wi", "-w", "--no-headers"]);
  const manifest = readFileSync(join(checkout, "examples/hello/hello.yaml"), "utf8").replace(
    "name: hello",
    "name: seen",
  );
  await cluster.apply(manifest);
  const following = cluster.stream("logs", "-f", "wasmdeployment/seen");
  try {
    await eventually(async () => {
      for (const { text } of [watching, kubectlWatching]) {
        expect(text().match(/^seen-\S+\s+1\/1\s+Running/gm)?.length ?? 0).toBeGreaterThanOrEqual(3);
      }
      expect(following.text().match(/tick 3$/gm)?.length ?? 0).toBe(3);
    });
    await kubectl("delete", "wd", "seen");
    await eventually(async () => {
      for (const { text } of [watching, kubectlWatching])
        expect(text()).toMatch(/^seen-\S+\s+0\/1\s+Terminating/m);
    });
  } finally {
    for (const { stop } of [watching, kubectlWatching, following]) stop();
  }
});

test("kubectl and wherry: both apply one object, and each sees the other's change", async () => {
  const manifest = readFileSync(join(checkout, "examples/hello/hello.yaml"), "utf8").replace(
    "name: hello",
    "name: mixed",
  );
  await cluster.apply(manifest);
  const applied = await runKubectl(
    cluster.directory.kubeconfig,
    ["apply", "-f", "-"],
    manifest.replace("ahoy", "hey"),
  );
  expect(applied.stdout).toBe("wasmdeployment.wherry.dev/mixed configured\n");
  expect(applied.stderr).toBe("");
  const { stdout } = await cluster.wherryWithInput(manifest.replace("ahoy", "hey"), "apply", "-f", "-");
  expect(stdout).toBe("wasmdeployment.wherry.dev/mixed unchanged\n");
  await eventually(async () => {
    const { stdout: log } = await cluster.wherry("logs", "wasmdeployment/mixed", "--tail", "1");
    expect(log).toMatch(/hey from/);
    expect(log).not.toMatch(/ahoy from/);
  });
});

test("a rolling update: every instance is replaced, and enough are ready all the while", async () => {
  const manifest = (greeting: string) =>
    readFileSync(join(checkout, "examples/hello/hello.yaml"), "utf8")
      .replace("name: hello", "name: rolling")
      .replace("replicas: 3", "replicas: 8")
      .replace("ahoy", greeting);
  await cluster.apply(manifest("first"));
  await kubectl("wait", "--for=jsonpath={.status.readyReplicas}=8", "wd/rolling", "--timeout=30s");
  const before = new Set((await cluster.instances()).map(({ metadata }) => metadata.uid));
  let readyMin = 8;
  await cluster.apply(manifest("second"));
  await eventually(async () => {
    const { status } = await cluster.json<{ status: Record<string, number> }>("wd", "rolling");
    readyMin = Math.min(readyMin, status["readyReplicas"] ?? 0);
    const now = (await cluster.instances()).filter(({ spec }) => spec.owner.name === "rolling");
    expect(now.filter(({ metadata }) => !before.has(metadata.uid)).length).toBe(8);
    expect(now.length).toBe(8);
  });
  expect(readyMin).toBeGreaterThanOrEqual(6);
});
