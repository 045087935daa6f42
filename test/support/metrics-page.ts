/** Pages of metrics in Prometheus' text format. https://prometheus.io/docs/instrumenting/exposition_formats/ */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** Of its samples; without `le`, which histograms have by themselves. */
  readonly labels: ReadonlySet<string>;
  readonly samples: number;
}

export function parsePage(text: string): readonly Family[] {
  const families: { name: string; type: string; help: string; labels: Set<string>; samples: number }[] = [];
  let help = "";
  for (const line of text.split("\n")) {
    const [, what, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (what === "HELP") help = rest;
    else if (what === "TYPE") families.push({ name, type: rest, help, labels: new Set(), samples: 0 });
    else if (line !== "" && !line.startsWith("#")) {
      const family = families.at(-1);
      if (!family?.name || !line.startsWith(family.name)) throw new Error(`a sample of nothing: ${line}`);
      family.samples++;
      for (const [, label = ""] of line.matchAll(/[{,]([a-zA-Z_]\w*)="(?:[^"\\]|\\.)*"/g))
        if (label !== "le") family.labels.add(label);
    }
  }
  return families;
}

/** What queries may name of these: histograms and summaries have more series than one. */
export function seriesOf(families: readonly Family[]): ReadonlySet<string> {
  return new Set(
    families.flatMap(({ name, type }) =>
      type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
}

/** The metrics that a query names, texts and functions aside. */
export function namesIn(expr: string): readonly string[] {
  const bare = expr.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').replaceAll(/\{[^}]*\}/g, "");
  return [...bare.matchAll(/(?<![\w:$])[a-zA-Z_:][\w:]*/g)]
    .map(([name]) => name)
    .filter(
      (name) => name === "up" || name === "ALERTS" || /^(?:\w+:\w+:|wherry_|process_|nodejs_)/.test(name),
    );
}

export interface DocumentedSeries {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

const rowForm = /^\| `(?<name>\w+)` \| (?<type>\w+) \|(?<labels>[^|]*)\| (?<help>.*) \|$/;

/** The rows of the tables of series in a page of documentation, by the title of their section. */
export function documentedSeries(markdown: string, title: string): readonly DocumentedSeries[] {
  const section = markdown.split(/^#+ /m).find((one) => one.startsWith(`${title}\n`)) ?? "";
  return section.split("\n").flatMap((line) => {
    const { name, type = "", labels = "", help = "" } = rowForm.exec(line)?.groups ?? {};
    if (name === undefined) return [];
    return [{ name, type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = ""]) => label), help }];
  });
}

/** The table as it should be: for whoever has to write it. */
export function seriesTable(families: readonly Family[]): string {
  const rows = families.map(({ name, type, labels, help }) => {
    const text = [...labels].map((label) => `\`${label}\``).join(", ");
    return `| \`${name}\` | ${type} | ${text === "" ? "" : `${text} `}| ${help} |`;
  });
  return ["| series | type | labels | |", "| --- | --- | --- | --- |", ...rows].join("\n");
}
