import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Gives memory that the engine has for garbage back to the machine. By itself it does so late, if at all.
 * It is a pause: measured, 0.12 s of CPU time with 10,000 instances, for 45 of 125 MB.
 */
export function releaseHeap(): void {
  // The function is there in contexts that are made after the flag was set. No guest runs in this process.
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: { type: "major"; flavor: "last-resort" }) => void;
  collect({ type: "major", flavor: "last-resort" });
}
