import { existsSync, realpathSync } from "node:fs";
import { hostname } from "node:os";
import { isAbsolute, relative, resolve } from "node:path";
import { type Command, Option } from "commander";
import type { CommandContext } from "../command.ts";
import { errorMessage } from "../../kit/errors.ts";
import { parseTracingFlags, type TracingFlags } from "../../kit/tracing/tracing-options.ts";
import { parseCount } from "../duration.ts";
import { Failure } from "../failure.ts";
import type { GatewayPorts, HttpPort } from "../local/gateway-flags.ts";
import { localLimits } from "../local/limits.ts";
import { servicePrograms } from "../local/program.ts";
import { defaultStateDirectory } from "../local/state-directory.ts";
import { up, type NodeReady, type RunningCluster, type UpOptions, type UpSignals } from "../local/up.ts";
import type { Terminal } from "../terminal.ts";

interface UpCommandOptions {
  readonly nodes: string;
  readonly port: string;
  readonly httpPort?: string;
  readonly httpsPort?: string;
  readonly stateDir: string;
  readonly hostPath: readonly string[];
  readonly listen: readonly string[];
  readonly placementConfig?: string;
  readonly recordPlacement?: string;
  readonly allowMetricsServer: readonly string[];
  readonly metricsPerInstance?: boolean;
  readonly otlpEndpoint?: string;
  readonly otlpSampleRatio?: string;
  readonly verbose?: boolean;
}

const nodesMax = 100;
const portMax = 65_534;
const httpPortDefault = 8080;

export function define(command: Command, { terminal }: CommandContext): void {
  addOptions(command);
  command.action(async (options: UpCommandOptions) => {
    const settings = settingsOf(options, terminal);
    const notice = (text: string) => void terminal.err(`${text}\n`);
    const onReady = (cluster: RunningCluster) => void terminal.out(readyText(cluster, terminal));
    await up(settings, { onReady, onNotice: notice }, stopOnSignals(terminal), terminal.clock);
  });
}

function addOptions(command: Command): void {
  command
    .option("--nodes <count>", "how many node daemons", "1")
    .option("--port <port>", "the API's port; the node daemons use the next one", "7443")
    .option(
      "--http-port <port>",
      `where HTTP is accepted for WasmRoutes; further nodes use the next ports; 0: nowhere (default: ${httpPortDefault}, or the next one that is free)`,
    )
    .option(
      "--https-port <port>",
      "where HTTPS is accepted for WasmRoutes with tls; further nodes use the next ports (default: nowhere)",
    )
    .option("--state-dir <folder>", "where everything is kept", defaultStateDirectory)
    .addOption(
      repeatable(
        "--host-path <folder>",
        "a folder that manifests may mount, beside this one; repeatable",
        "none",
      ),
    )
    .addOption(
      repeatable(
        "--listen <address:port>",
        "where instances may listen, beside 127.0.0.1 above port 1023: ADDRESS:PORT or ADDRESS:PORT-PORT; repeatable",
        "none",
      ),
    )
    .option("--placement-config <file>", "how nodes are chosen: profiles, overcommit, backoff")
    .option("--record-placement <file>", 'what placement sees and decides, for "wherry simulate replay"')
    .addOption(
      repeatable(
        "--allow-metrics-server <pattern>",
        "a server that autoscalers may ask for metrics, such as http://localhost:9090; repeatable",
        "every server",
      ),
    )
    .option("--metrics-per-instance", "metrics of each instance, too, not only of each workload")
    .option("--otlp-endpoint <url>", "an OpenTelemetry collector for traces, such as http://localhost:4318")
    .option("--otlp-sample-ratio <ratio>", "the part of HTTP requests that is traced, from 0 to 1")
    .option("--verbose", "show what the processes log");
}

/** `shown`: what holds when it is not given, for the help. */
function repeatable(flags: string, description: string, shown: string): Option {
  const collect = (value: string, before: readonly string[]) => [...before, value];
  return new Option(flags, description).argParser(collect).default([], shown);
}

