/** The forms of Kubernetes' names. Each check returns why a text is not of the form, or undefined when it is. */

const labelForm = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomainForm = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const qualifiedForm = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const configKeyForm = /^[-._a-zA-Z0-9]+$/;

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ */
export function checkLabelName(text: string): string | undefined {
  if (text.length > 63) return "must be no more than 63 characters";
  if (labelForm.test(text)) return undefined;
  if (subdomainForm.test(text)) return "must not contain dots";
  return "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
}

/** The names of custom kinds and their versions: labels that begin with a letter. */
export function checkDns1035Label(text: string): string | undefined {
  if (text.length > 63) return "must be no more than 63 characters";
  if (/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(text)) return undefined;
  return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
}

export function checkSubdomainName(text: string): string | undefined {
  if (text.length > 253) return "must be no more than 253 characters";
  if (subdomainForm.test(text)) return undefined;
  return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
}

/** What can stand between the slashes of a URL: the names of RBAC's kinds, which may hold colons. */
export function checkPathSegmentName(text: string): string | undefined {
  if (text === "." || text === "..") return `may not be '${text}'`;
  if (text.includes("/")) return "may not contain '/'";
  if (text.includes("%")) return "may not contain '%'";
  return undefined;
}

/** The key of a label, annotation, taint or finalizer: an optional DNS prefix and a name. */
export function checkQualifiedName(text: string): string | undefined {
  const parts = text.split("/");
  if (parts.length > 2)
    return "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
  const name = parts.at(-1) ?? "";
  if (parts.length === 2) {
    const prefix = parts[0] ?? "";
    const problem = prefix === "" ? "must be non-empty" : checkSubdomainName(prefix);
    if (problem !== undefined) return `prefix part ${problem}`;
  }
  if (name.length === 0) return "name part must be non-empty";
  if (name.length > 63) return "name part must be no more than 63 characters";
  if (qualifiedForm.test(name)) return undefined;
  return "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
}

export function checkLabelValue(text: string): string | undefined {
  if (text.length > 63) return "must be no more than 63 characters";
  if (text === "" || qualifiedForm.test(text)) return undefined;
  return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
}

/** A key of a ConfigMap or Secret, which becomes a file name. */
export function checkConfigKey(text: string): string | undefined {
  if (text.length > 253) return "must be no more than 253 characters";
  if (text === "." || text === "..") return `must not be '${text}'`;
  if (text.startsWith("..")) return "must not start with '..'";
  if (configKeyForm.test(text)) return undefined;
  return "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
}
