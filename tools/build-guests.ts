/** `npm run guests`: compiles every examples/NAME/*.c beside its source. The results are checked in, so that the examples run without a compiler. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { compileC } from "./compile-c.ts";

const root = resolve(fileURLToPath(new URL("..", import.meta.url)));
const examples = join(root, "examples");

for (const entry of readdirSync(examples, { recursive: true, encoding: "utf8" }).sort()) {
  if (!entry.endsWith(".c")) continue;
  const source = join(examples, entry);
  const target = source.replace(/\.c$/, ".wasm");
  const binary = await compileC(readFileSync(source, "utf8"));
  writeFileSync(target, binary);
  console.log(`${relative(root, target)}: ${binary.byteLength} bytes`);
}
