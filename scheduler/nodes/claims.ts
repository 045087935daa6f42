/** An instance's claims as text. Nodes keep it and give it back, so what comes back is checked like anything else from them. */
import type { AffinityTerm, LabelSelector } from "../../api/gen/kinds.gen.ts";
import { checkExtendedResource } from "../../api/extended-resource.ts";
import { parseAddress } from "../../api/network.ts";
import { type HostPort, type InstanceClaims, noAmounts, noClaims, type Toleration } from "../core/model.ts";
import { ContractViolation } from "./contract-violation.ts";

/** What the schema of templates lets through is far below it. */
const textLengthMax = 256 * 1024;
/** Claims by their text: an inventory has many instances of few templates. What a text says does not change, so it is one for all. */
const rememberedMax = 1_000;
/** Longer ones are read each time, so that what is remembered stays below some megabytes, whatever a node sends. */
const rememberedLengthMax = 4_096;
const remembered = new Map<string, InstanceClaims>();
/** Written forms by value; claims are shared by all instances of a template. */
const written = new WeakMap<InstanceClaims, string>();

export function writeClaims(claims: InstanceClaims): string {
  if (claims === noClaims) return "";
  let text = written.get(claims);
  if (text === undefined) {
    const { extended, ports, affinity, tolerations } = claims;
    text = JSON.stringify({ extended: [...extended], ports, affinity, tolerations });
    written.set(claims, text);
  }
  return text;
}

export function readClaims(text: string, where: string): InstanceClaims {
  if (text === "") return noClaims;
  const known = remembered.get(text);
  if (known !== undefined) return known;
  if (text.length > textLengthMax)
    throw new ContractViolation(`${where} has claims of ${text.length} characters`);
  const claims = parse(text, where);
  if (text.length > rememberedLengthMax) return claims;
  if (remembered.size >= rememberedMax) remembered.clear();
  remembered.set(text, claims);
  return claims;
}

function parse(text: string, where: string): InstanceClaims {
  try {
    const { extended, ports, affinity, tolerations } = asRecord(JSON.parse(text));
    const { near, apart, preferred } = asRecord(affinity);
    const amounts = new Map(asList(extended).map(toAmount));
    return {
      extended: amounts.size === 0 ? noAmounts : amounts,
      ports: asList(ports).map(toPort),
      affinity: {
        near: asList(near).map(toTerm),
        apart: asList(apart).map(toTerm),
        preferred: asList(preferred).map((one) => {
          const { weight, term } = asRecord(one);
          return { weight: asNumber(weight), term: toTerm(term) };
        }),
      },
      tolerations: asList(tolerations ?? []).map(toToleration),
    };
  } catch (thrown) {
    throw new ContractViolation(`${where} has claims that are none: ${String(thrown)}`);
  }
}

function toAmount(one: unknown): readonly [string, number] {
  const [name, amount] = asList(one);
  const known = asText(name);
  const count = asNumber(amount);
  if (checkExtendedResource(known) !== undefined || count < 0) throw new TypeError(`${count} of ${known}`);
  return [known, count];
}

function toPort(one: unknown): HostPort {
  const { address, port, sharer } = asRecord(one);
  const place = { address: parseAddress(asText(address)), port: asNumber(port) };
  if (place.address === undefined || place.port < 1 || place.port > 65_535)
    throw new TypeError(`a port ${String(address)}:${place.port}`);
  return {
    address: place.address,
    port: place.port,
    ...(sharer === undefined ? {} : { sharer: asText(sharer) }),
  };
}

function toToleration(one: unknown): Toleration {
  const { key, operator, value, effect, seconds } = asRecord(one);
  if (operator !== "Exists" && operator !== "Equal")
    throw new TypeError(`a toleration with operator ${String(operator)}`);
  return {
    key: asText(key),
    operator,
    value: asText(value),
    effect: asText(effect),
    ...(seconds === undefined ? {} : { seconds: asNumber(seconds) }),
  };
}

function toTerm(one: unknown): AffinityTerm {
  const { topologyKey, namespaces, labelSelector, namespaceSelector } = asRecord(one);
  return {
    topologyKey: asText(topologyKey),
    namespaces: asList(namespaces).map(asText),
    ...(labelSelector === undefined ? {} : { labelSelector: toSelector(labelSelector) }),
    ...(namespaceSelector === undefined ? {} : { namespaceSelector: toSelector(namespaceSelector) }),
  };
}

function toSelector(one: unknown): LabelSelector {
  const { matchLabels, matchExpressions } = asRecord(one);
  return {
    ...(matchLabels === undefined
      ? {}
      : {
          matchLabels: Object.fromEntries(
            Object.entries(asRecord(matchLabels)).map(([key, value]) => [key, asText(value)]),
          ),
        }),
    ...(matchExpressions === undefined
      ? {}
      : { matchExpressions: asList(matchExpressions).map(toExpression) }),
  };
}

type Expression = NonNullable<LabelSelector["matchExpressions"]>[number];
const operators: readonly Expression["operator"][] = ["In", "NotIn", "Exists", "DoesNotExist"];

function toExpression(one: unknown): Expression {
  const { key, operator, values } = asRecord(one);
  const known = operators.find((candidate) => candidate === operator);
  if (known === undefined) throw new TypeError(`an operator ${String(operator)}`);
  return {
    key: asText(key),
    operator: known,
    ...(values === undefined ? {} : { values: asList(values).map(asText) }),
  };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError("no object");
  return value as Readonly<Record<string, unknown>>;
}

function asList(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError("no list");
  return value as readonly unknown[];
}

function asText(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("no text");
  return value;
}

function asNumber(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw new TypeError("no whole number");
  return value;
}
