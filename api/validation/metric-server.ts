/** What a schema cannot say about a server that is asked for metrics, and how. Which servers may be asked is for operators to say. */
import { isIP } from "node:net";
import type { HeaderValue, SecretKey, TlsClient } from "../gen/kinds.gen.ts";
import { isConnectionHeader, isHeaderName, isHeaderValue } from "../http-headers.ts";
import { duplicateValue, type FieldError, forbiddenValue, invalidValue } from "./field-error.ts";
import { hostnameProblem } from "./hostnames.ts";
import { checkConfigKey, checkSubdomainName } from "./names.ts";

export function validateServerUrl(text: string, field: string): readonly FieldError[] {
  const problem = urlProblem(text);
  if (problem === undefined) return [];
  // Passwords are not for error messages, which end in logs.
  return text.includes("@") ? [forbiddenValue(field, problem)] : [invalidValue(field, text, problem)];
}

function urlProblem(text: string): string | undefined {
  // The parser would take all of these for something else.
  if (!/^[\x21-\x7e]*$/.test(text) || text.includes("\\"))
    return "must consist of printable ASCII characters without spaces and '\\'";
  const url = URL.parse(text);
  if (url === null || !/^https?:\/\/[^/?#]/i.test(text))
    return "must be an absolute URL, such as http://prometheus.monitoring:9090";
  if (url.username !== "" || url.password !== "" || /^[^/?#]*\/\/[^/?#]*@/.test(text))
    return "must not contain credentials: set bearerTokenRef or basicAuth";
  if (text.includes("#")) return "must not have a fragment";
  if (text.includes("?")) return "must not have a query: set query beside it";
  if (url.port === "0") return "must not have port 0";
  return undefined;
}

/** Why a text is no HOST:PORT; undefined: it is one. */
export function checkHostPort(text: string): string | undefined {
  const form = "must be HOST:PORT, such as redis.default:6379 or [::1]:6379";
  const match = /^(?:\[([^\]]*)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return form;
  const [, address, host = "", port = ""] = match;
  if (Number(port) < 1 || Number(port) > 65_535) return `${form}: ports are from 1 to 65535`;
  if (address !== undefined) return isIP(address) === 6 ? undefined : `${form}: only IPv6 stands in brackets`;
  if (isIP(host) === 4) return undefined;
  const problem = hostnameProblem(host);
  return problem === undefined ? undefined : `${form}: the host ${problem}`;
}

export function validateTls(tls: TlsClient | undefined, field: string): readonly FieldError[] {
  if (tls === undefined) return [];
  const { caRef, serverName } = tls;
  const problem = serverName === undefined ? undefined : serverNameProblem(serverName);
  return [
    ...validateSecretKey(caRef, `${field}.caRef`),
    ...(problem === undefined ? [] : [invalidValue(`${field}.serverName`, serverName, problem)]),
  ];
}

function serverNameProblem(name: string): string | undefined {
  return isIP(name) === 0 ? hostnameProblem(name) : undefined;
}

export function validateSecretKey(ref: SecretKey | undefined, field: string): readonly FieldError[] {
  if (ref === undefined) return [];
  const nameProblem = checkSubdomainName(ref.name);
  const keyProblem = checkConfigKey(ref.key);
  return [
    ...(nameProblem === undefined ? [] : [invalidValue(`${field}.name`, ref.name, nameProblem)]),
    ...(keyProblem === undefined ? [] : [invalidValue(`${field}.key`, ref.key, keyProblem)]),
  ];
}

/** Who asks says these itself. */
const ownHeaders: ReadonlySet<string> = new Set(["accept", "accept-encoding", "content-type", "host"]);

export function validateHeaders(headers: readonly HeaderValue[], field: string): readonly FieldError[] {
  const seen = new Set<string>();
  return headers.flatMap(({ name, value }, at) => {
    const lower = name.toLowerCase();
    const errors = [
      ...validateHeaderName(name, `${field}[${at}].name`),
      ...(isHeaderValue(value)
        ? []
        : [invalidValue(`${field}[${at}].value`, value, "must be a valid HTTP header value")]),
      ...(seen.has(lower) ? [duplicateValue(`${field}[${at}].name`, name)] : []),
    ];
    seen.add(lower);
    return errors;
  });
}

function validateHeaderName(name: string, field: string): readonly FieldError[] {
  if (!isHeaderName(name)) return [invalidValue(field, name, "must be a valid HTTP header name")];
  if (name.toLowerCase() === "authorization")
    return [
      forbiddenValue(field, "set bearerTokenRef or basicAuth: what proves who asks belongs in a Secret"),
    ];
  if (isConnectionHeader(name) || ownHeaders.has(name.toLowerCase()))
    return [forbiddenValue(field, `${name} is set by whoever asks`)];
  return [];
}
