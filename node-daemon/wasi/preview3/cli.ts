/** `wasi:cli` of WASI 0.3. No stream of ours is a terminal. */
import { errno } from "../abi.ts";
import type { OfferedInterface } from "../component-interfaces.ts";
import { HostResource } from "../component-resources.ts";
import type { Result } from "../component-values.ts";
import type { StreamFailure } from "../host.ts";
import { drainInto, streamOf, type GuestStream } from "./streams.ts";

class TerminalInput extends HostResource {}
class TerminalOutput extends HostResource {}

type ErrorCode = "io" | "illegal-byte-sequence" | "pipe";

function failureCode(failure: StreamFailure): ErrorCode {
  if (failure.errno === errno.pipe) return "pipe";
  return failure.errno === errno.ilseq ? "illegal-byte-sequence" : "io";
}

export const cliInterfaces: readonly OfferedInterface[] = [
  {
    name: "wasi:cli/environment@0.3",
    functions: ["get-environment", "get-arguments", "get-initial-cwd"],
    suspending: [],
    make: (host) => ({
      getEnvironment: () => host.env,
      getArguments: () => host.args,
      getInitialCwd: () => undefined,
    }),
  },
  {
    name: "wasi:cli/exit@0.3",
    functions: ["exit", "exit-with-code"],
    suspending: [],
    make: (host) => ({
      exit: (status: Result<undefined, undefined>) => host.exit(status.tag === "ok" ? 0 : 1),
      exitWithCode: (code: number) => host.exit(code),
    }),
  },
  {
    name: "wasi:cli/types@0.3",
    functions: [],
    suspending: [],
    make: () => ({}),
  },
  {
    name: "wasi:cli/stdin@0.3",
    functions: ["read-via-stream"],
    suspending: [],
    make: (host) => ({ readViaStream: () => streamOf(host, host.stdin, { failureCode }) }),
  },
  {
    name: "wasi:cli/stdout@0.3",
    functions: ["write-via-stream"],
    suspending: [],
    make: (host) => ({
      writeViaStream: (data: GuestStream) => drainInto(host, data, host.stdout, { failureCode }),
    }),
  },
  {
    name: "wasi:cli/stderr@0.3",
    functions: ["write-via-stream"],
    suspending: [],
    make: (host) => ({
      writeViaStream: (data: GuestStream) => drainInto(host, data, host.stderr, { failureCode }),
    }),
  },
  {
    name: "wasi:cli/terminal-input@0.3",
    functions: [],
    suspending: [],
    make: () => ({ TerminalInput }),
  },
  {
    name: "wasi:cli/terminal-output@0.3",
    functions: [],
    suspending: [],
    make: () => ({ TerminalOutput }),
  },
  {
    name: "wasi:cli/terminal-stdin@0.3",
    functions: ["get-terminal-stdin"],
    suspending: [],
    make: () => ({ getTerminalStdin: () => undefined }),
  },
  {
    name: "wasi:cli/terminal-stdout@0.3",
    functions: ["get-terminal-stdout"],
    suspending: [],
    make: () => ({ getTerminalStdout: () => undefined }),
  },
  {
    name: "wasi:cli/terminal-stderr@0.3",
    functions: ["get-terminal-stderr"],
    suspending: [],
    make: () => ({ getTerminalStderr: () => undefined }),
  },
];
