import { validateItemPaths } from "./item-paths.ts";
import type { EnvVar, InstanceSpec, InstanceTemplate, Mount, Volume } from "../gen/kinds.gen.ts";
import { listenersConflict, listenPlaceText } from "../listen-rules.ts";
import { parseAddress, parseEndpoint } from "../network.ts";
import {
  duplicateValue,
  type FieldError,
  forbiddenValue,
  invalidValue,
  notFoundValue,
  requiredValue,
} from "./field-error.ts";
import { determinismFaults } from "./determinism.ts";
import { validateAnnotations, validateLabels } from "./metadata.ts";
import { checkSubdomainName } from "./names.ts";
import { placementFaults, placementWarnings } from "./placement.ts";
import { probeFaults } from "./probes.ts";
import { validateQuantity, validateResources } from "./resources.ts";
import { servingFaults, servingWarnings } from "./serving.ts";

const envNameForm = /^[^=\0]+$/;
const volumeSources = ["hostPath", "configMap", "secret", "emptyDir"] as const;

export function validateInstanceTemplate(template: InstanceTemplate, field: string): readonly FieldError[] {
  return [
    ...validateLabels(template.metadata?.labels ?? {}, `${field}.metadata.labels`),
    ...validateAnnotations(template.metadata?.annotations ?? {}, `${field}.metadata.annotations`),
    ...validateInstanceSpec(template.spec, `${field}.spec`),
  ];
}

/** What is legal, and is probably not what was meant. */
export function instanceTemplateWarnings(template: InstanceTemplate, field: string): readonly string[] {
  return [
    ...placementWarnings(template.spec, `${field}.spec`),
    ...servingWarnings(template.spec, `${field}.spec`),
  ];
}

function validateInstanceSpec(spec: InstanceSpec, field: string): readonly FieldError[] {
  return [
    ...validateImage(spec.module.image, `${field}.module.image`),
    ...validateResources(spec.resources, `${field}.resources`),
    ...validateEnv(spec.env ?? [], `${field}.env`),
    ...validateEnvFrom(spec.envFrom ?? [], `${field}.envFrom`),
    ...validateVolumes(spec.volumes ?? [], `${field}.volumes`),
    ...validateMounts(spec.mounts ?? [], spec.volumes ?? [], `${field}.mounts`),
    ...validateNetwork(spec.network?.allow ?? [], `${field}.network.allow`),
    ...validateListeners(spec.listeners ?? [], `${field}.listeners`),
    ...placementFaults(spec, field),
    ...determinismFaults(spec, field),
    ...probeFaults(spec, field),
    ...servingFaults(spec, field),
    ...validatePriorityClassName(spec.priorityClassName ?? "", `${field}.priorityClassName`),
  ];
}

/** Whether there is such a class is asked when instances are made, as Kubernetes asks of pods and not of deployments. */
function validatePriorityClassName(name: string, field: string): readonly FieldError[] {
  const problem = name === "" ? undefined : checkSubdomainName(name);
  return problem === undefined ? [] : [invalidValue(field, name, problem)];
}

