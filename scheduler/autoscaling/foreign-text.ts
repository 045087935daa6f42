/** What other servers say is shown to people: never more than this of it. */
const lengthMax = 300;

/** In one line, without what moves a terminal's cursor or turns text around, and cut. */
export function foreignText(text: string, most = lengthMax): string {
  // Four times as much may become so little, and not a mebibyte of it is looked at.
  const clean = text
    .slice(0, most * 4)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, " ")
    .replaceAll(/ +/g, " ")
    .trim();
  return clean.length <= most ? clean : `${Array.from(clean).slice(0, most).join("")}…`;
}
