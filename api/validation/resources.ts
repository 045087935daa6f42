/** What a schema cannot say about an instance's requests and limits. */
import { checkExtendedResource } from "../extended-resource.ts";
import type { InstanceSpec, Quantity } from "../gen/kinds.gen.ts";
import { parseQuantity } from "../quantity.ts";
import { type FieldError, invalidValue } from "./field-error.ts";

type Resources = InstanceSpec["resources"];

const standardNames = ["cpu", "memory"] as const;
/** Nodes count in whole numbers, and messages carry them as such. */
const countMilliMax = BigInt(Number.MAX_SAFE_INTEGER) * 1000n;

export function validateResources(resources: Resources, field: string): readonly FieldError[] {
  const given = new Set([...Object.keys(resources.requests ?? {}), ...Object.keys(resources.limits ?? {})]);
  for (const name of standardNames) given.delete(name);
  return [
    ...standardNames.flatMap((name) => validateStandard(name, resources, field)),
    ...[...given].flatMap((name) => validateExtended(name, resources, field)),
  ];
}

function validateStandard(
  name: (typeof standardNames)[number],
  { requests, limits }: Resources,
  field: string,
): readonly FieldError[] {
  const request = requests?.[name];
  const limit = limits?.[name];
  const errors = [
    ...validateQuantity(request, `${field}.requests.${name}`),
    ...validateQuantity(limit, `${field}.limits.${name}`),
  ];
  if (errors.length > 0 || request === undefined || limit === undefined) return errors;
  if (milliOf(request) <= milliOf(limit)) return [];
  const why = `must be less than or equal to ${name} limit of ${limit}`;
  return [invalidValue(`${field}.requests.${name}`, request, why)];
}

/** They cannot be promised twice, so a request is not below its limit. Either of them will do. */
function validateExtended(
  name: string,
  { requests, limits }: Resources,
  field: string,
): readonly FieldError[] {
  const amounts = [
    { place: `${field}.requests[${name}]`, amount: ownValue(requests, name) },
    { place: `${field}.limits[${name}]`, amount: ownValue(limits, name) },
  ] as const;
  const problem = checkExtendedResource(name);
  if (problem !== undefined)
    return amounts
      .filter(({ amount }) => amount !== undefined)
      .map(({ place }) => invalidValue(place, name, problem));
  const errors = amounts.flatMap(({ place, amount }) => validateCount(amount, place));
  const [{ place, amount: request }, { amount: limit }] = amounts;
  if (errors.length > 0 || request === undefined || limit === undefined) return errors;
  if (milliOf(request) === milliOf(limit)) return [];
  return [invalidValue(place, request, `must be equal to ${name} limit of ${limit}`)];
}

function ownValue(
  amounts: Readonly<Record<string, Quantity>> | undefined,
  name: string,
): Quantity | undefined {
  return amounts !== undefined && Object.hasOwn(amounts, name) ? amounts[name] : undefined;
}

function validateCount(quantity: Quantity | undefined, field: string): readonly FieldError[] {
  const errors = validateQuantity(quantity, field);
  if (quantity === undefined || errors.length > 0) return errors;
  const milli = milliOf(quantity);
  if (milli % 1000n !== 0n) return [invalidValue(field, quantity, "must be an integer")];
  if (milli <= countMilliMax) return [];
  return [invalidValue(field, quantity, `must be less than or equal to ${Number.MAX_SAFE_INTEGER}`)];
}

export function validateQuantity(quantity: Quantity | undefined, field: string): readonly FieldError[] {
  if (quantity === undefined) return [];
  const parsed = parseQuantity(quantity);
  if (parsed.kind === "invalid") return [invalidValue(field, quantity, parsed.message)];
  return parsed.milli < 0n ? [invalidValue(field, quantity, "must be greater than or equal to 0")] : [];
}

function milliOf(quantity: Quantity): bigint {
  const parsed = parseQuantity(quantity);
  return parsed.kind === "ok" ? parsed.milli : 0n;
}
