/** `npm run ok`: the gate before every commit. Stops at the first step that fails. */
import { gateSteps, runStep, unitStep } from "./gate.ts";

for (const step of [...gateSteps, unitStep]) {
  if (!(await runStep(step))) {
    process.exitCode = 1;
    break;
  }
}
