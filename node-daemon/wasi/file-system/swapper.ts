/**
 * For the escape suite: as a process of its own, flips the directory `flip` in the folder argv[2] with the symlink
 * `flip-link`, as fast as it can, until its standard input closes.
 */
import { renameSync } from "node:fs";
import { setImmediate } from "node:timers/promises";

const [, , folder = "."] = process.argv;
const [real, link, spare] = ["flip", "flip-link", "flip-spare"].map((name) => `${folder}/${name}`) as [
  string,
  string,
  string,
];

process.stdin.on("end", () => process.exit()).resume();
process.stdout.write("ready\n");
for (;;) {
  for (let i = 0; i < 100; i++) {
    renameSync(real, spare);
    renameSync(link, real);
    renameSync(real, link);
    renameSync(spare, real);
  }
  await setImmediate();
}
