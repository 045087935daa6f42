/** Test support: small components that are commands of WASI 0.2, written as text. */
import { readFile } from "node:fs/promises";
import { componentNew, parse } from "@bytecodealliance/jco-transpile/wasm-tools";

export interface CommandParts {
  /** Of the core module: functions, globals and so on, in the text format. It must export `run`, which answers an i32. */
  readonly main: string;
  /** What the guest allocates with for what it is given: `(func (export "realloc") (param i32 i32 i32 i32) (result i32) …)`. */
  readonly realloc?: string;
  readonly pages?: number;
  /** Anything more, at the level of the component, before the main module is instantiated. */
  readonly more?: string;
  /** More arguments for that, `(with "more" (instance …))`, and what the module imports by them. */
  readonly moreArguments?: string;
  readonly moreImports?: string;
  /** Instead of the export of `run`. */
  readonly exports?: string;
  readonly postReturn?: boolean;
}

/** Allocates by moving on, from the second page. */
const bump = `(global $free (mut i32) (i32.const 65536))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
      (global.set $free (i32.add (local.get $at) (local.get 3)))
      (local.get $at))`;

const interfaces = `(import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $errorType))
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollableType))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type $stream (sub resource)))
    (alias outer 1 $errorType (type $outerError))
    (export "error" (type $streamsError (eq $outerError)))
    (type $streamErrorCases (variant (case "last-operation-failed" (own $streamsError)) (case "closed")))
    (export "stream-error" (type $streamError (eq $streamErrorCases)))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $stream)) (param "contents" (list u8)) (result (result (error $streamError)))))))
  (alias export $streams "output-stream" (type $streamType))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollableType (type $outerPollable))
    (export "pollable" (type $clockPollable (eq $outerPollable)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $clockPollable))))))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $streamType (type $outerStream))
    (export "output-stream" (type $stdoutStream (eq $outerStream)))
    (export "get-stdout" (func (result (own $stdoutStream))))))
  (import "wasi:cli/exit@0.2.0" (instance $exit (export "exit" (func (param "status" (result))))))
  (import "wasi:cli/environment@0.2.0" (instance $environment
    (export "get-arguments" (func (result (list string))))))`;

const lowered = `(core func $block (canon lower (func $poll "[method]pollable.block")))
  (core func $dropPollable (canon resource.drop $pollableType))
  (core func $dropStream (canon resource.drop $streamType))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core func $getStdout (canon lower (func $stdout "get-stdout")))
  (core func $writeStream (canon lower (func $streams "[method]output-stream.blocking-write-and-flush")
    (memory $mem) (realloc (core func $realloc))))
  (core func $exitWith (canon lower (func $exit "exit")))
  (core func $getArguments (canon lower (func $environment "get-arguments")
    (memory $mem) (realloc (core func $realloc))))`;

const hostImports = `(import "host" "memory" (memory 1))
    (import "host" "block" (func $block (param i32)))
    (import "host" "drop-pollable" (func $dropPollable (param i32)))
    (import "host" "drop-stream" (func $dropStream (param i32)))
    (import "host" "subscribe" (func $subscribe (param i64) (result i32)))
    (import "host" "stdout" (func $stdout (result i32)))
    (import "host" "write" (func $writeStream (param i32 i32 i32 i32)))
    (import "host" "exit" (func $exit (param i32)))
    (import "host" "arguments" (func $getArguments (param i32)))`;

const calls = `(func $sleep (param $ms i64)
      (local $pollable i32)
      (local.set $pollable (call $subscribe (i64.mul (local.get $ms) (i64.const 1000000))))
      (call $block (local.get $pollable))
      (call $dropPollable (local.get $pollable)))
    (func $yield (call $sleep (i64.const 0)))
    (func $write (param $at i32) (param $bytes i32)
      (local $stream i32)
      (local.set $stream (call $stdout))
      (call $writeStream (local.get $stream) (local.get $at) (local.get $bytes) (i32.const 1024))
      (call $dropStream (local.get $stream)))
    (func $arguments (call $getArguments (i32.const 1040)))`;

const hostArguments = `(with "host" (instance
      (export "memory" (memory $mem))
      (export "block" (func $block))
      (export "drop-pollable" (func $dropPollable))
      (export "drop-stream" (func $dropStream))
      (export "subscribe" (func $subscribe))
      (export "stdout" (func $getStdout))
      (export "write" (func $writeStream))
      (export "exit" (func $exitWith))
      (export "arguments" (func $getArguments))))`;

/**
 * The functions that `main` can call: `$sleep` (ms), `$write` (address, bytes), `$exit` (0 or 1), `$arguments` (which
 * allocates), `$yield` (a pollable that is ready at once).
 */
export function commandText(parts: CommandParts): string {
  return `(component
  ${interfaces}

  (core module $memoryModule
    (memory (export "memory") ${parts.pages ?? 2})
    ${parts.realloc ?? bump})
  (core instance $memory (instantiate $memoryModule))
  (alias core export $memory "memory" (core memory $mem))
  (alias core export $memory "realloc" (core func $realloc))

  ${lowered}
  ${parts.more ?? ""}

  (core module $mainModule
    ${hostImports}
    ${parts.moreImports ?? ""}
    ${calls}
    ${parts.main})
  (core instance $main (instantiate $mainModule
    ${hostArguments}
    ${parts.moreArguments ?? ""}))
  ${parts.exports ?? runExport(parts.postReturn === true)})`;
}

function runExport(postReturn: boolean): string {
  const option = postReturn ? `(post-return (core func $main "post"))` : "";
  return `(func $run (result (result)) (canon lift (core func $main "run") ${option}))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command))`;
}

