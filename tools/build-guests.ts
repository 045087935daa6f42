/**
 * `npm run guests` builds the guests of `examples/` that are checked in and need nothing but what npm brings;
 * `npm run guests -- NAME...` those that are named, for example `rust`, `http` or `http/greeter`.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./gate.ts";
import { exampleGuests, type ExampleGuest } from "./guests.ts";

const names = process.argv.slice(2);
const isNamed = (guest: ExampleGuest, name: string) =>
  guest.name === name || guest.name.startsWith(`${name}/`);
const unknown = names.filter((name) => !exampleGuests.some((guest) => isNamed(guest, name)));
if (unknown.length > 0) {
  const known = exampleGuests.map(({ name }) => name).join(", ");
  console.error(`error: no guest is called ${unknown.join(", ")}; there are ${known}`);
  process.exit(1);
}
const wanted = exampleGuests.filter((guest) =>
  names.length > 0 ? names.some((name) => isNamed(guest, name)) : guest.kept === "checked in",
);
for (const { target, build } of wanted) {
  const binary = await build();
  writeFileSync(join(root, target), binary);
  console.log(`${target}: ${binary.byteLength} bytes`);
}