function validateImage(image: string, field: string): readonly FieldError[] {
  if (/^file:\/\/./.test(image)) return [];
  if (/^https?:\/\//.test(image) && URL.canParse(image)) return [];
  return [
    invalidValue(
      field,
      image,
      "must be https://…, http://…, file:///absolute/path or file://relative/path (below the first folder that the node offers)",
    ),
  ];
}

function validateEnv(env: readonly EnvVar[], field: string): readonly FieldError[] {
  return [
    ...duplicates(
      env.map((one) => one.name),
      (at) => `${field}[${at}].name`,
    ),
    ...env.flatMap((one, at) => {
      const errors: FieldError[] = [];
      if (!envNameForm.test(one.name))
        errors.push(invalidValue(`${field}[${at}].name`, one.name, "must be non-empty and without '='"));
      if (one.value !== undefined && one.value !== "" && one.valueFrom)
        errors.push(
          invalidValue(`${field}[${at}].valueFrom`, "", "may not be specified when `value` is not empty"),
        );
      if (one.valueFrom && Object.keys(one.valueFrom).length !== 1)
        errors.push(
          invalidValue(
            `${field}[${at}].valueFrom`,
            one.valueFrom,
            "must have exactly one of configMapKeyRef, secretKeyRef and fieldRef",
          ),
        );
      return errors;
    }),
  ];
}

function validateEnvFrom(
  sources: NonNullable<InstanceSpec["envFrom"]>,
  field: string,
): readonly FieldError[] {
  return sources.flatMap((source, at) =>
    (source.configMapRef === undefined) === (source.secretRef === undefined)
      ? [invalidValue(`${field}[${at}]`, source, "must have exactly one of configMapRef and secretRef")]
      : [],
  );
}

function validateVolumes(volumes: readonly Volume[], field: string): readonly FieldError[] {
  return [
    ...duplicates(
      volumes.map((one) => one.name),
      (at) => `${field}[${at}].name`,
    ),
    ...volumes.flatMap((volume, at) => validateVolume(volume, `${field}[${at}]`)),
  ];
}

function validateVolume(volume: Volume, field: string): readonly FieldError[] {
  const sources = volumeSources.filter((source) => volume[source] !== undefined);
  if (sources.length === 0)
    return [requiredValue(field, `must specify one volume source: ${volumeSources.join(", ")}`)];
  if (sources.length > 1)
    return sources
      .slice(1)
      .map((source) => forbiddenValue(`${field}.${source}`, "may not specify more than 1 volume source"));
  const hostPath = volume.hostPath?.path;
  if (hostPath !== undefined && hostPath.split("/").includes(".."))
    return [invalidValue(`${field}.hostPath.path`, hostPath, "must not contain '..'")];
  if (volume.emptyDir) return validateQuantity(volume.emptyDir.sizeLimit, `${field}.emptyDir.sizeLimit`);
  const items = (volume.configMap ?? volume.secret)?.items ?? [];
  const source = volume.configMap ? "configMap" : "secret";
  return validateItemPaths(
    items.map((item) => item.path),
    (at) => `${field}.${source}.items[${at}].path`,
  );
}

function validateNetwork(allow: readonly string[], field: string): readonly FieldError[] {
  return [
    ...allow.flatMap((text, at) =>
      parseEndpoint(text)
        ? []
        : [
            invalidValue(
              `${field}[${at}]`,
              text,
              "must be host:port, such as api.example.com:443, 10.0.0.7:5432, [fd00::7]:80 or *:443",
            ),
          ],
    ),
    ...duplicates(
      allow.map((text) => text.toLowerCase()),
      (at) => `${field}[${at}]`,
    ),
  ];
}

function validateListeners(
  listeners: NonNullable<InstanceSpec["listeners"]>,
  field: string,
): readonly FieldError[] {
  return [
    ...listeners.flatMap(({ address }, at) =>
      parseAddress(address) === undefined
        ? [
            invalidValue(
              `${field}[${at}].address`,
              address,
              "must be an IPv4 or IPv6 address without a zone, such as 127.0.0.1 or ::",
            ),
          ]
        : [],
    ),
    ...duplicates(
      listeners.map(({ name }) => name),
      (at) => `${field}[${at}].name`,
    ),
    ...listeners.flatMap((listener, at) => {
      const before = listeners.slice(0, at).find((other) => listenersConflict(other, listener));
      if (before === undefined) return [];
      const why = `the listener "${before.name}" has this port at ${listenPlaceText(before)}, which leaves none for it`;
      return [invalidValue(`${field}[${at}].port`, listener.port, why)];
    }),
  ];
}

function validateMounts(
  mounts: readonly Mount[],
  volumes: readonly Volume[],
  field: string,
): readonly FieldError[] {
  const names = new Set(volumes.map((volume) => volume.name));
  return [
    ...mounts.flatMap((mount, at) => {
      const errors: FieldError[] = [];
      if (!names.has(mount.volume))
        errors.push(
          notFoundValue(`${field}[${at}].volume`, mount.volume, "there is no volume with this name"),
        );
      if (!mount.path.startsWith("/") || mount.path.includes("\0"))
        errors.push(invalidValue(`${field}[${at}].path`, mount.path, "must be an absolute path"));
      else if (mount.path.split("/").includes(".."))
        errors.push(invalidValue(`${field}[${at}].path`, mount.path, "must not contain '..'"));
      return errors;
    }),
    ...duplicates(
      mounts.map((mount) => normalPath(mount.path)),
      (at) => `${field}[${at}].path`,
    ),
  ];
}

/** `/a//b/./` and `/a/b` are the same place. */
function normalPath(path: string): string {
  return `/${path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/")}`;
}

function duplicates(values: readonly string[], fieldOf: (at: number) => string): readonly FieldError[] {
  const seen = new Set<string>();
  return values.flatMap((value, at) => {
    if (seen.has(value)) return [duplicateValue(fieldOf(at), value)];
    seen.add(value);
    return [];
  });
}
