import { ApiClient } from "./client/api-client.ts";
import { discover } from "./client/discovery.ts";
import {
  findLocalKubeconfig,
  locateKubeconfig,
  type KubeconfigLocation,
} from "./client/kubeconfig-location.ts";
import { readClusterAccess } from "./client/kubeconfig.ts";
import { isOurs, type Resource } from "./resources/resource.ts";
import type { Terminal } from "./terminal.ts";

export interface ConnectionFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

/** One cluster, as a command sees it. Nothing is sent before it is needed. */
export class Connection implements AsyncDisposable {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly location: KubeconfigLocation;
  #resources: Promise<readonly Resource[]> | undefined;

  constructor(flags: ConnectionFlags, terminal: Terminal) {
    this.location = locateKubeconfig(flags.kubeconfig, terminal);
    const access = readClusterAccess(this.location.files, flags.context);
    this.client = new ApiClient(access, (text) => void terminal.err(`Warning: ${text}\n`));
    this.namespace = flags.namespace ?? access.namespace;
  }

  /** The server's discovery, asked for once. */
  resources(): Promise<readonly Resource[]> {
    return (this.#resources ??= discover(this.client));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
  }
}

/** What to try when the cluster that was found is not the one that was meant. */
export async function connectionHint(
  connection: Connection | undefined,
  terminal: Terminal,
  unreachable: boolean,
): Promise<string | undefined> {
  if (!connection) return undefined;
  const { kind } = connection.location;
  const local = findLocalKubeconfig(terminal.workingDirectory);
  if (kind === "home" && local !== undefined && (unreachable || !(await hasOurs(connection)))) {
    const what = unreachable ? "was tried" : "was asked, and it has no wherry.dev";
    return `The cluster of ~/.kube/config ${what}; for the one in this folder add --kubeconfig ${local}`;
  }
  if (!unreachable) return undefined;
  return kind === "local"
    ? `Start the cluster of this folder with "wherry up" (in a checkout: npm start)`
    : `The address is from ${connection.location.files.join(", ")}; choose another with --kubeconfig or --context, or start a local cluster with "wherry up"`;
}

async function hasOurs(connection: Connection): Promise<boolean> {
  return connection.resources().then(
    (resources) => resources.some(isOurs),
    () => true,
  );
}
