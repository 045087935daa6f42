import { WherryError } from "../../../kit/errors.ts";
import type { StaticToken } from "./static-tokens.ts";

const tokensMax = 10_000;

/**
 * Kubernetes' static token file: a line `token,user,uid[,"group1,group2"]` for each. Stricter than Kubernetes where a
 * mistake would otherwise go unseen. Throws a `WherryError` InvalidTokenFile that names the line.
 */
export function parseTokenFile(text: string): readonly StaticToken[] {
  const records = parseCsv(text.startsWith("\uFEFF") ? text.slice(1) : text);
  if (records.length > tokensMax)
    throw problem(1, `${records.length} tokens; at most ${tokensMax} are taken`);
  const lineOf = new Map<string, number>();
  return records.map((record) => {
    const token = readRecord(record);
    const earlier = lineOf.get(token.token);
    if (earlier !== undefined) throw problem(record.line, `the token of line ${earlier} again`);
    lineOf.set(token.token, record.line);
    return token;
  });
}

interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

function readRecord({ line, fields }: CsvRecord): StaticToken {
  const [token = "", user = "", uid = "", groups = ""] = fields;
  if (fields.length < 3)
    throw problem(line, `must have at least 3 columns (token, user name, user uid), found ${fields.length}`);
  if (fields.length > 4)
    throw problem(
      line,
      `${fields.length} columns; several groups go into one: token,user,uid,"group1,group2"`,
    );
  // Anything else could not be sent in a header.
  if (!/^[\x21-\x7e]+$/.test(token)) throw problem(line, "the token is empty, or has blanks or other signs");
  if (user === "") throw problem(line, "the user name is empty");
  return { token, user, uid, groups: groups.split(",").filter((group) => group !== "") };
}

/** RFC 4180: a quoted field may hold commas, line ends and doubled quotes. Empty lines are skipped. */
function parseCsv(text: string): readonly CsvRecord[] {
  const records: CsvRecord[] = [];
  let line = 1;
  let at = 0;
  while (at < text.length) {
    const first = line;
    const fields: string[] = [];
    let more = true;
    while (more) {
      const field = text[at] === '"' ? quotedField(text, at, line) : plainField(text, at, line);
      fields.push(field.value);
      line += field.value.split("\n").length - 1;
      more = text[field.end] === ",";
      at = field.end + 1;
    }
    line++;
    if (fields.length > 1 || fields[0] !== "") records.push({ line: first, fields });
  }
  return records;
}

interface Field {
  readonly value: string;
  /** Where the comma or the line feed is, or the text ends. */
  readonly end: number;
}

function plainField(text: string, start: number, line: number): Field {
  const pattern = /[,\n]/g;
  pattern.lastIndex = start;
  const end = pattern.exec(text)?.index ?? text.length;
  const value = text.slice(start, end);
  if (value.includes('"')) throw problem(line, "a quote inside a column that is not quoted");
  return { value: text[end] === "," ? value : value.replace(/\r$/, ""), end };
}

function quotedField(text: string, start: number, line: number): Field {
  const pattern = /"[^"]*(?:""[^"]*)*"/y;
  pattern.lastIndex = start;
  const quoted = pattern.exec(text)?.[0];
  if (quoted === undefined) throw problem(line, "a quote that is not closed");
  const after = /(?:\r?\n|,|$)/y;
  after.lastIndex = start + quoted.length;
  const found = after.exec(text)?.[0];
  if (found === undefined) throw problem(line, "signs after a closed quote");
  const end = start + quoted.length + (found.startsWith("\r") ? 1 : 0);
  return { value: quoted.slice(1, -1).replaceAll('""', '"'), end };
}

function problem(line: number, what: string): WherryError {
  return new WherryError("InvalidTokenFile", `line ${line}: ${what}`);
}
