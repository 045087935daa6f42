import { Failure } from "../failure.ts";
import { resolveSelections } from "./resolve.ts";
import type { Resource } from "./resource.ts";

/** kubectl's words for what the server calls otherwise. */
const words: Readonly<Record<string, string>> = {
  deployment: "wasmdeployments",
  deployments: "wasmdeployments",
  deploy: "wasmdeployments",
  daemonset: "wasmdaemonsets",
  daemonsets: "wasmdaemonsets",
  ds: "wasmdaemonsets",
};

/** `deployment/NAME`, as kubectl would have it. */
export function selectWorkload(
  resources: readonly Resource[],
  text: string,
): { readonly resource: Resource; readonly name: string } {
  const [type = "", ...rest] = text.split("/");
  const refusal = `"${text}" names no workload; write it as deployment/NAME`;
  if (rest.length === 0) throw new Failure(refusal);
  const known = Object.hasOwn(words, type.toLowerCase()) ? words[type.toLowerCase()] : type;
  const [selection, ...more] = resolveSelections(resources, [[known, ...rest].join("/")]);
  const { resource, name } = selection ?? {};
  if (more.length > 0 || resource === undefined || name === undefined) throw new Failure(refusal);
  return { resource, name };
}
