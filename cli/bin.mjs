#!/usr/bin/env node
// The `wherry` command. Node runs the sources as they are; dist/ has them compiled, beside a copy of this file.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { findNode, isWantedNode, keepCompiledCode, runOn, wantedMajor } from "./runtime.mjs";

if (isWantedNode()) {
  keepCompiledCode();
  const compiled = new URL("./main.js", import.meta.url);
  const program = existsSync(compiled) ? compiled : new URL("./main.ts", import.meta.url);
  const { main } = await import(program.href);
  await main();
} else {
  const node = findNode();
  if (node === undefined) {
    console.error(
      `error: wherry needs Node ${wantedMajor}; this is ${process.version}, and the one that comes with wherry is not installed. Run "npm install" in its folder.`,
    );
    process.exit(1);
  }
  runOn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)]);
}
