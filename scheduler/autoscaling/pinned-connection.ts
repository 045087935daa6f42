/** What connections to servers that nobody here answers for have in common. */
import { isIPv6, type LookupFunction } from "node:net";
import { errorCode, errorMessage } from "../../kit/errors.ts";
import { type Asked, unknown } from "./asking/question.ts";
import { foreignText } from "./foreign-text.ts";

export interface Tls {
  /** PEM; undefined: those that Node knows. */
  readonly ca: string | undefined;
  readonly serverName: string | undefined;
  readonly insecureSkipVerify: boolean;
}

/** Names are not resolved again: what was judged is what is connected to. */
export function pinnedLookup(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
  return (_host, options, callback) => {
    const [first = { address: "", family: 4 }] = all;
    if (options.all) callback(null, all);
    else callback(null, first.address, first.family);
  };
}

export function tlsOptions({ ca, serverName, insecureSkipVerify }: Tls): {
  readonly rejectUnauthorized: boolean;
  readonly ca?: string;
  readonly servername?: string;
} {
  return {
    rejectUnauthorized: !insecureSkipVerify,
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}

/** Nothing listens, or the address leads nowhere: then other questions need not try, either. */
const downCodes: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
  "ETIMEDOUT",
]);

export function connectionFailure(server: string, error: unknown): Asked {
  const code = errorCode(error) ?? "";
  const message = `${server} could not be asked: ${describe(error, code)}`;
  return {
    kind: "unanswered",
    reading: unknown("Unreachable", message),
    isDown: downCodes.has(code),
  };
}

function describe(error: unknown, code: string): string {
  if (code === "ECONNREFUSED") return "nothing listens there (ECONNREFUSED)";
  if (code === "ECONNRESET") return "it closed the connection before it had answered (ECONNRESET)";
  const text = foreignText(errorMessage(error) || code);
  if (/CERT|SIGNATURE|ISSUER|ALTNAME/.test(code))
    return `its certificate is not accepted: ${text} (${code}); see tls.caRef and tls.serverName`;
  return text;
}