export function command(parts: CommandParts): Promise<Uint8Array> {
  return componentOf(commandText(parts));
}

/** Of the text format. */
export async function componentOf(text: string): Promise<Uint8Array> {
  return asBytes(await parse(text));
}

const adapterFile = new URL(
  "../lib/wasi_snapshot_preview1.command.wasm",
  import.meta.resolve("@bytecodealliance/jco"),
);

/** A module that is a preview 1 command, as a component. */
export async function adapted(module: Uint8Array): Promise<Uint8Array> {
  return asBytes(await componentNew(module, [["wasi_snapshot_preview1", await readFile(adapterFile)]]));
}

function asBytes(bytes: ArrayBufferView): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const forever = "(loop $again (br $again))";

/** Guests by what they do. */
export const components = {
  exits: (code: 0 | 1) => command({ main: `(func (export "run") (result i32) (i32.const ${code}))` }),
  callsExit: (code: 0 | 1) =>
    command({
      main: `(func (export "run") (result i32) (call $exit (i32.const ${code})) (loop $again (br $again)) (i32.const 0))`,
    }),
  hello: (text: string) =>
    command({
      main: `(data (i32.const 0) "${text.replaceAll("\n", "\\n")}")
        (func (export "run") (result i32) (call $write (i32.const 0) (i32.const ${text.length})) (i32.const 0))`,
    }),
  sleeps: (ms: number) =>
    command({ main: `(func (export "run") (result i32) (call $sleep (i64.const ${ms})) (i32.const 0))` }),
  traps: () =>
    command({
      main: `(func $innermost unreachable) (func $inner (call $innermost))
        (func (export "run") (result i32) (call $inner) (i32.const 0))`,
    }),
  recurses: () =>
    command({ main: `(func $deeper (export "run") (result i32) (i32.add (call $deeper) (i32.const 1)))` }),
  spins: () => command({ main: `(func (export "run") (result i32) ${forever} (i32.const 0))` }),
  spinsInStartSection: () =>
    command({
      main: `(func $start ${forever}) (start $start) (func (export "run") (result i32) (i32.const 0))`,
    }),
  spinsInRealloc: () =>
    command({
      main: `(func (export "run") (result i32) (call $arguments) (i32.const 0))`,
      realloc: `(func (export "realloc") (param i32 i32 i32 i32) (result i32) ${forever} (i32.const 0))`,
    }),
  spinsInPostReturn: () =>
    command({
      main: `(func (export "run") (result i32) (i32.const 0)) (func (export "post") (param i32) ${forever})`,
      postReturn: true,
    }),
  spinsInDestructor: () => command(withResource(`(func (export "destroy") (param i32) ${forever})`)),
  trapsInDestructor: () => command(withResource(`(func (export "destroy") (param i32) unreachable)`)),
  catchesAll: (inside: string) =>
    command({
      main: `(func (export "run") (result i32)
        (loop $again (block $caught (try_table (catch_all $caught) ${inside})) (br $again)) (i32.const 0))`,
    }),
  catchesAllInRealloc: () =>
    command({
      main: `(func (export "run") (result i32)
        (loop $again (block $caught (try_table (catch_all $caught) (call $arguments))) (br $again)) (i32.const 0))`,
      realloc: `(func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (loop $again (block $caught (try_table (catch_all $caught) (loop $ever (br $ever)))) (br $again)) (i32.const 0))`,
    }),
  yields: () =>
    command({
      main: `(func (export "run") (result i32) (loop $again (call $yield) (br $again)) (i32.const 0))`,
    }),
  floods: () =>
    command({
      main: `(data (i32.const 0) "flood\\n")
        (func (export "run") (result i32)
          (loop $again (call $write (i32.const 0) (i32.const 6)) (br $again)) (i32.const 0))`,
    }),
  grows: (pages: number) =>
    command({
      main: `(func (export "run") (result i32)
        (i32.eq (memory.grow (i32.const ${pages})) (i32.const -1)))`,
    }),
  needsPages: (pages: number) => command({ main: `(func (export "run") (result i32) (i32.const 0))`, pages }),
  /** Two memories of core modules that do not know of each other. */
  growsTwo: (pages: number) =>
    command({
      more: `(core module $otherModule (memory (export "memory") 1)
          (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
        (core instance $other (instantiate $otherModule))`,
      moreArguments: `(with "other" (instance (export "grow" (func $other "grow"))))`,
      moreImports: `(import "other" "grow" (func $growOther (param i32) (result i32)))`,
      main: `(func (export "run") (result i32)
          (drop (memory.grow (i32.const ${pages}))) (drop (call $growOther (i32.const ${pages}))) (call $yield)
          ${forever} (i32.const 0))`,
    }),
} as const;

/** A resource of its own that is dropped. */
function withResource(destructor: string): CommandParts {
  return {
    more: `(core module $resourceModule ${destructor})
      (core instance $resourceInstance (instantiate $resourceModule))
      (type $thing (resource (rep i32) (dtor (core func $resourceInstance "destroy"))))
      (core func $newThing (canon resource.new $thing))
      (core func $dropThing (canon resource.drop $thing))`,
    moreArguments: `(with "thing" (instance (export "new" (func $newThing)) (export "drop" (func $dropThing))))`,
    moreImports: `(import "thing" "new" (func $newThing (param i32) (result i32)))
      (import "thing" "drop" (func $dropThing (param i32)))`,
    main: `(func (export "run") (result i32) (call $dropThing (call $newThing (i32.const 7))) (i32.const 0))`,
  };
}
