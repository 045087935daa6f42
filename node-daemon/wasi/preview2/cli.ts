/** `wasi:cli` of WASI 0.2. No stream of ours is a terminal. */
import type { OfferedInterface } from "../component-interfaces.ts";
import { HostResource } from "../component-resources.ts";
import type { Result } from "../component-values.ts";
import { InputStream, OutputStream } from "./io.ts";

class TerminalInput extends HostResource {}
class TerminalOutput extends HostResource {}

export const cliInterfaces: readonly OfferedInterface[] = [
  {
    name: "wasi:cli/environment@0.2",
    functions: ["get-environment", "get-arguments", "initial-cwd"],
    suspending: [],
    make: (host) => ({
      getEnvironment: () => host.env,
      getArguments: () => host.args,
      initialCwd: () => undefined,
    }),
  },
  {
    name: "wasi:cli/exit@0.2",
    functions: ["exit", "exit-with-code"],
    suspending: [],
    make: (host) => ({
      exit: (status: Result<undefined, undefined>) => host.exit(status.tag === "ok" ? 0 : 1),
      exitWithCode: (code: number) => host.exit(code),
    }),
  },
  {
    name: "wasi:cli/stdin@0.2",
    functions: ["get-stdin"],
    suspending: [],
    make: (host) => ({ getStdin: () => new InputStream(host, host.stdin) }),
  },
  {
    name: "wasi:cli/stdout@0.2",
    functions: ["get-stdout"],
    suspending: [],
    make: (host) => ({ getStdout: () => new OutputStream(host, host.stdout) }),
  },
  {
    name: "wasi:cli/stderr@0.2",
    functions: ["get-stderr"],
    suspending: [],
    make: (host) => ({ getStderr: () => new OutputStream(host, host.stderr) }),
  },
  {
    name: "wasi:cli/terminal-input@0.2",
    functions: [],
    suspending: [],
    make: () => ({ TerminalInput }),
  },
  {
    name: "wasi:cli/terminal-output@0.2",
    functions: [],
    suspending: [],
    make: () => ({ TerminalOutput }),
  },
  {
    name: "wasi:cli/terminal-stdin@0.2",
    functions: ["get-terminal-stdin"],
    suspending: [],
    make: () => ({ getTerminalStdin: () => undefined }),
  },
  {
    name: "wasi:cli/terminal-stdout@0.2",
    functions: ["get-terminal-stdout"],
    suspending: [],
    make: () => ({ getTerminalStdout: () => undefined }),
  },
  {
    name: "wasi:cli/terminal-stderr@0.2",
    functions: ["get-terminal-stderr"],
    suspending: [],
    make: () => ({ getTerminalStderr: () => undefined }),
  },
];
