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

/** Two components, the first of which calls the other: `body` is of the other's function, which answers an i32. */
function composed(body: string): Promise<Uint8Array> {
  return componentOf(`(component
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $outer))
    (export "pollable" (type $clockPollable (eq $outer)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $clockPollable))))))
  (import "wasi:cli/exit@0.2.0" (instance $exit (export "exit" (func (param "status" (result))))))
  (component $other
    (import "pollable" (type $pollable (sub resource)))
    (import "block" (func $block (param "self" (borrow $pollable))))
    (import "subscribe" (func $subscribe (param "when" u64) (result (own $pollable))))
    (import "exit" (func $exit (param "status" (result))))
    (core func $block (canon lower (func $block)))
    (core func $subscribe (canon lower (func $subscribe)))
    (core func $exit (canon lower (func $exit)))
    (core module $module
      (import "" "block" (func $block (param i32)))
      (import "" "subscribe" (func $subscribe (param i64) (result i32)))
      (import "" "exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "answer") (param i32) (result i32) ${body}))
    (core instance $instance (instantiate $module (with "" (instance
      (export "block" (func $block)) (export "subscribe" (func $subscribe)) (export "exit" (func $exit))))))
    (func (export "answer") (param "question" u32) (result u32) (canon lift (core func $instance "answer"))))
  (instance $other (instantiate $other
    (with "pollable" (type $pollable))
    (with "block" (func $poll "[method]pollable.block"))
    (with "subscribe" (func $clock "subscribe-duration"))
    (with "exit" (func $exit "exit"))))
  (component $caller
    (import "answer" (func $answer (param "question" u32) (result u32)))
    (core func $answer (canon lower (func $answer)))
    (core module $module
      (import "" "answer" (func $answer (param i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "run") (result i32) (i32.ne (call $answer (i32.const 20)) (i32.const 42))))
    (core instance $instance (instantiate $module (with "" (instance (export "answer" (func $answer))))))
    (func (export "run") (result (result)) (canon lift (core func $instance "run"))))
  (instance $caller (instantiate $caller (with "answer" (func $other "answer"))))
  (instance $command (export "run" (func $caller "run")))
  (export "wasi:cli/run@0.2.0" (instance $command)))`);
}

/** The first makes `count` resources of the other's, asks each what it is, by a borrowed handle, and drops it. */
function composedResources(count: number): Promise<Uint8Array> {
  return componentOf(`(component
  (component $other
    (type $thing' (resource (rep i32)))
    (export $thing "thing" (type $thing'))
    (core func $new (canon resource.new $thing'))
    (core module $module
      (import "" "new" (func $new (param i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "make") (param i32) (result i32) (call $new (i32.mul (local.get 0) (i32.const 8))))
      (func (export "value") (param i32) (result i32) (i32.div_u (local.get 0) (i32.const 8))))
    (core instance $instance (instantiate $module (with "" (instance (export "new" (func $new))))))
    (func (export "make") (param "value" u32) (result (own $thing)) (canon lift (core func $instance "make")))
    (func (export "value") (param "thing" (borrow $thing)) (result u32)
      (canon lift (core func $instance "value"))))
  (instance $other (instantiate $other))
  (alias export $other "thing" (type $thing))
  (component $caller
    (import "thing" (type $thing (sub resource)))
    (import "make" (func $make (param "value" u32) (result (own $thing))))
    (import "value" (func $value (param "thing" (borrow $thing)) (result u32)))
    (core func $make (canon lower (func $make)))
    (core func $value (canon lower (func $value)))
    (core func $drop (canon resource.drop $thing))
    (core module $module
      (import "" "make" (func $make (param i32) (result i32)))
      (import "" "value" (func $value (param i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (func (export "run") (result i32)
        (local $i i32) (local $thing i32) (local $wrong i32)
        (local.set $i (i32.const ${count}))
        (loop $more
          (local.set $thing (call $make (local.get $i)))
          (if (i32.ne (call $value (local.get $thing)) (local.get $i)) (then (local.set $wrong (i32.const 1))))
          (call $drop (local.get $thing))
          (br_if $more (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
        (local.get $wrong)))
    (core instance $instance (instantiate $module (with "" (instance
      (export "make" (func $make)) (export "value" (func $value)) (export "drop" (func $drop))))))
    (func (export "run") (result (result)) (canon lift (core func $instance "run"))))
  (instance $caller (instantiate $caller
    (with "thing" (type $thing)) (with "make" (func $other "make")) (with "value" (func $other "value"))))
  (instance $command (export "run" (func $caller "run")))
  (export "wasi:cli/run@0.2.0" (instance $command)))`);
}

export const composedComponents = {
  resources: () => composedResources(40_000),
  calls: () => composed("(i32.add (local.get 0) (i32.const 22))"),
  exits: () => composed("(call $exit (i32.const 1)) (i32.const 0)"),
  traps: () => composed("unreachable"),
  sleeps: () => composed("(call $block (call $subscribe (i64.const 3600000000000))) (i32.const 0)"),
  spins: () => composed(`${forever} (i32.const 0)`),
} as const;
