// `npm test`: installs what is missing, then runs the gate and all tests, and ends with one line of figures.
import { fileURLToPath } from "node:url";
import { findNode, isWantedNode, runOn, wantedMajor } from "../cli/runtime.mjs";
import { fail, install } from "./bootstrap.mjs";

install("all");
if (isWantedNode()) {
  const { runAllTests } = await import("./test-run.ts");
  process.exitCode = await runAllTests(process.argv.slice(2));
} else {
  const node = findNode();
  if (node === undefined) fail(`there is no Node ${wantedMajor} for ${process.platform} on ${process.arch}`);
  runOn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)]);
}
