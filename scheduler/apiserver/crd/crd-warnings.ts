import { isObject, type Schema } from "../resource.ts";
import { isKnownFormat } from "../schema/formats.ts";
import type { Crd } from "./crd.ts";
import { subschemasOf } from "./validate-schema.ts";

const warningsMax = 50;

/** What the writer of a valid definition is told in Warning headers; of an update, only what is new. */
export function crdWarnings(crd: Crd, old: Crd | undefined): readonly string[] {
  const before = new Set(old ? formatsOf(old) : []);
  return [...new Set(formatsOf(crd))]
    .filter((format) => !before.has(format))
    .slice(0, warningsMax)
    .map((format) => `unrecognized format ${JSON.stringify(format)}`);
}

function formatsOf(crd: Crd): readonly string[] {
  return crd.spec.versions.flatMap(({ schema }) =>
    schema?.openAPIV3Schema ? unknownFormats(schema.openAPIV3Schema) : [],
  );
}

function unknownFormats(schema: Schema): readonly string[] {
  const { format, type } = schema;
  const own = format && !isKnownFormat(type, format) ? [format] : [];
  return [...own, ...subschemasOf(schema).filter(isObject).flatMap(unknownFormats)];
}
