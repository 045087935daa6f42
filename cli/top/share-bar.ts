/** How bars are drawn. */
export interface BarStyle {
  /** Whether blocks can be shown; otherwise letters are. */
  readonly unicode: boolean;
  readonly colours: boolean;
}

/** In characters. */
export const barWidth = 8;

/** Left to right in eighths of a character. */
const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** From which share on a bar has another colour. */
const colours = [
  { from: 0.9, code: "31" },
  { from: 0.7, code: "33" },
  { from: 0, code: "32" },
];

/** A share of something as a bar. Whatever is there at all is seen, and a full bar is what is used in full, or more. */
export function shareBar(share: number, style: BarStyle): string {
  const marks = style.unicode ? 8 : 1;
  const filled = share > 0 ? Math.max(1, Math.floor(Math.min(share, 1) * barWidth * marks)) : 0;
  const whole = Math.floor(filled / marks);
  const bar = (style.unicode ? "█" : "#").repeat(whole) + (eighths[filled % marks] ?? "");
  const rest = (style.unicode ? "░" : ".").repeat(barWidth - bar.length);
  if (!style.colours) return bar + rest;
  const code = colours.find(({ from }) => share >= from)?.code ?? "32";
  return `${bar === "" ? "" : `\u001b[${code}m${bar}\u001b[0m`}\u001b[2m${rest}\u001b[0m`;
}
