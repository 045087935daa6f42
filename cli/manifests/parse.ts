import { LineCounter, parseAllDocuments, type Document, type Tags, type YAMLError } from "yaml";
import { errorMessage } from "../../kit/errors.ts";
import type { Manifest, ReadManifest } from "./manifest.ts";

/**
 * Reads all documents of a file. YAML 1.1 as Kubernetes reads it (`on` is true, 0644 is octal), but without the times and
 * base 60 numbers, which its parser does not know either.
 */
export function parseManifests(text: string, file: string): readonly ReadManifest[] {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, { schema: "yaml-1.1", customTags: withoutTimes, lineCounter });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document: Document, index) => {
    const [error] = document.errors;
    if (error) return [{ kind: "invalid", message: syntaxMessage(error, text, file) }] as const;
    return readDocument(document, file, index + 1, documents.length);
  });
}

function readDocument(
  document: Document,
  file: string,
  number: number,
  count: number,
): readonly ReadManifest[] {
  const where = count > 1 ? `${file}, document ${number}` : file;
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: aliasCountMax });
  } catch (error) {
    return [{ kind: "invalid", message: `${where}: ${errorMessage(error)}` }];
  }
  if (value === null || value === undefined) return [];
  return expandList(value).map((item) => {
    const problem = findProblem(item);
    if (problem) return { kind: "invalid", message: `${where}: ${problem}` };
    return { kind: "manifest", manifest: item as Manifest, source: { file, document: number } };
  });
}

/** Enough for every honest manifest; a "billion laughs" document is refused. */
const aliasCountMax = 1000;

function withoutTimes(tags: Tags): Tags {
  return tags.filter(
    (tag) => typeof tag === "string" || (tag.tag !== "tag:yaml.org,2002:timestamp" && tag.format !== "TIME"),
  );
}

/** `file:line:column: message`, and below it the line with a mark under the place. */
function syntaxMessage(error: YAMLError, text: string, file: string): string {
  const { line, col } = error.linePos?.[0] ?? { line: 1, col: 1 };
  const message = (error.message.split(" at line ")[0] ?? "").split("\n")[0] ?? "";
  const source = (text.split("\n")[line - 1] ?? "").replace(/\r$/, "");
  const gutter = `  ${line} | `;
  // Tabs keep the mark in line, however wide the terminal makes them.
  const padding = source.slice(0, col - 1).replaceAll(/[^\t]/g, " ");
  return `${file}:${line}:${col}: ${message}\n${gutter}${source}\n${" ".repeat(gutter.length)}${padding}^`;
}

function expandList(value: unknown): readonly unknown[] {
  if (!isObject(value) || typeof value["kind"] !== "string") return [value];
  return value["kind"].endsWith("List") && Array.isArray(value["items"]) ? value["items"] : [value];
}

function findProblem(value: unknown): string | undefined {
  if (!isObject(value)) return "the document is not an object; it must have apiVersion, kind and metadata";
  for (const field of ["apiVersion", "kind"]) {
    if (value[field] === undefined) return `${field}: Required value: it says what the document is`;
    if (typeof value[field] !== "string" || value[field] === "")
      return `${field}: must be a non-empty string`;
  }
  const metadata = value["metadata"];
  if (!isObject(metadata)) return "metadata: Required value: metadata.name names the object";
  if (metadata["name"] === undefined && metadata["generateName"] !== undefined) {
    return "metadata.generateName: cannot be used with apply; give metadata.name";
  }
  const { name } = metadata;
  if (typeof name !== "string" || name === "") return "metadata.name: Required value: it names the object";
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
