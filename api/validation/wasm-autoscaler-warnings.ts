/** Of what is legal in an autoscaler, and probably not what was meant. */
import { isIP } from "node:net";
import type { AutoscalerMetric, ScalingRules, TlsClient, WasmAutoscaler } from "../gen/kinds.gen.ts";

export function wasmAutoscalerWarnings({ spec }: WasmAutoscaler): readonly string[] {
  const { metrics = [], fallback = [], behavior, maxReplicas } = spec;
  const all = [
    ...metrics.map((metric, at) => ({ metric, field: `spec.metrics[${at}]` })),
    ...fallback.map((metric, at) => ({ metric, field: `spec.fallback[${at}]` })),
  ];
  return [
    ...all.flatMap(({ metric, field }) => metricWarnings(metric, field, maxReplicas)),
    ...ruleWarnings(behavior?.scaleUp, "spec.behavior.scaleUp"),
    ...ruleWarnings(behavior?.scaleDown, "spec.behavior.scaleDown"),
    ...silenceWarnings(metrics, behavior?.scaleDown),
  ];
}

/** The scheduler gives up a session after three heartbeats of five seconds, and looks every five. */
const silenceNoticedSeconds = 20;

function silenceWarnings(
  metrics: readonly AutoscalerMetric[],
  scaleDown: ScalingRules | undefined,
): readonly string[] {
  const seconds = scaleDown?.stabilizationWindowSeconds ?? silenceNoticedSeconds;
  const isOfArrivals = metrics.some(({ requests }) => requests?.metric === "perSecond");
  if (!isOfArrivals || scaleDown?.selectPolicy === "Disabled" || seconds >= silenceNoticedSeconds) return [];
  return [
    `spec.behavior.scaleDown.stabilizationWindowSeconds: ${seconds} is less than the ${silenceNoticedSeconds} s within which a silent node is noticed: until then what arrives at its gateway counts as fewer requests`,
  ];
}

function metricWarnings(
  { prometheus, redis, schedule }: AutoscalerMetric,
  field: string,
  maxReplicas: number,
): readonly string[] {
  return [
    ...(prometheus === undefined ? [] : prometheusWarnings(prometheus, `${field}.prometheus`)),
    ...(redis === undefined ? [] : redisWarnings(redis, `${field}.redis`)),
    ...(schedule !== undefined && schedule.replicas > maxReplicas
      ? [`${field}.schedule.replicas: ${schedule.replicas} is more than maxReplicas, which counts`]
      : []),
  ];
}

function prometheusWarnings(
  source: NonNullable<AutoscalerMetric["prometheus"]>,
  field: string,
): readonly string[] {
  const { serverURL, tls, bearerTokenRef, basicAuth, intervalSeconds, staleAfterSeconds } = source;
  const url = URL.parse(serverURL);
  const isPlain = url?.protocol === "http:";
  const secret = bearerTokenRef === undefined ? "basicAuth" : "bearerTokenRef";
  const hasSecret = bearerTokenRef !== undefined || basicAuth !== undefined;
  return [
    ...(isPlain && hasSecret && !isLoopback(url.hostname) ? [plainText(`${field}.${secret}`)] : []),
    ...(isPlain && tls !== undefined ? [`${field}.tls: has no effect, as serverURL is not https`] : []),
    ...tlsWarnings(tls, `${field}.tls`),
    ...(staleAfterSeconds < intervalSeconds
      ? [
          `${field}.staleAfterSeconds: ${staleAfterSeconds} is less than intervalSeconds: each value is too old before the next is asked for`,
        ]
      : []),
  ];
}

function redisWarnings(
  { address, passwordRef, tls }: NonNullable<AutoscalerMetric["redis"]>,
  field: string,
): readonly string[] {
  const host = address.slice(0, address.lastIndexOf(":"));
  return [
    ...(passwordRef !== undefined && tls === undefined && !isLoopback(host)
      ? [plainText(`${field}.passwordRef`)]
      : []),
    ...tlsWarnings(tls, `${field}.tls`),
  ];
}

function plainText(field: string): string {
  return `${field}: is sent without TLS, so whoever is between can read it`;
}

function tlsWarnings(tls: TlsClient | undefined, field: string): readonly string[] {
  if (tls?.insecureSkipVerify !== true) return [];
  return [
    `${field}.insecureSkipVerify: any certificate is taken, so whoever is between can read and change everything`,
  ];
}

function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}

function ruleWarnings(rules: ScalingRules | undefined, field: string): readonly string[] {
  if (rules?.policies === undefined || rules.policies.length === 0) return [];
  if (rules.selectPolicy === "Disabled")
    return [`${field}.policies: have no effect, as selectPolicy is Disabled`];
  const seen = new Set<string>();
  return rules.policies.flatMap(({ type, periodSeconds }, at) => {
    const text = `${type === "Percent" ? type : "Instances"} ${periodSeconds}`;
    if (seen.has(text))
      return [
        `${field}.policies[${at}]: there is another policy of this type and period, and one of the two has no effect`,
      ];
    seen.add(text);
    return [];
  });
}
