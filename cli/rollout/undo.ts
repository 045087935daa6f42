import { isDeepStrictEqual } from "node:util";
import type { ApiObject } from "../../api/object-meta.ts";
import type { ApiClient } from "../client/api-client.ts";
import { getObject, resourcePath } from "../client/objects.ts";
import { ApiStatusError } from "../client/status-error.ts";
import { unifiedDiff } from "../diff/unified-diff.ts";
import { Failure } from "../failure.ts";
import type { DryRun } from "../manifests/apply-object.ts";
import { toYaml } from "../output/yaml.ts";
import type { Resource } from "../resources/resource.ts";
import { isPaused } from "./progress.ts";
import {
  currentRevision,
  findRevision,
  listRevisions,
  withoutConfigDigest,
  type Revision,
} from "./revisions.ts";
import { changeCauseAnnotation, changeCauseOf, templateOf, type Workload } from "./workload.ts";

interface UndoRequest {
  /** undefined: the one before the current one. */
  readonly toRevision: number | undefined;
  readonly dryRun: DryRun;
}

/** `text`: what is said after the workload's name. */
export interface UndoOutcome {
  readonly text: string;
  /** How the template changes. */
  readonly diff: string;
}

/** How often an undo is tried again when the workload's spec changes under it. */
const attemptsMax = 3;

/** Gives a workload the template of an earlier revision. Fails when somebody else changes the spec at the same time. */
export async function undoRollout(
  client: ApiClient,
  resources: readonly Resource[],
  workload: Workload,
  request: UndoRequest,
): Promise<UndoOutcome> {
  const { resource, namespace, name, word } = workload;
  for (let attempt = 1; ; attempt++) {
    const object = await getObject(client, resource, namespace, name);
    if (isPaused(object))
      throw new Failure(
        `cannot rollback a paused ${word}; resume it first with 'wherry rollout resume ${word}/${name}'`,
      );
    const revisions = await listRevisions(client, resources, workload, object.metadata.uid);
    const chosen = choose(workload, object, revisions, request.toRevision);
    const template = withoutConfigDigest(chosen.template);
    const present = templateOf(object) ?? {};
    if (isDeepStrictEqual(withoutConfigDigest(present), template)) {
      const text = `skipped rollback (current template already matches revision ${chosen.number})`;
      return { text, diff: "" };
    }
    const outcome = {
      text: `rolled back to revision ${chosen.number}`,
      diff: templateDiff(present, template),
    };
    if (request.dryRun === "client") return outcome;
    try {
      await client.request({
        method: "PATCH",
        path: resourcePath(resource, namespace, name),
        query: { fieldManager: "wherry-rollout", dryRun: request.dryRun === "server" ? "All" : undefined },
        contentType: "application/json-patch+json",
        body: undoPatch(object, template, changeCauseOf(chosen.object)),
      });
      return outcome;
    } catch (error) {
      if (!isRaced(error) || attempt >= attemptsMax) throw error;
    }
  }
}

function choose(
  { word, name }: Workload,
  object: ApiObject,
  revisions: readonly Revision[],
  number: number | undefined,
): Revision {
  if (revisions.length === 0) throw new Failure(`no rollout history found for ${word} "${name}"`);
  if (number !== undefined) return findRevision(revisions, number);
  const current = currentRevision(object, revisions);
  const before = revisions.findLast((revision) => revision !== current);
  if (before) return before;
  throw new Failure(
    `there is nothing to go back to: of ${word} "${name}" only revision ${current?.number} is kept, which is the current one`,
  );
}

/**
 * The generation says that the spec is still the one that was looked at: unlike the resourceVersion it stays while the status
 * changes, which it does all the time during a rollout.
 */
function undoPatch(
  { metadata }: ApiObject,
  template: Readonly<Record<string, unknown>>,
  changeCause: string | undefined,
): readonly object[] {
  const path = `/metadata/annotations/${changeCauseAnnotation.replaceAll("/", "~1")}`;
  const annotations = metadata.annotations ?? {};
  const cause =
    changeCause === undefined
      ? Object.hasOwn(annotations, changeCauseAnnotation)
        ? [{ op: "remove", path }]
        : []
      : [
          ...(metadata.annotations ? [] : [{ op: "add", path: "/metadata/annotations", value: {} }]),
          { op: "add", path, value: changeCause },
        ];
  return [
    { op: "test", path: "/metadata/uid", value: metadata.uid },
    { op: "test", path: "/metadata/generation", value: metadata.generation },
    { op: "replace", path: "/spec/template", value: template },
    ...cause,
  ];
}

/** A test of a patch that does not hold, or a write in between. */
function isRaced(error: unknown): boolean {
  return (
    error instanceof ApiStatusError &&
    (error.httpStatus === 409 || (error.httpStatus === 422 && /\btest(ing)?\b/.test(error.message)))
  );
}

function templateDiff(
  from: Readonly<Record<string, unknown>>,
  to: Readonly<Record<string, unknown>>,
): string {
  return unifiedDiff(
    { name: "spec.template", text: toYaml(from) },
    { name: "spec.template (rolled back)", text: toYaml(to) },
  );
}
