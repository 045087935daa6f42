// `npm run guests`: installs what is missing, the compilers among it, then builds guests; build-guests.ts says which.
import { fileURLToPath } from "node:url";
import { findNode, isWantedNode, runOn, wantedMajor } from "../cli/runtime.mjs";
import { fail, install } from "./bootstrap.mjs";

install("all");
if (isWantedNode()) {
  await import("./build-guests.ts");
} else {
  const node = findNode();
  if (node === undefined) fail(`there is no Node ${wantedMajor} for ${process.platform} on ${process.arch}`);
  runOn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)]);
}
