// `npm start`: installs what is missing, then runs a cluster on this machine. Arguments go to `wherry up`.
import { join } from "node:path";
import { findNode, isWantedNode, keepCompiledCode, runOn, wantedMajor } from "../cli/runtime.mjs";
import { fail, install, root } from "./bootstrap.mjs";

install("production");
const args = ["up", ...process.argv.slice(2)];
if (isWantedNode()) {
  keepCompiledCode();
  const { main } = await import("../cli/main.ts");
  await main(args);
} else {
  const node = findNode();
  if (node === undefined) fail(`there is no Node ${wantedMajor} for ${process.platform} on ${process.arch}`);
  runOn(node, [join(root, "cli", "bin.mjs"), ...args]);
}
