/**
 * Prometheus' HTTP service discovery: what there is to scrape, and what is known of it as labels that only relabelling sees.
 * https://prometheus.io/docs/prometheus/latest/http_sd/
 *
 * Roles are apart because their trust is: whoever scrapes the scheduler shows it a token, which no node is to see. A node chooses its
 * own address, so jobs of role node send no credentials.
 */
export interface ScrapedNode {
  readonly name: string;
  /** HOST:PORT. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

const prefix = "__meta_wherry_";
const zoneLabel = "topology.kubernetes.io/zone";
/** What a Host header may be; anything else is not told on. */
const hostForm = /^(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::(?<port>\d{1,5}))?$/i;
const httpsPort = 443;

/** `host`: how the scheduler was reached, which is how it can be reached again. */
export function scrapeTargets(
  host: string | undefined,
  nodes: Iterable<ScrapedNode>,
): readonly TargetGroup[] {
  return [...schedulerGroup(host), ...Array.from(nodes, nodeGroup)];
}

function schedulerGroup(host: string | undefined): readonly TargetGroup[] {
  const match = host === undefined ? null : hostForm.exec(host);
  if (!match) return [];
  const target = match.groups?.["port"] === undefined ? `${match[0]}:${httpsPort}` : match[0];
  return [{ targets: [target], labels: { __scheme__: "https", [`${prefix}role`]: "scheduler" } }];
}

function nodeGroup({ name, address, labels }: ScrapedNode): TargetGroup {
  const zone = labels[zoneLabel];
  return {
    targets: [address],
    labels: {
      ...nodeLabels(labels),
      [`${prefix}role`]: "node",
      [`${prefix}node`]: name,
      ...(zone === undefined ? {} : { [`${prefix}zone`]: zone }),
    },
  };
}

/** As Prometheus' own discoveries name labels of Kubernetes. Of two that come to the same name, the last in the alphabet stays. */
function nodeLabels(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(labels)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [`${prefix}node_label_${key.replaceAll(/[^a-zA-Z0-9_]/g, "_")}`, value]),
  );
}
