/** What bubblewrap is told: a file system of its own with only what one shim needs, and namespaces of its own. */

export interface SandboxPlan {
  /** As the shim knows it. */
  readonly folder: string;
  /** What it sees there, and may write in. */
  readonly innerFolder: string;
  /** Files of the folder that it may read. */
  readonly configFiles: readonly string[];
  /** Node, and our program. */
  readonly programPaths: readonly string[];
  readonly readOnlyPaths: readonly string[];
  readonly writablePaths: readonly string[];
  readonly network: boolean;
  /** Whether this bubblewrap can forbid namespaces inside its own. */
  readonly sealsNamespaces: boolean;
  /** An open descriptor for what bubblewrap says about the process. */
  readonly infoFd: number;
}

/** Of every Linux with glibc; what is missing is left out. */
const libraryPaths = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache"];

/** What a resolver reads. */
const resolverFiles = ["/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf"];

/** The arguments before the program to run. */
export function sandboxArguments(plan: SandboxPlan): readonly string[] {
  const readOnly = [...libraryPaths, ...(plan.network ? resolverFiles : [])];
  const namespaces = [
    "--unshare-user",
    "--unshare-ipc",
    "--unshare-pid",
    "--unshare-uts",
    "--unshare-cgroup-try",
  ];
  if (!plan.network) namespaces.push("--unshare-net");
  if (plan.sealsNamespaces) namespaces.push("--disable-userns");
  const process = [
    "--cap-drop",
    "ALL",
    "--new-session",
    "--hostname",
    "shim",
    "--info-fd",
    String(plan.infoFd),
  ];
  // A daemon that is root has a shim whose user owns the switches of the kernel in /proc: they are not to be turned.
  const kernel = ["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev", "--remount-ro", "/dev"];
  return [
    ...namespaces,
    ...process,
    ...readOnly.flatMap((path) => ["--ro-bind-try", path, path]),
    ...plan.programPaths.flatMap((path) => ["--ro-bind", path, path]),
    ...kernel,
    ...mounts(plan),
    "--remount-ro",
    "/",
    "--chdir",
    plan.folder,
    "--",
  ];
}

/** A folder comes before what is inside it, or it would hide that. */
function mounts(plan: SandboxPlan): readonly string[] {
  const all = [
    ...plan.readOnlyPaths.map((path) => ({ how: "--ro-bind", from: path, to: path })),
    ...plan.writablePaths.map((path) => ({ how: "--bind", from: path, to: path })),
    { how: "--bind", from: plan.innerFolder, to: plan.folder },
    ...plan.configFiles.map((path) => ({ how: "--ro-bind", from: path, to: path })),
  ];
  const depth = ({ to }: { readonly to: string }) => to.split("/").length;
  return all.toSorted((a, b) => depth(a) - depth(b)).flatMap(({ how, from, to }) => [how, from, to]);
}
