import type { RefusedNodes } from "../../api/gen/kinds.gen.ts";
import { wrapText } from "../output/wrap.ts";

type RefusedNode = RefusedNodes["nodes"][number];

interface RefusalView {
  /** With the rule behind each refusal. */
  readonly wide: boolean;
  readonly indent?: string;
}

/** Names that stand in one line for all that the same is said of. */
const namesMax = 4;
const nameWidthMax = 24;

/** Nodes that do not take an instance, with what each has against it and what would end that. */
export function refusedText(refused: readonly RefusedNodes[], total: number, view: RefusalView): string {
  return refused.map((group) => groupText(group, total, view)).join("\n");
}

function groupText({ rules, count, nodes }: RefusedNodes, total: number, view: RefusalView): string {
  const { indent = "" } = view;
  const what = [...new Set(rules)].map((rule) => rule.replace(/^node\(s\) /, "")).join(", ");
  const head = wrapText(indent, `${count} of ${total} ${total === 1 ? "node" : "nodes"}: ${what}`);
  const alike = [...Map.groupBy(nodes, ({ reasons }) => JSON.stringify(reasons)).values()];
  const names = alike.map(namesOf);
  const width = Math.max(0, ...names.map(({ length }) => (length <= nameWidthMax ? length : 0)));
  const lines = alike.map((some, place) => nodeText(names[place] ?? "", some[0], width, view));
  const hidden = count - nodes.length;
  if (hidden > 0) lines.push(`${indent}  and ${hidden} more\n`);
  return head + lines.join("");
}

function nodeText(names: string, node: RefusedNode | undefined, width: number, view: RefusalView): string {
  const { wide, indent = "" } = view;
  const blank = `${indent}  ${" ".repeat(width)}  `;
  const isLong = names.length > width;
  const texts = (node?.reasons ?? []).map(({ plugin, detail, remedy }, place) => {
    const label = place === 0 && !isLong ? `${indent}  ${names.padEnd(width)}  ` : blank;
    const why = wrapText(label, wide ? `${detail} [${plugin}]` : detail);
    return remedy === undefined ? why : why + wrapText(`${blank}-> `, remedy);
  });
  return (isLong ? wrapText(`${indent}  `, names) : "") + texts.join("");
}

function namesOf(nodes: readonly RefusedNode[]): string {
  const names = nodes.map(({ nodeName }) => nodeName);
  const hidden = names.length - namesMax;
  return hidden > 1 ? `${names.slice(0, namesMax).join(", ")} and ${hidden} more` : names.join(", ");
}
