/** Flat lists of headers: name, value, name, value, … with names in lower case. */
export type HeaderList = readonly string[];

/** Of a header that is there several times the values are one list (RFC 9110 5.3). */
export function valueOf(headers: HeaderList, name: string): string | undefined {
  let value: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) value = value === undefined ? headers[i + 1] : `${value}, ${headers[i + 1]}`;
  }
  return value;
}

/** The lower case of the names that most requests have, so that no string is made for them. */
const lowered = new Map<string, string>(
  [
    "Host",
    "User-Agent",
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Connection",
    "Content-Type",
    "Content-Length",
    "Transfer-Encoding",
    "Cookie",
    "Authorization",
    "Cache-Control",
    "Referer",
    "Origin",
    "Date",
    "Server",
    "Vary",
    "ETag",
    "Last-Modified",
    "Location",
    "Keep-Alive",
    "Set-Cookie",
  ].flatMap((name) => [
    [name, name.toLowerCase()],
    [name.toLowerCase(), name.toLowerCase()],
  ]),
);

export function lowerName(name: string): string {
  return lowered.get(name) ?? name.toLowerCase();
}

/** RFC 9110 5.6.2. */
const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 5.5: no control characters but the tab; nothing beyond a byte. */
// eslint-disable-next-line no-control-regex -- these are what is looked for
const unfitValue = /[^\t\u0020-\u007e\u0080-\u00ff]/;

export function isHeaderName(name: string): boolean {
  return lowered.has(name) || tokenPattern.test(name);
}

export function isHeaderValue(value: string): boolean {
  return !unfitValue.test(value);
}

/** The tokens of a list, in lower case: of Connection, TE, Transfer-Encoding. A list of the caller's own. */
export function tokensOf(value: string): string[] {
  return value
    .split(",")
    .map((token) => token.trim().toLowerCase())
    .filter((token) => token !== "");
}

/** A length as a header says it: digits alone; undefined for anything else, and for what no number holds exactly. */
export function parseLength(value: string): number | undefined {
  if (value.length === 0 || value.length > 15) return undefined;
  let length = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return undefined;
    length = length * 10 + digit;
  }
  return length;
}
