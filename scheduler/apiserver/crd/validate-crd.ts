/**
 * What the schema of CustomResourceDefinition can't say, as apiextensions-apiserver says it.
 *
 * Kubernetes looks at an internal form in which what all versions have in common stands once: errors in such parts name
 * `spec.validation`, `spec.subresources` and so on instead of `spec.versions[0].schema`. So do these.
 */
import { isDeepStrictEqual } from "node:util";
import {
  type FieldError,
  forbiddenValue,
  invalidValue,
  requiredValue,
  unsupportedValue,
} from "../../../api/validation/field-error.ts";
import { checkDns1035Label, checkSubdomainName } from "../../../api/validation/names.ts";
import { validateApproval } from "./api-approval.ts";
import { type Crd, type CrdSpec, type CrdVersion, isEstablished } from "./crd.ts";
import { requireNames, validateNames } from "./validate-names.ts";
import {
  type CheckRules,
  validateColumn,
  validateSchema,
  validateSelectableFields,
  validateSubresources,
} from "./validate-version.ts";

export function validateCrd(crd: Crd, old: Crd | undefined, checkRules: CheckRules): readonly FieldError[] {
  const { spec, metadata } = crd;
  const isNamed = metadata.name === `${spec.names.plural}.${spec.group}`;
  return [
    ...(old || isNamed
      ? []
      : [invalidValue("metadata.name", metadata.name, 'must be spec.names.plural+"."+spec.group')]),
    ...validateSpec(spec, checkRules),
    ...(old ? validateUnchanged(crd, old) : []),
    ...validateNames(crd.status.acceptedNames ?? {}, "status.acceptedNames"),
    ...validateStoredVersions(crd),
    ...validateApproval(crd, old),
    ...(spec.preserveUnknownFields === true
      ? [
          invalidValue(
            "spec.preserveUnknownFields",
            true,
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
          ),
        ]
      : []),
  ];
}

function validateSpec(spec: CrdSpec, checkRules: CheckRules): readonly FieldError[] {
  const { versions, names } = spec;
  return [
    ...validateGroup(spec.group),
    ...validateScope(spec.scope),
    ...versions.flatMap((version, at) => validateVersion(version, `spec.versions[${at}]`)),
    ...validateVersions(versions),
    ...requireNames(names, "spec.names"),
    ...validateNames(names, "spec.names"),
    ...validateParts(versions, checkRules),
    ...validateConversion(spec.conversion),
  ];
}

function validateGroup(group: string): readonly FieldError[] {
  if (group === "") return [requiredValue("spec.group")];
  const problem = checkSubdomainName(group);
  if (problem !== undefined) return [invalidValue("spec.group", group, problem)];
  if (group.includes(".")) return [];
  return [invalidValue("spec.group", group, "should be a domain with at least one dot")];
}

function validateScope(scope: string): readonly FieldError[] {
  if (scope === "") return [requiredValue("spec.scope")];
  if (scope === "Cluster" || scope === "Namespaced") return [];
  return [unsupportedValue("spec.scope", scope, ["Cluster", "Namespaced"])];
}

function validateVersion(version: CrdVersion, path: string): readonly FieldError[] {
  const { name, deprecated, deprecationWarning: warning } = version;
  const errors: FieldError[] = [];
  const problem = checkDns1035Label(name);
  if (problem !== undefined) errors.push(invalidValue(`${path}.name`, name, problem));
  if (version.schema?.openAPIV3Schema === undefined)
    errors.push(requiredValue(`${path}.schema.openAPIV3Schema`));
  if (warning === undefined) return errors;
  return [
    ...errors,
    ...warningProblems(deprecated === true, warning).map((why) =>
      invalidValue(`${path}.deprecationWarning`, warning, why),
    ),
  ];
}

function warningProblems(isDeprecated: boolean, warning: string): readonly string[] {
  if (!isDeprecated) return ["can only be set for deprecated versions"];
  // Everything but letters, marks, numbers, punctuation, symbols and the plain space.
  const at = warning.search(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u);
  return [
    ...(Buffer.byteLength(warning) > 256 ? ["must be <= 256 characters long"] : []),
    ...(warning === "" ? ["must not be an empty string"] : []),
    ...(at < 0
      ? []
      : [
          `must only contain printable UTF-8 characters; non-printable character found at index ${Buffer.byteLength(warning.slice(0, at))}`,
        ]),
  ];
}

