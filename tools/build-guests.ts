/**
 * `npm run guests` builds the guests of `examples/` that are checked in and need nothing but what npm brings;
 * `npm run guests -- NAME...` those that are named, for example `rust` or `javascript`.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./gate.ts";
import { exampleGuests } from "./guests.ts";

const names = process.argv.slice(2);
const unknown = names.filter((name) => exampleGuests.every((guest) => guest.name !== name));
if (unknown.length > 0) {
  const known = exampleGuests.map(({ name }) => name).join(", ");
  console.error(`error: no guest is called ${unknown.join(", ")}; there are ${known}`);
  process.exit(1);
}
const wanted = exampleGuests.filter(({ name, kept }) =>
  names.length > 0 ? names.includes(name) : kept === "checked in",
);
for (const { target, build } of wanted) {
  const binary = await build();
  writeFileSync(join(root, target), binary);
  console.log(`${target}: ${binary.byteLength} bytes`);
}
