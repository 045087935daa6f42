// Plain JavaScript for whatever Node the machine has: makes sure that the dependencies are there, as package-lock.json
// names them, and that the program runs on the Node that is one of them.
import { spawnSync } from "node:child_process";
import { lstatSync, readFileSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const modules = join(root, "node_modules");

/** Installs what `scope` ("production" or "all") needs and the checkout lacks. Ends the process when it cannot. */
export function install(scope) {
  const missing = missingPackages(scope);
  if (missing.length > 0) {
    const some = missing.slice(0, 3).join(", ") + (missing.length > 3 ? ", …" : "");
    console.log(`installing dependencies (${missing.length} missing or old: ${some})`);
    // Not `npm ci`: it refuses a lock file without every optional build for every other machine, which a registry need
    // not have. With --no-save the lock file is followed and left alone, and its hashes are checked all the same.
    const omitted = scope === "production" && !hasDevelopmentPackages() ? ["--omit=dev"] : [];
    runNpm(["install", "--no-save", ...omitted]);
    const still = missingPackages(scope);
    if (still.length > 0)
      fail(`npm did not install ${still.join(", ")}; it may be that npm is told to omit them`);
  }
  linkCommand();
}

/** The paths of packages that should be installed and are not, or in another version. */
export function missingPackages(scope, directory = root) {
  const wanted = readPackages(join(directory, "package-lock.json"));
  const present = readPackages(join(directory, "node_modules", ".package-lock.json"));
  if (!wanted) fail(`${join(directory, "package-lock.json")} is missing or is not JSON`);
  return Object.entries(wanted)
    .filter(([path, entry]) => path !== "" && isNeeded(entry, scope))
    .filter(([path, entry]) => present?.[path]?.version !== entry.version)
    .map(([path]) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length));
}

function isNeeded(entry, scope) {
  if (entry.dev && scope === "production") return false;
  if (!entry.optional && !entry.devOptional) return true;
  // Optional packages are mostly builds for other machines. Those for another C library can't be told apart cheaply.
  const matches = (list, value) => list !== undefined && [list].flat().includes(value);
  return matches(entry.os, process.platform) && matches(entry.cpu, process.arch) && entry.libc === undefined;
}

/** A checkout that somebody develops in must not lose its tools because somebody starts it. */
function hasDevelopmentPackages() {
  const present = readPackages(join(modules, ".package-lock.json")) ?? {};
  return Object.values(present).some((entry) => entry.dev);
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}

function runNpm(args) {
  // npm may replace the Node in node_modules, which npm's scripts put first on the path; it runs on the machine's own.
  const path = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => resolve(folder) !== join(modules, ".bin"))
    .join(delimiter);
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  const env = { ...process.env, PATH: path };
  // The omit setting of an outer npm must not reach this one.
  for (const name of Object.keys(env)) {
    if (/^npm_config_(omit|production|only|include)$/i.test(name)) delete env[name];
  }
  const result = spawnSync("npm", [...args, ...quiet], { cwd: root, stdio: "inherit", env });
  if (result.error) fail(`cannot run npm: ${result.error.message}`);
  if (result.status !== 0) fail(`npm ${args.join(" ")} failed; what it says stands above`);
}

/** npx looks for a command here first; npm itself links only the commands of dependencies. */
function linkCommand() {
  const link = join(modules, ".bin", "wherry");
  if (lstatSync(link, { throwIfNoEntry: false })) return;
  try {
    symlinkSync(join("..", "..", "cli", "bin.mjs"), link);
  } catch {
    // A read-only checkout: npx then takes its longer way.
  }
}

export function fail(message) {
  console.error(`error: ${message}`);
  process.exit(1);
}
