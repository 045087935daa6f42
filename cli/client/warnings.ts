/** The texts of an answer's `Warning` headers: `299 - "text"`, several after a comma. https://www.rfc-editor.org/rfc/rfc7234#section-5.5 */
export function warningTexts(header: string | undefined): readonly string[] {
  const values = (header ?? "").matchAll(/\b299 \S+ "((?:[^"\\]|\\.)*)"/g);
  return [...values].map(([, text = ""]) => text.replaceAll(/\\(.)/g, "$1"));
}
