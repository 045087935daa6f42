/**
 * `node strip-types.ts`: files of TypeScript from standard input as files of JavaScript to standard output, as JSON from path
 * to text. In a process of its own, as the compiler takes 30 MB of whoever has once called it, and warns that it is
 * experimental.
 *
 * Types become blanks and the file's name is written below it, so that a stack names the line of the source.
 */
import { stripTypeScriptTypes } from "node:module";
import { readFileSync } from "node:fs";
import { importPattern } from "./program-files.ts";

function toJavaScript(path: string, text: string): string {
  const withEndings = stripTypeScriptTypes(text, { sourceUrl: path }).replaceAll(
    importPattern,
    (statement) => `${statement.slice(0, statement.lastIndexOf(".ts"))}.js${statement.slice(-1)}`,
  );
  return `${withEndings}\n`;
}

const files = JSON.parse(readFileSync(0, "utf8")) as Readonly<Record<string, string>>;
const stripped = Object.entries(files).map(([path, text]) => [path, toJavaScript(path, text)]);
process.stdout.write(JSON.stringify(Object.fromEntries(stripped)));
