import { parseArgs } from "node:util";
import { readFileSync } from "node:fs";
import { errorMessage, WherryError } from "../kit/errors.ts";
import { parseTracingFlags, type TracingOptions } from "../kit/tracing/tracing-options.ts";
import {
  parseServiceAccountKeys,
  type ServiceAccountKey,
} from "./apiserver/authentication/service-account-keys.ts";
import type { StaticToken } from "./apiserver/authentication/static-tokens.ts";
import { parseTokenFile } from "./apiserver/authentication/token-file.ts";
import { defaultConfiguration, type PlacementConfiguration } from "./core/placement/profile-declaration.ts";
import { parsePlacementConfig } from "./placement-config/parse.ts";
import { allowFlag, parseServerPattern, type ServerPattern } from "./autoscaling/server-policy.ts";
import { readEncryptionKeys, type EncryptionKeys } from "./apiserver/storage/encryption-keys.ts";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** A file that begins anew when it has become too large. */
export interface RotationOptions {
  readonly file: string;
  readonly fileBytesMax: number;
  /** 0: all are kept. */
  readonly backupsMax: number;
}

/** Everything the scheduler is told at its start, parsed and complete. */
export interface SchedulerOptions {
  readonly storeFile: string;
  readonly listen: HostPort;
  readonly nodesListen: HostPort;
  readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
  /** The administrator's, and those of the token file. */
  readonly tokens: readonly StaticToken[];
  /** The first signs, all verify. Empty: ServiceAccounts have no tokens. */
  readonly serviceAccountKeys: readonly ServiceAccountKey[];
  /** undefined: nothing is written down. */
  readonly audit: RotationOptions | undefined;
  /** Of placement; undefined: nothing is recorded. */
  readonly recording: RotationOptions | undefined;
  /** Of Secrets in the store. */
  readonly encryption: EncryptionKeys;
  readonly lostAfterMs: number;
  /** Which may have routes for `*` and `*.com` without a label that says so; `*`: all. */
  readonly wideHostNamespaces: readonly string[];
  readonly placement: PlacementConfiguration;
  /** Which servers autoscalers may ask for metrics. Empty: none. */
  readonly metricServers: readonly ServerPattern[];
  /** undefined: there are no traces. */
  readonly tracing: Pick<TracingOptions, "url"> | undefined;
  readonly logLevel: string;
}

export const schedulerUsage = `Usage: wherry-scheduler --store sqlite:FILE --ca FILE --cert FILE --key FILE --token-file FILE
       wherry-scheduler --print-placement-config [--placement-config FILE]
       wherry-scheduler restore --store sqlite:FILE --from BACKUP [--force] [--encryption-key-file FILE]
       wherry-scheduler replay FILE [--placement-config FILE] [--profile NAME] [--differences N]
  --store sqlite:FILE      where declared objects are kept
  --listen HOST:PORT       the API (default 127.0.0.1:7443; port 0 takes a free one)
  --nodes-listen HOST:PORT where node daemons connect (default 127.0.0.1:7444)
  --ca, --cert, --key      PEM files: the cluster's CA, and this scheduler's certificate and key
  --token-file FILE        the administrator's bearer token
  --token-auth-file FILE   bearer tokens of others: lines of token,user,uid,"group1,group2"
  --service-account-key-file FILE
                           PEM file with P-256 keys for the tokens of ServiceAccounts; may be repeated: the first key
                           signs, so it must be a private one, and all verify
  --audit-log FILE         who did what, as JSON lines; without it, nothing is written down
  --audit-log-maxsize MEGABYTES
                           the size at which the audit log begins a new file (default 100)
  --audit-log-maxbackup N  how many of its old files are kept; 0: all (default 10)
  --record-placement FILE  what placement sees and decides, as JSON lines, for "wherry simulate replay"; it holds names,
                           labels and requests of workloads and nodes, no environment and no Secrets
  --record-placement-maxsize MEGABYTES
                           the size at which the recording begins a new file (default 100)
  --record-placement-maxbackup N
                           how many of its old files are kept; 0: all (default 10)
  --encryption-key-file FILE
                           encrypts Secrets in the store: a line NAME:BASE64 (32 bytes) for each key; the first
                           encrypts, all decrypt
  --lost-after DURATION    how long a silent node keeps its instances (default 15s)
  --wide-host-namespaces NAME[,NAME...]
                           whose routes may be for all hosts, or for "*." and a single label; "*": of all namespaces. Others
                           need the label wherry.dev/wide-hosts=true (default: none)
  --placement-config FILE  how nodes are chosen: profiles, overcommit, backoff (YAML, see docs/PLACEMENT.md)
  --allow-metrics-server PATTERN
                           a server that autoscalers may ask for metrics: SCHEME://HOST[:PORT], the scheme http, https,
                           redis or rediss; *.DOMAIN is all names below it, * in place of host or port any, and * alone
                           every server; may be repeated (default: none)
  --otlp-endpoint URL      send traces there, from the write of a workload on, to an OpenTelemetry collector: OTLP over HTTP,
                           such as http://127.0.0.1:4318 (default: no traces)
  --print-placement-config prints what of that holds, defaults included, and ends
  --log-level LEVEL        trace, debug, info, warn or error (default info)`;

