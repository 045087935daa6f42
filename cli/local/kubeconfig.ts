import { readFileSync } from "node:fs";
import { stringify } from "yaml";
import { writePrivateFile } from "./state-directory.ts";

export interface LocalAccess {
  readonly server: string;
  readonly caFile: string;
  readonly token: string;
}

/** Writes the kubeconfig of a local cluster. It holds the administrator's token: only the owner may read it. */
export function writeLocalKubeconfig(path: string, { server, caFile, token }: LocalAccess): void {
  const certificateAuthority = readFileSync(caFile).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "wherry",
    clusters: [{ name: "wherry", cluster: { server, "certificate-authority-data": certificateAuthority } }],
    users: [{ name: "wherry-admin", user: { token } }],
    contexts: [
      { name: "wherry", context: { cluster: "wherry", user: "wherry-admin", namespace: "default" } },
    ],
  };
  writePrivateFile(path, stringify(config, { lineWidth: 0 }));
}
