/** Names and values of HTTP headers as RFC 9110 has them, and those that are not for routes to set. */

const nameForm = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const valueForm = /^[\t\x20-\x7e\x80-\xff]*$/;

export function isHeaderName(text: string): boolean {
  return nameForm.test(text);
}

export function isHeaderValue(text: string): boolean {
  return valueForm.test(text);
}

/** RFC 9110, section 7.6.1: they are about one connection, which the gateway alone knows; and how long a message is. */
const connectionHeaders: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export function isConnectionHeader(name: string): boolean {
  return connectionHeaders.has(name.toLowerCase());
}
