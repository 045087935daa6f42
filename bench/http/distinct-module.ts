import { appendFileSync, copyFileSync } from "node:fs";

/** Copies a module or component and gives it something of its own that changes nothing but its digest. */
export function writeDistinct(source: string, target: string, number: number): void {
  const name = Buffer.from("number");
  const content = Buffer.from(String(number));
  copyFileSync(source, target);
  // A custom section: its id, its size, the length of its name, the name, and whatever it likes.
  appendFileSync(
    target,
    Buffer.from([0, 1 + name.length + content.length, name.length, ...name, ...content]),
  );
}
