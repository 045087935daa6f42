/** Stand-ins until the interfaces are there. */
import type { OfferedInterface } from "../wasi/component-interfaces.ts";
import type { ComponentHost } from "../wasi/host.ts";

class Pollable {
  readonly host: ComponentHost;
  readonly at: number;
  constructor(host: ComponentHost, at: number) {
    this.host = host;
    this.at = at;
  }
  ready(): boolean {
    return performance.now() >= this.at;
  }
  block(): Promise<void> {
    return this.host.wait(
      (wake) => this.host.setTimer(Math.max(0, this.at - performance.now()), () => wake(undefined)),
      undefined,
    );
  }
}
class IoError {
  toDebugString(): string {
    return "";
  }
}
class InputStream {
  read(): Uint8Array {
    return new Uint8Array(0);
  }
  blockingRead(): never {
    throw { tag: "closed" };
  }
}
class OutputStream {
  readonly host: ComponentHost;
  readonly sink: ComponentHost["stdout"];
  constructor(host: ComponentHost, sink: ComponentHost["stdout"]) {
    this.host = host;
    this.sink = sink;
  }
  checkWrite(): bigint {
    return 4096n;
  }
  write(bytes: Uint8Array): void {
    this.sink.write(bytes);
  }
  blockingWriteAndFlush(bytes: Uint8Array): void {
    this.sink.write(bytes);
  }
  blockingFlush(): void {}
  subscribe(): Pollable {
    return new Pollable(this.host, 0);
  }
}
class Terminal {}
class Descriptor {}

const one = (
  name: string,
  functions: string[],
  make: (host: ComponentHost) => Record<string, unknown>,
  suspending: string[] = [],
): OfferedInterface => ({ name, functions, suspending, make });

export const minimalInterfaces: readonly OfferedInterface[] = [
  one("wasi:cli/environment@0.2", ["get-arguments", "get-environment"], (host) => ({
    getArguments: () => host.args,
    getEnvironment: () => host.env,
  })),
  one("wasi:cli/exit@0.2", ["exit"], (host) => ({
    exit: (status: { readonly tag: string }) => host.exit(status.tag === "ok" ? 0 : 1),
  })),
  one("wasi:cli/stdin@0.2", ["get-stdin"], () => ({ getStdin: () => new InputStream() })),
  one("wasi:cli/stdout@0.2", ["get-stdout"], (host) => ({
    getStdout: () => new OutputStream(host, host.stdout),
  })),
  one("wasi:cli/stderr@0.2", ["get-stderr"], (host) => ({
    getStderr: () => new OutputStream(host, host.stderr),
  })),
  one("wasi:cli/terminal-input@0.2", [], () => ({ TerminalInput: Terminal })),
  one("wasi:cli/terminal-output@0.2", [], () => ({ TerminalOutput: Terminal })),
  one("wasi:cli/terminal-stdin@0.2", ["get-terminal-stdin"], () => ({ getTerminalStdin: () => undefined })),
  one("wasi:cli/terminal-stdout@0.2", ["get-terminal-stdout"], () => ({
    getTerminalStdout: () => undefined,
  })),
  one("wasi:cli/terminal-stderr@0.2", ["get-terminal-stderr"], () => ({
    getTerminalStderr: () => undefined,
  })),
  one(
    "wasi:clocks/monotonic-clock@0.2",
    ["now", "resolution", "subscribe-duration", "subscribe-instant"],
    (host) => ({
      now: () => host.clock.monotonicNs(),
      resolution: () => 1000n,
      subscribeDuration: (ns: bigint) => new Pollable(host, performance.now() + Number(ns) / 1e6),
      subscribeInstant: (ns: bigint) =>
        new Pollable(host, performance.now() + Number(ns - host.clock.monotonicNs()) / 1e6),
    }),
  ),
  one("wasi:clocks/wall-clock@0.2", ["now", "resolution"], () => ({
    now: () => ({ seconds: BigInt(Math.floor(Date.now() / 1000)), nanoseconds: 0 }),
    resolution: () => ({ seconds: 0n, nanoseconds: 1000 }),
  })),
  one("wasi:filesystem/preopens@0.2", ["get-directories"], () => ({ getDirectories: () => [] })),
  one(
    "wasi:filesystem/types@0.2",
    [
      "[method]descriptor.append-via-stream",
      "[method]descriptor.get-flags",
      "[method]descriptor.get-type",
      "[method]descriptor.read-via-stream",
      "[method]descriptor.stat",
      "[method]descriptor.write-via-stream",
      "filesystem-error-code",
    ],
    () => ({ Descriptor, filesystemErrorCode: () => undefined }),
  ),
  one("wasi:io/error@0.2", ["[method]error.to-debug-string"], () => ({ Error: IoError })),
  one(
    "wasi:io/poll@0.2",
    ["[method]pollable.block", "[method]pollable.ready", "poll"],
    (host) => ({
      Pollable,
      poll: async (list: readonly Pollable[]) => {
        const at = Math.min(...list.map((pollable) => pollable.at));
        await new Pollable(host, at).block();
        return Uint32Array.from([list.findIndex((pollable) => pollable.at === at)]);
      },
    }),
    ["[method]pollable.block", "poll"],
  ),
  one(
    "wasi:io/streams@0.2",
    [
      "[method]input-stream.read",
      "[method]input-stream.blocking-read",
      "[method]input-stream.subscribe",
      "[method]output-stream.blocking-flush",
      "[method]output-stream.blocking-write-and-flush",
      "[method]output-stream.check-write",
      "[method]output-stream.subscribe",
      "[method]output-stream.write",
    ],
    () => ({ InputStream, OutputStream }),
    ["[method]output-stream.blocking-flush", "[method]output-stream.blocking-write-and-flush"],
  ),
];
