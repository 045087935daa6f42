/**
 * The formats that Kubernetes checks in custom kinds. Others are ignored, and the CustomResourceDefinition that has them is
 * answered with a warning. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation
 */
import { isIP, isIPv4, isIPv6 } from "node:net";

/** Longer texts are of none of the formats that are matched step by step. */
const textLengthMax = 4096;

const uuid = (form: RegExp) => (text: string) => form.test(text);
const dateForm = /^\d{4}-\d\d-\d\d$/;
/** Go's time.RFC3339, and ISO 8601 without a zone, which Kubernetes takes as well. */
const dateTimeForm = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d([.,]\d+)?([Zz]|[+-]\d\d:\d\d)?$/;
const base64Form = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const goDurationForm = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const hostLabelForm = /^[a-zA-Z0-9\p{S}\p{L}](?:[-a-zA-Z0-9\p{S}\p{L}]*[a-zA-Z0-9\p{S}\p{L}])?$/u;
const topLabelForm = /^[a-zA-Z\p{L}]{2,63}$/u;
const mailForm = /^(?:[^<>"]*<)?[^\s<>@",;:\\()[\]]+@[^\s<>@",;:\\()[\]]+>?$/;
const creditCardForm =
  /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/;
const rgbForm =
  /^rgb\(\s*(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*(?:,\s*(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*){2}\)$/;

/** By name without hyphens, as Kubernetes compares them. */
const checks: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ["bsonobjectid", uuid(/^[0-9a-fA-F]{24}$/)],
  ["uri", isUri],
  ["email", (text: string) => text.length <= textLengthMax && mailForm.test(text)],
  ["hostname", isHostname],
  ["ipv4", (text: string) => isIPv4(withoutLeadingZeros(text))],
  ["ipv6", (text: string) => isIPv6(text) && !text.includes("%")],
  ["cidr", isCidr],
  ["mac", isMac],
  ["uuid", uuid(/^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i)],
  ["uuid3", uuid(/^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i)],
  ["uuid4", uuid(/^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i)],
  ["uuid5", uuid(/^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i)],
  ["isbn", (text: string) => isIsbn10(text) || isIsbn13(text)],
  ["isbn10", isIsbn10],
  ["isbn13", isIsbn13],
  ["creditcard", isCreditCard],
  ["ssn", uuid(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/)],
  ["hexcolor", uuid(/^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/)],
  ["rgbcolor", (text: string) => text.length <= textLengthMax && rgbForm.test(text)],
  ["byte", (text: string) => base64Form.test(text)],
  ["password", () => true],
  ["date", (text: string) => dateForm.test(text) && isDay(text)],
  ["duration", isDuration],
  ["datetime", isDateTime],
  ["k8sshortname", (text: string) => text.length <= 63 && /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(text)],
  ["k8slongname", isLongName],
]);

/** Whether the text is of the format. Formats that are not known are none: everything is of them. */
export function isOfFormat(format: string, text: string): boolean {
  return checks.get(format.replaceAll("-", ""))?.(text) ?? true;
}

export function isKnownFormat(type: string | undefined, format: string): boolean {
  switch (type ?? "") {
    case "":
    case "string":
      return checks.has(format.replaceAll("-", ""));
    case "integer":
      return format === "int32" || format === "int64";
    case "number":
      return format === "float" || format === "double";
    default:
      return false;
  }
}

function isDay(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

function isDateTime(text: string): boolean {
  if (text === "") return true;
  if (!dateTimeForm.test(text) || !isDay(text.slice(0, 10))) return false;
  return !Number.isNaN(Date.parse(/[Zz]|[+-]\d\d:\d\d$/.test(text.slice(10)) ? text : `${text}Z`));
}

function isLongName(text: string): boolean {
  if (text.length > 253) return false;
  return text.split(".").every((part) => /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(part));
}

function isUri(text: string): boolean {
  if (text.length > textLengthMax || /\s/.test(text)) return false;
  // Requests name either a path or a whole address.
  return text.startsWith("/") || (/^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(text) && URL.canParse(text));
}

function isHostname(text: string): boolean {
  const parts = text.split(".");
  if (text.length > 255 || parts.some((part) => part.length > 63 || !hostLabelForm.test(part))) return false;
  return parts.length === 1 || topLabelForm.test(parts.at(-1) ?? "");
}

function withoutLeadingZeros(text: string): string {
  return text
    .split(".")
    .map((part) => part.replace(/^0+(?=\d)/, ""))
    .join(".");
}

function isCidr(text: string): boolean {
  const [address = "", length = "", ...more] = text.split("/");
  const family = isIP(withoutLeadingZeros(address));
  if (more.length > 0 || family === 0 || !/^\d{1,3}$/.test(length)) return false;
  return Number(length) <= (family === 4 ? 32 : 128);
}

function isMac(text: string): boolean {
  const colons = /^[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1)*[0-9a-f]{2}$/i;
  const dots = /^[0-9a-f]{4}(?:\.[0-9a-f]{4})+$/i;
  const digits = text.replaceAll(/[^0-9a-f]/gi, "").length;
  return text.length <= 59 && [12, 16, 40].includes(digits) && (colons.test(text) || dots.test(text));
}

const durationUnits = new Set(["ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk"]);
/** Units that may go on: seconds, minutes, hours. */
const durationStems = ["nano", "micro", "milli", "sec", "min", "hour", "day", "week"];

/** Go's, or a number with a unit in words such as "3 days". */
function isDuration(text: string): boolean {
  if (text.length > textLengthMax) return false;
  if (text === "0" || goDurationForm.test(text)) return true;
  const matches = [...text.matchAll(/\d+\s*([A-Za-zµ]+)/g)];
  return matches.some(([, unit = ""]) => {
    const lower = unit.toLowerCase();
    return durationUnits.has(lower) || durationStems.some((stem) => lower.startsWith(stem));
  });
}

function isIsbn10(text: string): boolean {
  const digits = text.replaceAll(/[\s-]/g, "");
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = digits
    .split("")
    .reduce((total, one, at) => total + (10 - at) * (one === "X" ? 10 : Number(one)), 0);
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = text.replaceAll(/[\s-]/g, "");
  if (!/^\d{13}$/.test(digits)) return false;
  return (
    digits.split("").reduce((total, one, at) => total + Number(one) * (at % 2 === 0 ? 1 : 3), 0) % 10 === 0
  );
}

function isCreditCard(text: string): boolean {
  const digits = text.replaceAll(/\D/g, "");
  if (text.length > textLengthMax || !creditCardForm.test(digits)) return false;
  const sum = digits
    .split("")
    .toReversed()
    .reduce((total, one, at) => {
      const doubled = Number(one) * (at % 2 === 0 ? 1 : 2);
      return total + (doubled > 9 ? doubled - 9 : doubled);
    }, 0);
  return sum % 10 === 0;
}
