import { invalidValue, unsupportedValue } from "../../../api/validation/field-error.ts";
import { type DeleteOptions, propagationPolicies } from "../objects/deletion.ts";
import { isObject, type JsonObject } from "../resource.ts";
import { badRequest, invalid } from "../status.ts";
import { readObject } from "./body.ts";
import type { Exchange } from "./exchange.ts";
import { dryRunOf } from "./parameters.ts";
import { asksForUnsafeDelete } from "./unsafe-delete.ts";

export interface GivenDeleteOptions extends DeleteOptions {
  readonly gracePeriodSeconds: number | undefined;
  /** Delete it although it cannot be read. */
  readonly isUnsafe: boolean;
}

/**
 * How a DELETE is meant: by its body, or else by its parameters. A body that cannot be understood is refused: it may have
 * been meant to prevent something.
 */
export async function readDeleteOptions(exchange: Exchange): Promise<GivenDeleteOptions> {
  const { query } = exchange;
  const body = await readBodyOptions(exchange);
  const preconditions = fieldOf(body, "preconditions", "object") ?? {};
  const grace = graceOf(body);
  const given = fieldOf(body, "propagationPolicy", "string") ?? (query.get("propagationPolicy") || undefined);
  const policy = propagationPolicies.find((one) => one === given);
  const orphan = fieldOf(body, "orphanDependents", "boolean") ?? flagOf(query.get("orphanDependents"));
  if (given !== undefined && orphan !== undefined)
    throw invalidOptions(
      invalidValue("propagationPolicy", given, "orphanDependents and deletionPropagation cannot be both set"),
    );
  if (given !== undefined && policy === undefined)
    throw invalidOptions(unsupportedValue("propagationPolicy", given, propagationPolicies));
  return {
    dryRun: dryRunOf([...dryRunTexts(body), ...query.getAll("dryRun")]),
    user: exchange.user,
    policy: policy ?? orphanPolicy(orphan),
    uid: fieldOf(preconditions, "uid", "string"),
    resourceVersion: fieldOf(preconditions, "resourceVersion", "string"),
    isUnsafe: asksForUnsafeDelete(exchange, body),
    gracePeriodSeconds: grace ?? exchange.number("gracePeriodSeconds"),
    signal: exchange.signal,
  };
}

export function graceOf(options: JsonObject): number | undefined {
  const grace = fieldOf(options, "gracePeriodSeconds", "number");
  if (grace !== undefined && (!Number.isSafeInteger(grace) || grace < 0))
    throw badRequest("gracePeriodSeconds must be a whole number that is not negative");
  return grace;
}

async function readBodyOptions({ request }: Exchange): Promise<JsonObject> {
  const hasBody =
    request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0;
  if (!hasBody) return {};
  const { object } = await readObject(request);
  const kind = fieldOf(object, "kind", "string") ?? "";
  if (kind !== "" && kind !== "DeleteOptions")
    throw badRequest(
      `the kind in the data (${JSON.stringify(kind)}) does not match the expected kind (DeleteOptions)`,
    );
  return object;
}

interface Types {
  readonly string: string;
  readonly number: number;
  readonly boolean: boolean;
  readonly object: JsonObject;
}

/** Throws for a value of another type. Null counts as absent. */
export function fieldOf<T extends keyof Types>(
  object: JsonObject,
  name: string,
  type: T,
): Types[T] | undefined {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  if (value === undefined || value === null) return undefined;
  const found = isObject(value) ? "object" : Array.isArray(value) ? "array" : typeof value;
  // Compared just now.
  if (found === type) return value as Types[T];
  throw wrongType(found, name, type);
}

export function dryRunTexts(body: JsonObject): readonly string[] {
  const { dryRun = [] } = body;
  if (dryRun === null) return [];
  if (!Array.isArray(dryRun)) throw wrongType(typeof dryRun, "dryRun", "[]string");
  return dryRun.map((one: unknown) => {
    if (typeof one !== "string") throw wrongType(typeof one, "dryRun", "string");
    return one;
  });
}

/** As Kubernetes' decoder says it. */
function wrongType(found: string, name: string, wanted: string) {
  const type = found === "boolean" ? "bool" : found;
  return badRequest(
    `json: cannot unmarshal ${type} into Go struct field DeleteOptions.${name} of type ${wanted}`,
  );
}

function invalidOptions(error: Parameters<typeof invalid>[2][number]) {
  return invalid({ group: "meta.k8s.io", kind: "DeleteOptions" }, "", [error]);
}

function flagOf(text: string | null): boolean | undefined {
  return text === "true" ? true : text === "false" ? false : undefined;
}

/** The older way to say it. */
function orphanPolicy(orphan: boolean | undefined): DeleteOptions["policy"] {
  if (orphan === undefined) return undefined;
  return orphan ? "Orphan" : "Background";
}