function settingsOf(options: UpCommandOptions, terminal: Terminal): UpOptions {
  const port = parseCount(options.port, "--port");
  if (port > portMax) throw new Failure(`--port "${options.port}" must be at most ${portMax}`);
  const nodes = nodeCount(options.nodes);
  requireFolders(options.hostPath, terminal);
  const placementConfig = placementConfigFile(options, terminal);
  const http = httpPort(options.httpPort, nodes);
  const httpsPort = certainPort(options.httpsPort, "--https-port", nodes);
  refuseSharedPorts(port, nodes, { http, httpsPort });
  const programs = servicePrograms();
  return {
    nodes,
    port,
    stateDirectory: resolve(terminal.workingDirectory, options.stateDir),
    hostPaths: [...shownDirectory(terminal), ...options.hostPath],
    listen: options.listen,
    http,
    httpsPort,
    placementConfig,
    recordPlacement:
      options.recordPlacement === undefined
        ? undefined
        : resolve(terminal.workingDirectory, options.recordPlacement),
    // Whoever starts a cluster on a machine of their own writes its autoscalers, too.
    metricServers: options.allowMetricsServer.length > 0 ? options.allowMetricsServer : ["*"],
    tracing: tracing(options),
    metricsPerInstance: options.metricsPerInstance ?? false,
    verbose: options.verbose ?? false,
    workingDirectory: terminal.workingDirectory,
    hostname: hostname(),
    schedulerProgram: programs.scheduler,
    nodeProgram: programs.node,
  };
}

/** Wrong flags are refused before anything is started. */
function tracing({ otlpEndpoint, otlpSampleRatio }: UpCommandOptions): TracingFlags {
  const flags = {
    ...(otlpEndpoint !== undefined && { "otlp-endpoint": otlpEndpoint }),
    ...(otlpSampleRatio !== undefined && { "otlp-sample-ratio": otlpSampleRatio }),
  };
  try {
    parseTracingFlags(flags);
    return flags;
  } catch (thrown) {
    throw new Failure(errorMessage(thrown));
  }
}

function requireFolders(hostPaths: readonly string[], { workingDirectory }: Terminal): void {
  for (const path of hostPaths)
    if (!existsSync(resolve(workingDirectory, path)))
      throw new Failure(`--host-path ${path}: the path does not exist`);
}

function nodeCount(text: string): number {
  const nodes = parseCount(text, "--nodes", 1);
  if (nodes > nodesMax) throw new Failure(`--nodes "${text}" must be at most ${nodesMax}`);
  return nodes;
}

function placementConfigFile({ placementConfig }: UpCommandOptions, terminal: Terminal): string | undefined {
  if (placementConfig === undefined) return undefined;
  const path = resolve(terminal.workingDirectory, placementConfig);
  if (!existsSync(path)) throw new Failure(`--placement-config ${placementConfig}: the file does not exist`);
  return path;
}

function httpPort(text: string | undefined, nodes: number): HttpPort | undefined {
  if (text === undefined) return { port: httpPortDefault, strict: false };
  const port = certainPort(text, "--http-port", nodes);
  return port === undefined ? undefined : { port, strict: true };
}

function certainPort(text: string | undefined, flag: string, nodes: number): number | undefined {
  const port = text === undefined ? 0 : parseCount(text, flag);
  const most = 65_536 - nodes;
  if (port > most) throw new Failure(`${flag} "${text}" must be at most ${most}, one port for each node`);
  return port === 0 ? undefined : port;
}

/** Each of them would otherwise fail later, after others have started. */
function refuseSharedPorts(port: number, nodes: number, { http, httpsPort }: GatewayPorts): void {
  const ranges = [
    // 0: any two that are free.
    ...(port === 0 ? [] : [{ flag: "--port", first: port, last: port + 1 }]),
    ...(http?.strict ? [{ flag: "--http-port", first: http.port, last: http.port + nodes - 1 }] : []),
    ...(httpsPort === undefined
      ? []
      : [{ flag: "--https-port", first: httpsPort, last: httpsPort + nodes - 1 }]),
  ];
  for (const [at, { flag, first, last }] of ranges.entries()) {
    const other = ranges.slice(0, at).find((one) => one.first <= last && first <= one.last);
    if (other)
      throw new Failure(
        `${flag} "${first}" leaves no room for ${other.flag}, which takes ${other.first} to ${other.last}; choose another port`,
      );
  }
}

