import { listOf, opaque, optionalOf, STRING } from "../language/types.ts";
import { absent, noSuchOverload, type OpaqueValue, OptionalValue, stringList } from "../values.ts";
import { define, defineMethod, type Overload } from "./declare.ts";
import { daysSinceEpoch, parseTimestamp } from "./time-ranges.ts";
import { uriProblem } from "./urls.ts";

const FORMAT = opaque("kubernetes.NamedFormat");

/** A named form of texts: what Kubernetes itself demands of names and labels, and OpenAPI's formats. */
export class Format implements OpaqueValue {
  readonly kind = "opaque";
  readonly typeName = FORMAT.name;
  readonly size = 1;
  readonly name: string;
  /** How long Kubernetes takes the form's pattern to be, for the cost. */
  readonly patternLength: number;
  readonly problems: (text: string) => readonly string[];

  constructor(name: string, patternLength: number, problems: (text: string) => readonly string[]) {
    this.name = name;
    this.patternLength = patternLength;
    this.problems = problems;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof Format && this.name === other.name;
  }
}

interface NameForm {
  readonly form: string;
  readonly lengthMax: number;
  readonly message: string;
  readonly examples: readonly string[];
}

const label: NameForm = {
  form: "[a-z0-9]([-a-z0-9]*[a-z0-9])?",
  lengthMax: 63,
  message:
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  examples: ["my-name", "123-abc"],
};
const subdomain: NameForm = {
  form: `${label.form}(\\.${label.form})*`,
  lengthMax: 253,
  message:
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  examples: ["example.com"],
};
const label1035: NameForm = {
  form: "[a-z]([-a-z0-9]*[a-z0-9])?",
  lengthMax: 63,
  message:
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  examples: ["my-name", "abc-123"],
};
const qualifiedPart: NameForm = {
  form: "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]",
  lengthMax: 63,
  message:
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  examples: ["MyName", "my.name", "123-abc"],
};
const labelValue: NameForm = {
  form: `(${qualifiedPart.form})?`,
  lengthMax: 63,
  message:
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  examples: ["MyValue", "my_value", "12345"],
};

function nameProblems({ form, lengthMax, message, examples }: NameForm, text: string): readonly string[] {
  if (text.length > lengthMax) return [`must be no more than ${lengthMax} bytes`];
  return new RegExp(`^(?:${form})$`).test(text) ? [] : [formMessage(message, form, examples)];
}

/** With the two spaces that Kubernetes has between examples. */
function formMessage(message: string, form: string, examples: readonly string[]): string {
  const shown = examples.map((example) => `'${example}', `).join(" or ");
  return `${message} (e.g. ${shown}regex used for validation is '${form}')`;
}

/** A name to which a random end will be added may end in a dash. */
function prefixProblems(form: NameForm, text: string): readonly string[] {
  return nameProblems(form, text.length > 1 && text.endsWith("-") ? `${text.slice(0, -2)}a` : text);
}

function qualifiedProblems(text: string): readonly string[] {
  const parts = text.split("/");
  const { form, lengthMax, message, examples } = qualifiedPart;
  if (parts.length > 2)
    return [
      `a qualified name ${formMessage(message, form, examples)} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  const problems: string[] = [];
  const [prefix] = parts;
  if (parts.length === 2 && prefix !== undefined)
    problems.push(
      ...(prefix === ""
        ? ["prefix part must be non-empty"]
        : nameProblems(subdomain, prefix).map((one) => `prefix part ${one}`)),
    );
  const name = parts.at(-1) ?? "";
  if (name === "") problems.push("name part must be non-empty");
  if (name.length > lengthMax) problems.push(`name part must be no more than ${lengthMax} bytes`);
  else if (!new RegExp(`^${form}$`).test(name))
    problems.push(`name part ${formMessage(message, form, examples)}`);
  return problems;
}

function matching(form: RegExp, problem: string): (text: string) => readonly string[] {
  return (text) => (form.test(text) ? [] : [problem]);
}

function isDate(text: string): boolean {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  return match !== null && daysSinceEpoch(Number(match[1]), Number(match[2]), Number(match[3])) !== undefined;
}

const uuidForm = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const base64Form = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const uriFormat = new Format("URI", 1103, (text) => {
  const problem = uriProblem(text);
  return problem === undefined ? [] : [problem];
});

const formats: ReadonlyMap<string, Format> = new Map([
  ["dns1123Label", new Format("DNS1123Label", 30, (text) => nameProblems(label, text))],
  ["dns1123Subdomain", new Format("DNS1123Subdomain", 60, (text) => nameProblems(subdomain, text))],
  ["dns1035Label", new Format("DNS1035Label", 30, (text) => nameProblems(label1035, text))],
  ["qualifiedName", new Format("QualifiedName", 60, qualifiedProblems)],
  ["dns1123LabelPrefix", new Format("DNS1123LabelPrefix", 30, (text) => prefixProblems(label, text))],
  [
    "dns1123SubdomainPrefix",
    new Format("DNS1123SubdomainPrefix", 60, (text) => prefixProblems(subdomain, text)),
  ],
  ["dns1035LabelPrefix", new Format("DNS1035LabelPrefix", 30, (text) => prefixProblems(label1035, text))],
  ["labelValue", new Format("LabelValue", 40, (text) => nameProblems(labelValue, text))],
  ["uri", uriFormat],
  ["uuid", new Format("uuid", 63, matching(uuidForm, "does not match the UUID format"))],
  [
    "byte",
    new Format("byte", 84, (text) => (text !== "" && base64Form.test(text) ? [] : ["invalid base64"])),
  ],
  ["date", new Format("date", 108, (text) => (isDate(text) ? [] : ["invalid date"]))],
  ["datetime", new Format("datetime", 108, (text) => (parseTimestamp(text) ? [] : ["invalid datetime"]))],
]);

export const namedFormats: readonly Overload[] = [
  ...[...formats].map(([name, format]) =>
    define([`format.${name}`, `format.${name}`], [], FORMAT, () => format),
  ),
  define(["format.named", "format-named"], [STRING], optionalOf(FORMAT), ([name]) => {
    const format = formats.get(name);
    return format ? new OptionalValue(format) : absent;
  }),
  defineMethod(
    ["validate", "format-validate"],
    [FORMAT, STRING],
    optionalOf(listOf(STRING)),
    ([format, text], meter) => {
      if (!(format instanceof Format)) return noSuchOverload;
      meter.toil(text.length);
      const problems = format.problems(text);
      return problems.length === 0 ? absent : new OptionalValue(stringList(problems));
    },
  ),
];
