/** Test support: small commands of WASI 0.3, written as text. They wait in every way there is. */
import { componentOf } from "./test-components.ts";

/**
 * `body` is of `run`, and answers a code for the callback: 0 to exit (after `$return`), 1 to yield, 2 + 16 * set to wait.
 * It can call `$wait-for` (ns; suspends), `$wait-for-async` (ns; answers a subtask and its state), `$set`, `$join`,
 * `$wait` (a set; suspends), `$poll`, `$drop-subtask`, `$drop-set`, `$new-stream`, `$read`, `$write`, `$cancel-read`,
 * `$drop-readable`, `$drop-writable`, `$yield` and `$return`. `callback` gets an event, its index and its payload.
 */
export function asyncCommand(parts: {
  readonly body: string;
  readonly callback?: string;
}): Promise<Uint8Array> {
  return componentOf(`(component
    (import "wasi:clocks/monotonic-clock@0.3.0" (instance $clock
      (type $duration' u64)
      (export "duration" (type $duration (eq $duration')))
      (export "wait-for" (func async (param "how-long" $duration)))))
    (type $stream (stream u8))
    (type $result (result))
    (core module $libc (memory (export "memory") 1))
    (core instance $libc (instantiate $libc))
    (core func $wait-for (canon lower (func $clock "wait-for")))
    (core func $wait-for-async (canon lower (func $clock "wait-for") async (memory (core memory $libc "memory"))))
    (core func $new-stream (canon stream.new $stream))
    (core func $read (canon stream.read $stream async (memory (core memory $libc "memory"))))
    (core func $write (canon stream.write $stream async (memory (core memory $libc "memory"))))
    (core func $cancel-read (canon stream.cancel-read $stream))
    (core func $drop-readable (canon stream.drop-readable $stream))
    (core func $drop-writable (canon stream.drop-writable $stream))
    (core func $set (canon waitable-set.new))
    (core func $wait (canon waitable-set.wait (memory (core memory $libc "memory"))))
    (core func $poll (canon waitable-set.poll (memory (core memory $libc "memory"))))
    (core func $drop-set (canon waitable-set.drop))
    (core func $join (canon waitable.join))
    (core func $drop-subtask (canon subtask.drop))
    (core func $yield (canon thread.yield))
    (core func $return (canon task.return (result $result)))
    (core module $main
      (import "" "memory" (memory 1))
      (import "" "wait-for" (func $wait-for (param i64)))
      (import "" "wait-for-async" (func $wait-for-async (param i64) (result i32)))
      (import "" "new-stream" (func $new-stream (result i64)))
      (import "" "read" (func $read (param i32 i32 i32) (result i32)))
      (import "" "write" (func $write (param i32 i32 i32) (result i32)))
      (import "" "cancel-read" (func $cancel-read (param i32) (result i32)))
      (import "" "drop-readable" (func $drop-readable (param i32)))
      (import "" "drop-writable" (func $drop-writable (param i32)))
      (import "" "set" (func $set (result i32)))
      (import "" "wait" (func $wait (param i32 i32) (result i32)))
      (import "" "poll" (func $poll (param i32 i32) (result i32)))
      (import "" "drop-set" (func $drop-set (param i32)))
      (import "" "join" (func $join (param i32 i32)))
      (import "" "drop-subtask" (func $drop-subtask (param i32)))
      (import "" "yield" (func $yield (result i32)))
      (import "" "return" (func $return (param i32)))
      (func (export "run") (result i32)
        (local $i i32) (local $handle i32) (local $set i32) (local $ends i64)
        ${parts.body})
      (func (export "callback") (param $event i32) (param $index i32) (param $payload i32) (result i32)
        ${parts.callback ?? "(call $return (i32.const 0)) (i32.const 0)"}))
    (core instance $main (instantiate $main (with "" (instance
      (export "memory" (memory $libc "memory"))
      (export "wait-for" (func $wait-for))
      (export "wait-for-async" (func $wait-for-async))
      (export "new-stream" (func $new-stream))
      (export "read" (func $read))
      (export "write" (func $write))
      (export "cancel-read" (func $cancel-read))
      (export "drop-readable" (func $drop-readable))
      (export "drop-writable" (func $drop-writable))
      (export "set" (func $set))
      (export "wait" (func $wait))
      (export "poll" (func $poll))
      (export "drop-set" (func $drop-set))
      (export "join" (func $join))
      (export "drop-subtask" (func $drop-subtask))
      (export "yield" (func $yield))
      (export "return" (func $return))))))
    (func $run async (result $result)
      (canon lift (core func $main "run") async (callback (core func $main "callback"))))
    (instance $command (export "run" (func $run)))
    (export "wasi:cli/run@0.3.0" (instance $command)))`);
}

