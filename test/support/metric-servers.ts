/** Real servers of metrics, as Debian packages them: `prometheus` and `redis-server`. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { freePort } from "./free-port.ts";

export const hasPrometheus = spawnSync("prometheus", ["--version"]).status === 0;
export const hasRedis = spawnSync("redis-server", ["--version"]).status === 0;

export interface RealServer extends AsyncDisposable {
  readonly port: number;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
}

export interface ServerFiles {
  readonly certificate: string;
  readonly key: string;
}

export interface PrometheusSetup {
  /** As in prometheus.yml, with a scrape_interval of one second. */
  readonly scrapeConfigs: string;
  readonly port?: number;
  readonly tls?: ServerFiles;
  /** Names and bcrypt hashes. */
  readonly users?: Readonly<Record<string, string>>;
}

/** Empty at first, whatever another one at this port had. Resolves when it is ready. */
export async function startPrometheus(setup: PrometheusSetup): Promise<RealServer> {
  const folder = mkdtempSync(join(tmpdir(), "wherry-prometheus-"));
  const port = setup.port ?? (await freePort());
  const config = join(folder, "prometheus.yml");
  const web = join(folder, "web.yml");
  writeFileSync(config, `global: {scrape_interval: 1s}\nscrape_configs: ${setup.scrapeConfigs}\n`);
  const { tls, users } = setup;
  const webConfig = {
    ...(tls ? { tls_server_config: { cert_file: tls.certificate, key_file: tls.key } } : {}),
    ...(users ? { basic_auth_users: users } : {}),
  };
  // JSON is YAML.
  writeFileSync(web, JSON.stringify(webConfig));
  const child = spawn(
    "prometheus",
    [
      `--config.file=${config}`,
      `--web.config.file=${web}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const ready = Promise.withResolvers<void>();
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-20_000);
    if (log.includes("Server is ready to receive web requests")) ready.resolve();
  });
  child.once("exit", () => ready.reject(new Error(`prometheus ended: ${log}`)));
  await ready.promise;
  return running(child, port, folder);
}

/** Empty at first, whatever another one at this port had. */
export async function startRedis(
  args: readonly string[] = [],
  tls?: ServerFiles,
  given?: number,
): Promise<RealServer> {
  const folder = mkdtempSync(join(tmpdir(), "wherry-redis-"));
  const port = given ?? (await freePort());
  const listen = tls
    ? ["--port", "0", "--tls-port", String(port), "--tls-cert-file", tls.certificate]
        .concat("--tls-key-file", tls.key, "--tls-ca-cert-file", tls.certificate)
        .concat("--tls-auth-clients", "no")
    : ["--port", String(port)];
  const child = spawn(
    "redis-server",
    [...listen, "--bind", "127.0.0.1", "--save", "", "--dir", folder, ...args],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const ready = Promise.withResolvers<void>();
  let log = "";
  child.stdout.on("data", (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-20_000);
    if (log.includes("Ready to accept connections")) ready.resolve();
  });
  child.once("exit", () => ready.reject(new Error(`redis-server ended: ${log}`)));
  await ready.promise;
  return running(child, port, folder);
}

/** One command after the other, over a connection without TLS; each line of `commands` is one. Resolves with the raw replies. */
export async function tellRedis(port: number, commands: readonly (readonly string[])[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
  for (const words of [...commands, ["QUIT"]]) {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    socket.write(`*${words.length}\r\n${parts.join("")}`);
  }
  await once(socket, "close");
  return text;
}

function running(child: ChildProcess, port: number, folder: string): RealServer {
  const exited = once(child, "exit");
  const kill = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await exited;
  };
  return {
    port,
    kill: () => kill("SIGKILL"),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) await kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Something to scrape: what `text` says, whenever it is asked. */
export async function scrapeTarget(
  text: () => string,
): Promise<{ readonly address: string } & AsyncDisposable> {
  const server: Server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(text());
  });
  const port = await freePort();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await wait(0);
    },
  };
}
