/** The job that is made for one time of a schedule, and how it is known again. */
import { cronJobLabel, instantiateAnnotation, scheduledAnnotation } from "../../../../api/cron-job.ts";
import type { WasmCronJob, WasmJob } from "../../../../api/gen/kinds.gen.ts";
import type { ApiObject, OwnerReference } from "../../../../api/object-meta.ts";
import { fromTimestamp, toTimestamp } from "../../../../kit/timestamps.ts";

const minuteMs = 60_000;

/** The same for the same time, so that a time cannot have two jobs. Minutes where there are no seconds, as in Kubernetes. */
export function jobName(cronJob: string, scheduledMs: number, hasSeconds: boolean): string {
  return `${cronJob}-${Math.floor(scheduledMs / (hasSeconds ? 1_000 : minuteMs))}`;
}

/** What {@link Backend.create} is given. */
export type NewJob = Omit<ApiObject, "metadata"> & { readonly metadata: Partial<ApiObject["metadata"]> };

export function jobToMake(
  { apiVersion, metadata, spec }: WasmCronJob,
  name: string,
  scheduledMs: number,
): NewJob {
  const { jobTemplate } = spec;
  const owner: OwnerReference = {
    apiVersion,
    kind: "WasmCronJob",
    name: metadata.name,
    uid: metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
  return {
    apiVersion,
    kind: "WasmJob",
    metadata: {
      name,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels: { ...jobTemplate.metadata?.labels, [cronJobLabel]: metadata.name },
      annotations: { ...jobTemplate.metadata?.annotations, [scheduledAnnotation]: toTimestamp(scheduledMs) },
      ownerReferences: [owner],
    },
    spec: jobTemplate.spec,
  };
}

/** The time that a job is for; undefined: it is none that is made from a schedule, whatever it says of itself. */
export function scheduledMsOf(job: WasmJob, cronJob: string): number | undefined {
  const ms = fromTimestamp(job.metadata.annotations?.[scheduledAnnotation]);
  if (ms === undefined) return undefined;
  const { name } = job.metadata;
  return name === jobName(cronJob, ms, false) || name === jobName(cronJob, ms, true) ? ms : undefined;
}

export function isManual({ metadata }: WasmJob): boolean {
  return metadata.annotations?.[instantiateAnnotation] === "manual";
}

/** The uid of the cron job that a job belongs to. */
export function cronJobUidOf({ ownerReferences = [] }: ApiObject["metadata"]): string | undefined {
  const owner = ownerReferences.find(({ controller }) => controller === true);
  return owner?.kind === "WasmCronJob" && owner.apiVersion.startsWith("wherry.dev/") ? owner.uid : undefined;
}