const logLevels = new Set(["trace", "debug", "info", "warn", "error", "silent"]);

/** Throws a `WherryError` InvalidFlag that names the flag. */
export function parseSchedulerOptions(args: readonly string[]): SchedulerOptions {
  const { values, keyFiles, metricServers } = parseFlags(args);
  const store = required(values, "store");
  if (!store.startsWith("sqlite:")) throw invalid("store", store, "sqlite:FILE");
  const logLevel = values["log-level"] ?? "info";
  if (!logLevels.has(logLevel)) throw invalid("log-level", logLevel, [...logLevels].join(", "));
  return {
    storeFile: store.slice("sqlite:".length),
    listen: hostPort("listen", values["listen"] ?? "127.0.0.1:7443"),
    nodesListen: hostPort("nodes-listen", values["nodes-listen"] ?? "127.0.0.1:7444"),
    tls: { ca: file(values, "ca"), cert: file(values, "cert"), key: file(values, "key") },
    tokens: tokens(values),
    serviceAccountKeys: serviceAccountKeys(keyFiles),
    audit: rotation(values, "audit-log"),
    recording: rotation(values, "record-placement"),
    encryption: encryption(values["encryption-key-file"]),
    lostAfterMs: duration("lost-after", values["lost-after"] ?? "15s"),
    wideHostNamespaces: namespaces(values, "wide-host-namespaces"),
    placement: placement(values),
    metricServers: metricServers.map(metricServer),
    tracing: parseTracingFlags(values),
    logLevel,
  };
}

interface Flags {
  readonly [flag: string]: string | undefined;
}

const keyFlag = "service-account-key-file";
const serverFlag = "allow-metrics-server";

function parseFlags(args: readonly string[]): {
  readonly values: Flags;
  readonly keyFiles: readonly string[];
  readonly metricServers: readonly string[];
} {
  const text = { type: "string" } as const;
  try {
    const {
      [keyFlag]: keyFiles = [],
      [serverFlag]: metricServers = [],
      ...values
    } = parseArgs({
      args: [...args],
      options: {
        store: text,
        listen: text,
        "nodes-listen": text,
        ca: text,
        cert: text,
        key: text,
        "token-file": text,
        "token-auth-file": text,
        [keyFlag]: { type: "string", multiple: true },
        [serverFlag]: { type: "string", multiple: true },
        "audit-log": text,
        "audit-log-maxsize": text,
        "audit-log-maxbackup": text,
        "record-placement": text,
        "record-placement-maxsize": text,
        "record-placement-maxbackup": text,
        "encryption-key-file": text,
        "lost-after": text,
        "wide-host-namespaces": text,
        "placement-config": text,
        "log-level": text,
        "otlp-endpoint": text,
      },
    }).values;
    return { values, keyFiles, metricServers };
  } catch (thrown) {
    throw new WherryError("InvalidFlag", errorMessage(thrown), { cause: thrown });
  }
}

const printFlag = "--print-placement-config";

/** The configuration that a command line only asks to see; the other flags may stand beside it. */
export function parsePrintPlacement(args: readonly string[]): PlacementConfiguration | undefined {
  if (!args.includes(printFlag)) return undefined;
  return placement(parseFlags(args.filter((arg) => arg !== printFlag)).values);
}

function placement(values: Flags): PlacementConfiguration {
  const path = values["placement-config"];
  return path === undefined ? defaultConfiguration : readWith("placement-config", path, parsePlacementConfig);
}

