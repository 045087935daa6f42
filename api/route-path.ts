/** Paths of routes in the one form that gateways compare: RFC 3986, sections 2.3 and 6.2.2. */

const pathForm = /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@/%]*$/;
const unreserved = /^[A-Za-z0-9\-._~]$/;

/** Why a text is no path that a request could ever match; undefined: it is one. */
export function routePathFault(text: string): string | undefined {
  if (!text.startsWith("/")) return "must be an absolute path, such as /shop";
  if (!pathForm.test(text))
    return "must have no query, fragment, blanks or characters beyond ASCII: encode them as %XX";
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return "must have two hexadecimal digits after each '%'";
  const path = normalRoutePath(text);
  if (/%(2F|5C|00)/.test(path)) return "must not contain an encoded '/', '\\' or NUL";
  if (path.includes("//")) return "must not contain '//'";
  if (path.split("/").some((part) => part === "." || part === ".."))
    return "must not contain '.' or '..' as a part";
  return undefined;
}

/** What need not be encoded is not, and what has to be is in upper case. */
export function normalRoutePath(text: string): string {
  return text.replace(/%[0-9A-Fa-f]{2}/g, (code) => {
    const character = String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return unreserved.test(character) ? character : code.toUpperCase();
  });
}
