import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { errorCode, errorMessage } from "../../kit/errors.ts";
import { Failure } from "../failure.ts";

/** Everything that is needed to speak to one cluster, read and decoded. */
export interface ClusterAccess {
  readonly server: URL;
  /** PEM. undefined: the certificate authorities that Node knows. */
  readonly certificateAuthority: string | undefined;
  readonly insecure: boolean;
  readonly tlsServerName: string | undefined;
  readonly token: string | undefined;
  readonly clientCertificate: string | undefined;
  readonly clientKey: string | undefined;
  readonly namespace: string;
  /** The files it was read from, for messages. */
  readonly files: readonly string[];
}

type Section = Readonly<Record<string, unknown>>;

interface Entry {
  readonly value: Section;
  /** Relative paths in a kubeconfig are relative to the folder of the file that has them. */
  readonly folder: string;
}

interface MergedConfig {
  readonly currentContext: string | undefined;
  readonly clusters: ReadonlyMap<string, Entry>;
  readonly users: ReadonlyMap<string, Entry>;
  readonly contexts: ReadonlyMap<string, Entry>;
}

/**
 * Reads kubeconfig files as kubectl does: of two files that define the same thing, the first wins.
 * https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
 */
export function readClusterAccess(files: readonly string[], contextName: string | undefined): ClusterAccess {
  const config = merge(files);
  const where = files.join(", ");
  const wanted = contextName ?? config.currentContext;
  if (!wanted) {
    throw new Failure(
      `${where} names no current context; choose one of ${names(config.contexts)} with --context`,
    );
  }
  const context = config.contexts.get(wanted);
  if (!context) throw new Failure(`context "${wanted}" is not in ${where}; it has ${names(config.contexts)}`);
  const clusterName = text(context.value, "cluster") ?? "";
  const cluster = config.clusters.get(clusterName);
  if (!cluster)
    throw new Failure(`context "${wanted}" in ${where} names cluster "${clusterName}", which is missing`);
  const userName = text(context.value, "user");
  const user = userName === undefined ? undefined : config.users.get(userName);
  if (userName && !user)
    throw new Failure(`context "${wanted}" in ${where} names user "${userName}", which is missing`);
  return {
    ...readCluster(cluster, clusterName, where),
    ...readUser(user, where),
    namespace: text(context.value, "namespace") ?? "default",
    files,
  };
}

function readCluster(cluster: Entry, name: string, where: string) {
  const server = text(cluster.value, "server") ?? "";
  if (!URL.canParse(server))
    throw new Failure(`cluster "${name}" in ${where} has no usable server URL: "${server}"`);
  return {
    server: new URL(server),
    certificateAuthority: dataOrFile(cluster, "certificate-authority"),
    insecure: cluster.value["insecure-skip-tls-verify"] === true,
    tlsServerName: text(cluster.value, "tls-server-name"),
  };
}

function readUser(user: Entry | undefined, where: string) {
  if (!user) return { token: undefined, clientCertificate: undefined, clientKey: undefined };
  for (const unsupported of ["exec", "auth-provider", "username"]) {
    if (user.value[unsupported] !== undefined) {
      throw new Failure(
        `the user in ${where} signs in by "${unsupported}", which wherry does not know; use a token or a client certificate`,
      );
    }
  }
  const tokenFile = text(user.value, "tokenFile");
  return {
    token:
      text(user.value, "token") ?? (tokenFile ? readText(resolve(user.folder, tokenFile)).trim() : undefined),
    clientCertificate: dataOrFile(user, "client-certificate"),
    clientKey: dataOrFile(user, "client-key"),
  };
}

function merge(files: readonly string[]): MergedConfig {
  const clusters = new Map<string, Entry>();
  const users = new Map<string, Entry>();
  const contexts = new Map<string, Entry>();
  let currentContext: string | undefined;
  for (const file of files) {
    const document = parseFile(file);
    currentContext ||= text(document, "current-context");
    collect(document, "clusters", "cluster", dirname(file), clusters);
    collect(document, "users", "user", dirname(file), users);
    collect(document, "contexts", "context", dirname(file), contexts);
  }
  return { currentContext, clusters, users, contexts };
}

function collect(document: Section, list: string, item: string, folder: string, into: Map<string, Entry>) {
  const entries = document[list];
  if (!Array.isArray(entries)) return;
  for (const entry of entries as readonly unknown[]) {
    if (!isSection(entry)) continue;
    const name = text(entry, "name");
    const value = entry[item];
    if (name !== undefined && !into.has(name))
      into.set(name, { value: isSection(value) ? value : {}, folder });
  }
}

function parseFile(file: string): Section {
  const content = readText(file);
  try {
    const document: unknown = content.startsWith("{") ? JSON.parse(content) : parse(content);
    return isSection(document) ? document : {};
  } catch (error) {
    throw new Failure(`${file} is not a kubeconfig: ${errorMessage(error).split("\n")[0]}`, { cause: error });
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const why = errorCode(error) === "ENOENT" ? "there is no such file" : errorMessage(error);
    throw new Failure(`cannot read ${file}: ${why}`, { cause: error });
  }
}

function dataOrFile(entry: Entry, field: string): string | undefined {
  const data = text(entry.value, `${field}-data`);
  if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
  const file = text(entry.value, field);
  return file === undefined ? undefined : readText(resolve(entry.folder, file));
}

function isSection(value: unknown): value is Section {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(section: Section, field: string): string | undefined {
  const value = section[field];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function names(entries: ReadonlyMap<string, unknown>): string {
  return entries.size === 0 ? "none" : [...entries.keys()].map((name) => `"${name}"`).join(", ");
}