const hour = "(i64.const 3600000000000)";
const done = "(call $return (i32.const 0)) (i32.const 0)";
const forever = (code: string) => `(loop $again ${code} (br $again)) (i32.const 0)`;
/** Leaves its handle in `$handle`. */
const subtask = (ns: string) =>
  `(local.set $handle (i32.shr_u (call $wait-for-async ${ns}) (i32.const 4)))
   (local.set $set (call $set))
   (call $join (local.get $handle) (local.get $set))`;
const waitCode = "(i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4)))";

/** Guests that end by themselves, with success. */
export const asyncEnds: Readonly<Record<string, () => Promise<Uint8Array>>> = {
  "at once": () => asyncCommand({ body: done }),
  "after a call that suspends": () => asyncCommand({ body: `(call $wait-for (i64.const 1000000)) ${done}` }),
  "after a wait for a set": () =>
    asyncCommand({
      body: `${subtask("(i64.const 20000000)")} (drop (call $wait (local.get $set) (i32.const 0))) ${done}`,
    }),
  "from its callback, after waiting": () =>
    asyncCommand({ body: `${subtask("(i64.const 20000000)")} ${waitCode}` }),
  "from its callback, after yielding": () => asyncCommand({ body: "(i32.const 1)" }),
  "after it has yielded": () => asyncCommand({ body: `(drop (call $yield)) ${done}` }),
  "with a call still under way": () => asyncCommand({ body: `${subtask(hour)} ${done}` }),
};

/** Guests that never end by themselves. */
export const asyncWaits: Readonly<Record<string, () => Promise<Uint8Array>>> = {
  "in a call that suspends": () => asyncCommand({ body: `(call $wait-for ${hour}) ${done}` }),
  "for a set": () =>
    asyncCommand({ body: `${subtask(hour)} (drop (call $wait (local.get $set) (i32.const 0))) ${done}` }),
  "for a set that is empty": () =>
    asyncCommand({ body: `(drop (call $wait (call $set) (i32.const 0))) ${done}` }),
  "with its callback": () => asyncCommand({ body: `${subtask(hour)} ${waitCode}` }),
  "for its own stream": () =>
    asyncCommand({
      body: `(local.set $ends (call $new-stream)) (local.set $set (call $set))
        (local.set $handle (i32.wrap_i64 (local.get $ends)))
        (drop (call $read (local.get $handle) (i32.const 0) (i32.const 10)))
        (call $join (local.get $handle) (local.get $set)) ${subtask(hour)} ${waitCode}`,
    }),
  "in a loop without end": () => asyncCommand({ body: forever("") }),
  "in a loop of calls that suspend": () => asyncCommand({ body: forever("(call $wait-for (i64.const 0))") }),
  "in a loop of calls that suspend, and of waits": () =>
    asyncCommand({
      body: forever(`${subtask("(i64.const 20000000)")} (drop (call $wait (local.get $set) (i32.const 0)))
        (call $drop-subtask (local.get $handle)) (call $drop-set (local.get $set))`),
    }),
  "in a loop of yields": () => asyncCommand({ body: forever("(drop (call $yield))") }),
  "in a loop of its callback": () => asyncCommand({ body: "(i32.const 1)", callback: "(i32.const 1)" }),
  "in a loop of its callback that never returns": () =>
    asyncCommand({ body: "(i32.const 1)", callback: forever("") }),
  "in a loop of streams, which it drops": () =>
    asyncCommand({
      body: forever(`(local.set $ends (call $new-stream))
        (call $drop-readable (i32.wrap_i64 (local.get $ends)))
        (call $drop-writable (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))`),
    }),
  "in a loop that catches everything": () =>
    asyncCommand({
      body: forever("(block $caught (try_table (catch_all $caught) (call $wait-for (i64.const 1000))))"),
    }),
};