function validateVersions(versions: readonly CrdVersion[]): readonly FieldError[] {
  const stored = versions.filter(({ storage }) => storage).length;
  const shown = versions.map(({ name, served, storage }) => ({ name, served, storage }));
  const say = (why: string) => invalidValue("spec.versions", shown, why);
  return [
    ...(new Set(versions.map(({ name }) => name)).size < versions.length
      ? [say("must contain unique version names")]
      : []),
    ...(stored === 1 ? [] : [say("must have exactly one version marked as storage version")]),
  ];
}

/** Each part of the versions: once where all have the same, otherwise for each. */
function validateParts(versions: readonly CrdVersion[], checkRules: CheckRules): readonly FieldError[] {
  const [first] = versions;
  if (!first) return [];
  const same = (part: keyof CrdVersion) =>
    versions.every((version) => isDeepStrictEqual(version[part], first[part]));
  const places = (part: keyof CrdVersion, name: string) =>
    same(part)
      ? [{ version: first, path: `spec.${name}` }]
      : versions.map((version, at) => ({ version, path: `spec.versions[${at}].${part}` }));
  const anyStatus = versions.some(({ subresources }) => subresources?.status !== undefined);
  return [
    ...places("schema", "validation").flatMap(({ version, path }) => {
      const schema = version.schema?.openAPIV3Schema;
      const hasStatus = same("schema") ? anyStatus : version.subresources?.status !== undefined;
      return schema ? validateSchema(schema, { hasStatus, checkRules }, `${path}.openAPIV3Schema`) : [];
    }),
    ...places("subresources", "subresources").flatMap(({ version, path }) =>
      version.subresources ? validateSubresources(version.subresources, path) : [],
    ),
    ...places("additionalPrinterColumns", "additionalPrinterColumns").flatMap(({ version, path }) =>
      (version.additionalPrinterColumns ?? []).flatMap((column, at) =>
        validateColumn(column, `${path}[${at}]`),
      ),
    ),
    ...places("selectableFields", "selectableFields").flatMap(({ version, path }) =>
      validateSelectableFields(version.selectableFields ?? [], version.schema?.openAPIV3Schema, path),
    ),
  ];
}

/** Objects are converted by changing their apiVersion; nothing is called for it. */
function validateConversion(conversion: CrdSpec["conversion"]): readonly FieldError[] {
  const path = "spec.conversion";
  const strategy = conversion?.strategy ?? "";
  if (!conversion) return [];
  if (strategy === "") return [requiredValue(`${path}.strategy`)];
  if (strategy === "Webhook")
    return [
      invalidValue(
        `${path}.strategy`,
        strategy,
        "conversion webhooks are not served here: use None, which changes the apiVersion only",
      ),
    ];
  if (strategy !== "None") return [unsupportedValue(`${path}.strategy`, strategy, ["None", "Webhook"])];
  if (conversion.webhook === undefined) return [];
  return [
    forbiddenValue(`${path}.webhookClientConfig`, "should not be set when strategy is not set to Webhook"),
  ];
}

/** What objects are stored by, or are addressed by. */
function validateUnchanged({ spec }: Crd, old: Crd): readonly FieldError[] {
  const changed = (field: string, now: string, before: string) =>
    now === before ? [] : [invalidValue(field, now, "field is immutable")];
  return [
    ...(isEstablished(old)
      ? [
          ...changed("spec.scope", spec.scope, old.spec.scope),
          ...changed("spec.names.kind", spec.names.kind, old.spec.names.kind),
        ]
      : []),
    ...changed("spec.group", spec.group, old.spec.group),
    ...changed("spec.names.plural", spec.names.plural, old.spec.names.plural),
  ];
}

function validateStoredVersions({ spec, status }: Crd): readonly FieldError[] {
  const path = "status.storedVersions";
  const stored = status.storedVersions ?? [];
  if (stored.length === 0) return [invalidValue(path, stored, "must have at least one stored version")];
  const names = spec.versions.map(({ name }) => name);
  return [
    ...spec.versions
      .filter(({ name, storage }) => storage && !stored.includes(name))
      .map(({ name }) => invalidValue(path, stored, `must have the storage version ${name}`)),
    ...stored.flatMap((name, at) =>
      names.includes(name)
        ? []
        : [
            invalidValue(
              `${path}[${at}]`,
              name,
              `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
            ),
          ],
    ),
  ];
}
