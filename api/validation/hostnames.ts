import { isIP } from "node:net";
import { checkSubdomainName } from "./names.ts";

/** Why a text is no name of a host; undefined: it is one. */
export function hostnameProblem(text: string): string | undefined {
  const isAddress = isIP(text.replace(/^\[(.*)\]$/, "$1")) !== 0;
  if (isAddress) return "must be a name, not an IP address";
  if (text.includes("/")) return "must be a host alone, without scheme and path";
  if (/:\d*$/.test(text)) return "must not have a port";
  const problem = checkSubdomainName(text);
  if (problem !== undefined) return problem;
  const labels = text.split(".");
  if (labels.some((label) => label.length > 63)) return "must have no label of more than 63 characters";
  // Everything that reads URLs takes it for an address.
  if (/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? "")) return "must not end in a number";
  return undefined;
}

/** The same of a name that may stand for all those below it, such as *.example.com. */
export function hostnamePatternProblem(text: string): string | undefined {
  if (text === "*") return "leave hostnames empty for every host that no other route names";
  if (!text.includes("*")) return hostnameProblem(text);
  if (!text.startsWith("*.") || text.lastIndexOf("*") > 0)
    return "must have '*' as its whole first label only, such as *.example.com";
  return hostnameProblem(text.slice(2));
}
