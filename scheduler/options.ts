import { parseArgs } from "node:util";
import { readFileSync } from "node:fs";
import { errorMessage, WherryError } from "../kit/errors.ts";
import { readEncryptionKeys, type EncryptionKeys } from "./apiserver/storage/encryption-keys.ts";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Everything the scheduler is told at its start, parsed and complete. */
export interface SchedulerOptions {
  readonly storeFile: string;
  readonly listen: HostPort;
  readonly nodesListen: HostPort;
  readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
  readonly adminToken: string;
  /** Of Secrets in the store. */
  readonly encryption: EncryptionKeys;
  readonly lostAfterMs: number;
  readonly logLevel: string;
}

export const schedulerUsage = `Usage: wherry-scheduler --store sqlite:FILE --ca FILE --cert FILE --key FILE --token-file FILE
       wherry-scheduler restore --store sqlite:FILE --from BACKUP [--force]
  --store sqlite:FILE      where declared objects are kept
  --listen HOST:PORT       the API (default 127.0.0.1:7443; port 0 takes a free one)
  --nodes-listen HOST:PORT where node daemons connect (default 127.0.0.1:7444)
  --ca, --cert, --key      PEM files: the cluster's CA, and this scheduler's certificate and key
  --token-file FILE        the administrator's bearer token
  --encryption-key-file FILE
                           encrypts Secrets in the store: a line NAME:BASE64 (32 bytes) for each key; the first
                           encrypts, all decrypt
  --lost-after DURATION    how long a silent node keeps its instances (default 15s)
  --log-level LEVEL        trace, debug, info, warn or error (default info)`;

const logLevels = new Set(["trace", "debug", "info", "warn", "error", "silent"]);

/** Throws a `WherryError` InvalidFlag that names the flag. */
export function parseSchedulerOptions(args: readonly string[]): SchedulerOptions {
  const values = parseFlags(args);
  const store = required(values, "store");
  if (!store.startsWith("sqlite:")) throw invalid("store", store, "sqlite:FILE");
  const logLevel = values["log-level"] ?? "info";
  if (!logLevels.has(logLevel)) throw invalid("log-level", logLevel, [...logLevels].join(", "));
  return {
    storeFile: store.slice("sqlite:".length),
    listen: hostPort("listen", values["listen"] ?? "127.0.0.1:7443"),
    nodesListen: hostPort("nodes-listen", values["nodes-listen"] ?? "127.0.0.1:7444"),
    tls: { ca: file(values, "ca"), cert: file(values, "cert"), key: file(values, "key") },
    adminToken: file(values, "token-file").toString("utf8").trim(),
    encryption: encryption(values["encryption-key-file"]),
    lostAfterMs: duration("lost-after", values["lost-after"] ?? "15s"),
    logLevel,
  };
}

type Flags = Readonly<Record<string, string | undefined>>;

function parseFlags(args: readonly string[]): Flags {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        store: text,
        listen: text,
        "nodes-listen": text,
        ca: text,
        cert: text,
        key: text,
        "token-file": text,
        "encryption-key-file": text,
        "lost-after": text,
        "log-level": text,
      },
    }).values;
  } catch (thrown) {
    throw new WherryError("InvalidFlag", errorMessage(thrown), { cause: thrown });
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
