/** Valid modules of random bytes, made by the fuzzer of Binaryen: the same bytes give the same module. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { seededRandom } from "../../kit/random.ts";

const optimizer = fileURLToPath(new URL("../../node_modules/.bin/wasm-opt", import.meta.url));
const generateMsMax = 120_000;

/** What Binaryen knows and the engine has not, or behind flags only. */
const unsupported = [
  "strings",
  "shared-everything",
  "fp16",
  "custom-descriptors",
  "stack-switching",
  "multibyte",
  "relaxed-atomics",
  "custom-page-sizes",
  "wide-arithmetic",
];

/** Different features leave room for different instructions; exceptions old and new may not be mixed in one module. */
const variants: readonly (readonly string[])[] = [
  ["--translate-to-exnref"],
  ["--disable-gc", "--disable-exception-handling"],
  ["--translate-to-exnref", "--no-fuzz-oob"],
  ["--disable-simd", "--disable-threads", "--translate-to-exnref"],
];
const bytesMin = 5_000;
const bytesMax = 40_000;

export async function generateModule(seed: number): Promise<Uint8Array<ArrayBuffer>> {
  const random = seededRandom(seed);
  const length = bytesMin + Math.floor(random.fraction() * (bytesMax - bytesMin));
  const variant = variants[Math.floor(random.fraction() * variants.length)] ?? [];
  const folder = await mkdtemp(join(tmpdir(), "wherry-generated-"));
  const source = join(folder, "bytes");
  const target = join(folder, "module.wasm");
  try {
    await writeFile(
      source,
      Uint8Array.from({ length }, () => Math.floor(random.fraction() * 256)),
    );
    const flags = ["--all-features", ...unsupported.map((feature) => `--disable-${feature}`), ...variant];
    await promisify(execFile)(optimizer, [source, "--translate-to-fuzz", ...flags, "-o", target], {
      timeout: generateMsMax,
    });
    return new Uint8Array(await readFile(target));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
