/** `npm run bench [NAME…]`: prints every figure. Absolute times depend on the machine; ratios within one run count. */
import { cpus, totalmem } from "node:os";
import { errorMessage } from "../kit/errors.ts";
import { formatFigure, type Figure } from "./figure.ts";

interface Suite {
  /** Either all at the end, or one by one as they are measured. */
  readonly run: () => Promise<readonly Figure[]> | AsyncIterable<Figure> | Iterable<Figure>;
}

const suites: Readonly<Record<string, () => Promise<Suite>>> = {
  "api-server": () => import("./api-server.ts"),
  autoscaling: () => import("./autoscaling.ts"),
  "component-calls": () => import("./component-calls.ts"),
  components: () => import("./components.ts"),
  density: () => import("./density.ts"),
  "end-to-end": () => import("./end-to-end.ts"),
  functions: () => import("./functions.ts"),
  gateway: () => import("./gateway.ts"),
  "guest-speed": () => import("./guest-speed.ts"),
  guests: () => import("./guests.ts"),
  "hollow-nodes": () => import("./hollow-nodes.ts"),
  http: () => import("./http.ts"),
  "http-hop": () => import("./http-hop.ts"),
  "http-wake-ups": () => import("./http-wake-ups.ts"),
  "http-workloads": () => import("./http-workloads.ts"),
  instances: () => import("./instances.ts"),
  link: () => import("./link.ts"),
  outgoing: () => import("./outgoing.ts"),
  placement: () => import("./placement.ts"),
  "placement-quality": () => import("./placement-quality.ts"),
  preemption: () => import("./preemption.ts"),
  starts: () => import("./starts.ts"),
  store: () => import("./store.ts"),
  wagi: () => import("./wagi.ts"),
  "wake-up": () => import("./wake-up.ts"),
  "what-if": () => import("./what-if.ts"),
  "wasi-files": () => import("./wasi-files.ts"),
};

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !(name in suites));
if (unknown.length > 0) {
  console.error(`no benchmark is called ${unknown.join(", ")}; there are ${Object.keys(suites).join(", ")}`);
  process.exit(2);
}
console.log(
  `Node ${process.versions.node}, V8 ${process.versions.v8}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
);
for (const [name, load] of Object.entries(suites)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  console.log(`\n${name}`);
  try {
    const { run } = await load();
    for await (const figure of await run()) console.log(`  ${formatFigure(figure)}`);
  } catch (thrown) {
    console.log(`  not measured: ${errorMessage(thrown)}`);
    process.exitCode = 1;
  }
}
