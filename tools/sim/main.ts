/** `npm run sim`: lives of a simulated cluster, one seed after the other. Prints each seed first, and of a failure the last events. */
import { parseArgs } from "node:util";
import { simulate, SimulationFailure, type SimulationOptions } from "./simulation.ts";

const usage = `usage: npm run sim -- [--seed N] [--runs R] [--steps M] [--nodes K] [--without NAME,…] [--trace]
  --seed N      the first seed (1)
  --runs R      how many seeds, one after the other (1)
  --steps M     what happens in each life (400)
  --nodes K     machines (6)
  --without     happenings that are left out, such as "second leader,clock jump"
  --trace       prints everything as it happens
  --lines L     how many of the last events a failure is told with (120)`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      runs: { type: "string", default: "1" },
      steps: { type: "string", default: "400" },
      nodes: { type: "string", default: "6" },
      lines: { type: "string", default: "120" },
      without: { type: "string", default: "" },
      trace: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const first = wholeNumber("seed", values.seed);
  const count = wholeNumber("runs", values.runs);
  const lines = wholeNumber("lines", values.lines);
  let failures = 0;
  for (let seed = first; seed < first + count; seed++) {
    const failed = await runOne(
      {
        seed,
        steps: wholeNumber("steps", values.steps),
        machines: wholeNumber("nodes", values.nodes),
        without: new Set(values.without.split(",").filter((name) => name !== "")),
        onLine: values.trace ? (line) => console.log(line) : undefined,
      },
      lines,
    );
    if (failed) failures++;
  }
  if (count > 1) console.log(`${count - failures} of ${count} seeds passed`);
  if (failures > 0) process.exitCode = 1;
}

async function runOne(options: SimulationOptions, lines: number): Promise<boolean> {
  process.stdout.write(`seed ${options.seed} `);
  const startedMs = performance.now();
  try {
    const { digest, placements, simulatedMs } = await simulate(options);
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    console.log(
      `ok: ${placements} placements in ${(simulatedMs / 60_000).toFixed(0)} simulated minutes, digest ${digest}, ${seconds} s`,
    );
    return false;
  } catch (thrown) {
    if (!(thrown instanceof SimulationFailure)) throw thrown;
    console.log("FAILED");
    if (options.onLine === undefined)
      for (const line of lines > 0 ? thrown.tail.slice(-lines) : []) console.log(line);
    console.log(thrown.message);
    if (thrown.cause instanceof Error && thrown.cause.name !== "Violation") console.log(thrown.cause.stack);
    return true;
  }
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`error: --${name} takes a whole number, not "${text}"\n${usage}`);
  return process.exit(2);
}

await main();
