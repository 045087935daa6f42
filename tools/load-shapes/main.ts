/** Lets Wherry's autoscaler and the HPA live through the same loads, and writes what comes of it into docs/. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { compare } from "./comparison.ts";
import { liveThroughOutage } from "./outage.ts";
import { pictures, table, withTable } from "./report.ts";
import { loadShapes } from "./shapes.ts";

const root = new URL("../../", import.meta.url);
const comparisons = loadShapes().map((shape) => compare(shape));
const made = table(comparisons);
const page = new URL("docs/AUTOSCALING.md", root);
mkdirSync(new URL("docs/pictures/", root), { recursive: true });
for (const { path, text } of pictures(comparisons, liveThroughOutage()))
  writeFileSync(new URL(path, root), text);
writeFileSync(page, withTable(readFileSync(page, "utf8"), made));
console.log(made);