/** The working directory as the shell shows it: manifests may name it by its links, and placement compares what is written. */
function shownDirectory({ env, workingDirectory }: Terminal): readonly string[] {
  const shown = env["PWD"];
  if (shown === undefined || !isAbsolute(shown) || shown === workingDirectory || !existsSync(shown))
    return [];
  return realpathSync(shown) === realpathSync(workingDirectory) ? [shown] : [];
}

/** The first signal stops in order, another one at once. */
function stopOnSignals(terminal: Terminal): UpSignals {
  const stop = new AbortController();
  const kill = new AbortController();
  let firstMs = 0;
  const onSignal = () => {
    const now = terminal.clock.monotonic();
    if (!stop.signal.aborted) {
      firstMs = now;
      stop.abort();
      void terminal.err("\nstopping (Ctrl-C again to stop at once)\n");
    } else if (now - firstMs > localLimits.signalEchoMs) {
      kill.abort();
    }
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  return { stop: stop.signal, kill: kill.signal };
}

/** A node's gateway also takes calls of functions, at an address of their own. */
function urlText(url: string): string {
  return url.startsWith("grpcs:")
    ? `  functions   ${url}   (npx wherry invoke --help)`
    : `  HTTP        ${url}   (routes: npx wherry get wasmroutes)`;
}

function readyText(cluster: RunningCluster, terminal: Terminal): string {
  const { url, kubeconfig, nodes, readOnly } = cluster;
  const path = shorter(kubeconfig, terminal.workingDirectory);
  if (readOnly !== undefined) return readOnlyText(readOnly, url, path);
  const seconds = (terminal.clock.monotonic() / 1000).toFixed(1);
  return [
    `wherry is ready in ${seconds} s`,
    `  API         ${url}`,
    `  kubeconfig  ${path}   (kubectl --kubeconfig ${path} get wasmnodes)`,
    ...nodes.map((node) => `  node        ${nodeText(node)}`),
    ...nodes.flatMap(({ urls }) => urls.map(urlText)),
    "Try next:",
    "  npx wherry apply -f examples/hello",
    "  npx wherry get wasminstances",
    "  npx wherry logs -f wasmdeployment/hello",
    ...(nodes.some(({ urls }) => urls.length > 0)
      ? ["  npx wherry apply -f examples/http/hello.yaml   (answers HTTP)"]
      : []),
    `Ctrl-C stops everything; the declared objects stay in ${shorter(resolve(kubeconfig, ".."), terminal.workingDirectory)}.`,
    "",
  ].join("\n");
}

function readOnlyText(reason: string, url: string, kubeconfig: string): string {
  return [
    "wherry is READ-ONLY: what is declared can be read, nothing can be changed, and no node is started.",
    `  reason      ${reason}`,
    `  API         ${url}`,
    `  kubeconfig  ${kubeconfig}   (kubectl --kubeconfig ${kubeconfig} get wasmdeployments -A)`,
    "Ctrl-C stops it.",
    "",
  ].join("\n");
}

function nodeText({ name, capacity, runtimes }: NodeReady): string {
  const cores = capacity.cpuMillis / 1000;
  const gibibytes = capacity.memoryBytes / 2 ** 30;
  const memory = gibibytes >= 10 ? Math.round(gibibytes).toString() : gibibytes.toFixed(1);
  return `${name}: ${cores} ${cores === 1 ? "core" : "cores"}, ${memory} GiB, ${runtimes.join(", ")}`;
}

function shorter(path: string, from: string): string {
  const short = relative(from, path);
  return short === "" || short.startsWith("..") || isAbsolute(short) ? path : short;
}