function tokens(values: Flags): readonly StaticToken[] {
  const token = file(values, "token-file").toString("utf8").trim();
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new WherryError(
      "InvalidFlag",
      `--token-file ${values["token-file"]}: expected one token without blanks`,
    );
  const admin = { token, user: "admin", uid: "", groups: ["system:masters"] };
  const path = values["token-auth-file"];
  if (path === undefined) return [admin];
  const others = readWith("token-auth-file", path, parseTokenFile);
  if (others.some((other) => other.token === token))
    throw new WherryError(
      "InvalidFlag",
      `--token-auth-file ${path}: the token of --token-file is there again`,
    );
  return [admin, ...others];
}

function serviceAccountKeys(paths: readonly string[]): readonly ServiceAccountKey[] {
  const keys = paths.flatMap((path) => readWith(keyFlag, path, parseServiceAccountKeys));
  const [first] = keys;
  if (first && !first.privateKey)
    throw new WherryError(
      "InvalidFlag",
      `--${keyFlag} ${paths[0]}: the first key signs and must be a private one`,
    );
  return keys;
}

/** Separated by commas. */
function namespaces(values: Flags, flag: string): readonly string[] {
  const text = values[flag];
  if (text === undefined) return [];
  const names = text.split(",");
  if (names.some((name) => name !== "*" && !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)))
    throw invalid(flag, text, 'names of namespaces, separated by commas, or "*"');
  return names;
}

function metricServer(text: string): ServerPattern {
  const reading = parseServerPattern(text);
  if (reading.kind === "ok") return reading.pattern;
  throw new WherryError("InvalidFlag", `${allowFlag} ${text}: ${reading.message}`);
}

function rotation(values: Flags, flag: string): RotationOptions | undefined {
  const path = values[flag];
  const megabytes = wholeNumber(values, `${flag}-maxsize`, 100, { min: 1, max: 100_000 });
  const backupsMax = wholeNumber(values, `${flag}-maxbackup`, 10, { min: 0, max: 10_000 });
  if (path === undefined) return undefined;
  if (path === "" || path === "-") throw invalid(flag, path, "a file");
  return { file: path, fileBytesMax: megabytes * 1024 * 1024, backupsMax };
}

function wholeNumber(
  values: Flags,
  flag: string,
  otherwise: number,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const value = values[flag] ?? String(otherwise);
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= min && number <= max)) throw invalid(flag, value, `a whole number from ${min} to ${max}`);
  return number;
}

/** What a file says; what is wrong with it is told with the flag and the file. */
function readWith<T>(flag: string, path: string, parse: (text: string) => T): T {
  try {
    return parse(readFileSync(path, "utf8"));
  } catch (thrown) {
    throw new WherryError("InvalidFlag", `--${flag} ${path}: ${errorMessage(thrown)}`, { cause: thrown });
  }
}

function required(values: Flags, flag: string): string {
  const value = values[flag];
  if (value === undefined || value === "") throw new WherryError("InvalidFlag", `--${flag} is required`);
  return value;
}

function invalid(flag: string, value: string, expected: string): WherryError {
  return new WherryError("InvalidFlag", `--${flag} ${value}: expected ${expected}`);
}

function file(values: Flags, flag: string): Buffer {
  const path = required(values, flag);
  try {
    return readFileSync(path);
  } catch (thrown) {
    throw new WherryError("InvalidFlag", `--${flag}: ${errorMessage(thrown)}`, { cause: thrown });
  }
}

function encryption(path: string | undefined): EncryptionKeys {
  if (path === undefined) return { kind: "none" };
  try {
    return readEncryptionKeys(path);
  } catch (thrown) {
    throw new WherryError("InvalidFlag", `--encryption-key-file: ${errorMessage(thrown)}`, { cause: thrown });
  }
}

function hostPort(flag: string, value: string): HostPort {
  const match = /^\[?(?<host>[^\]]+)\]?:(?<port>\d{1,5})$/.exec(value);
  const port = Number(match?.groups?.["port"]);
  const host = match?.groups?.["host"];
  if (host === undefined || !(port <= 65_535)) throw invalid(flag, value, "HOST:PORT");
  return { host, port };
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function duration(flag: string, value: string): number {
  const match = /^(?<amount>\d+)(?<unit>ms|s|m|h)$/.exec(value);
  const ms = Number(match?.groups?.["amount"]) * (unitMs[match?.groups?.["unit"] ?? ""] ?? Number.NaN);
  if (!(ms >= 1_000 && ms <= 86_400_000))
    throw invalid(flag, value, "a duration from 1s to 24h, such as 15s or 2m");
  return ms;
}
