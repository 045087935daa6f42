/** Components on real shims, and what they see of the interfaces of WASI 0.2 and 0.3. */
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Recorder, TestNode } from "../../node-daemon/runtimes/v8/test-driver.ts";
import type { RunEnd, RunSpec, RuntimeDriver } from "../../node-daemon/runtimes/runtime-driver.ts";
import { compileC } from "../../tools/compile-c.ts";
import { componentOf } from "../../tools/make-component.ts";

const mebibyte = 2 ** 20;

interface Ran {
  readonly end: RunEnd;
  readonly log: string;
}

const node = new TestNode();
let driver: RuntimeDriver;
let told: Recorder;
let runs = 0;

beforeAll(async () => {
  ({ driver, told } = await node.open());
});

afterAll(() => node[Symbol.asyncDispose]());

async function start(component: Uint8Array, more: Partial<RunSpec> = {}): Promise<string> {
  const uid = `guest-${runs++}`;
  const module = await node.prepared(driver, component);
  driver.start(node.spec(uid, module, { memoryBytesMax: 32 * mebibyte, ...more }));
  return uid;
}

async function run(component: Uint8Array, more: Partial<RunSpec> = {}): Promise<Ran> {
  const uid = await start(component, more);
  return { end: await told.endOf(uid), log: node.log(uid) };
}

/** A command of WASI 0.2 that may use what it needs of pollables, streams and random bytes. */
function command(body: string): Promise<Uint8Array> {
  return parse(`(component
    (import "wasi:io/poll@0.2.0" (instance $poll
      (export "pollable" (type $pollable (sub resource)))
      (export "[method]pollable.block" (func (param "self" (borrow $pollable))))
      (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
    (alias export $poll "pollable" (type $pollable))
    (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
      (alias outer 1 $pollable (type $outer))
      (export "pollable" (type $p (eq $outer)))
      (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))
    (import "wasi:io/error@0.2.0" (instance $error (export "error" (type $e (sub resource)))))
    (alias export $error "error" (type $io-error))
    (import "wasi:io/streams@0.2.0" (instance $streams
      (export "output-stream" (type $output (sub resource)))
      (alias outer 1 $io-error (type $outer))
      (export "error" (type $error (eq $outer)))
      (type $failure' (variant (case "last-operation-failed" (own $error)) (case "closed")))
      (export "stream-error" (type $failure (eq $failure')))
      (export "[method]output-stream.write"
        (func (param "self" (borrow $output)) (param "contents" (list u8)) (result (result (error $failure)))))))
    (alias export $streams "output-stream" (type $output))
    (import "wasi:cli/stdout@0.2.0" (instance $stdout
      (alias outer 1 $output (type $outer))
      (export "output-stream" (type $o (eq $outer)))
      (export "get-stdout" (func (result (own $o))))))
    (import "wasi:random/random@0.2.0" (instance $random
      (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
    (core module $libc
      (memory (export "memory") 8)
      (global $top (mut i32) (i32.const 1024))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (global.get $top)
        (global.set $top (i32.add (global.get $top) (local.get 3)))))
    (core instance $libc (instantiate $libc))
    (alias core export $libc "memory" (core memory $memory))
    (alias core export $libc "realloc" (core func $realloc))
    (core func $subscribe (canon lower (func $clock "subscribe-duration")))
    (core func $block (canon lower (func $poll "[method]pollable.block")))
    (core func $poll-list (canon lower (func $poll "poll") (memory $memory) (realloc $realloc)))
    (core func $get-stdout (canon lower (func $stdout "get-stdout")))
    (core func $write (canon lower (func $streams "[method]output-stream.write") (memory $memory)))
    (core func $random-bytes (canon lower (func $random "get-random-bytes") (memory $memory) (realloc $realloc)))
    (core module $main
      (import "" "memory" (memory 8))
      (import "" "subscribe" (func $subscribe (param i64) (result i32)))
      (import "" "block" (func $block (param i32)))
      (import "" "poll" (func $poll (param i32 i32 i32)))
      (import "" "get-stdout" (func $get-stdout (result i32)))
      (import "" "write" (func $write (param i32 i32 i32 i32)))
      (import "" "random-bytes" (func $random-bytes (param i64 i32)))
      (func (export "run") (result i32) ${body}))
    (core instance $main (instantiate $main (with "" (instance
      (export "memory" (memory $memory))
      (export "subscribe" (func $subscribe))
      (export "block" (func $block))
      (export "poll" (func $poll-list))
      (export "get-stdout" (func $get-stdout))
      (export "write" (func $write))
      (export "random-bytes" (func $random-bytes))))))
    (func $run (result (result)) (canon lift (core func $main "run")))
    (instance $runner (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $runner)))`);
}

/** A command of WASI 0.3 that may make streams and give them to its standard output. */
function asyncCommand(body: string): Promise<Uint8Array> {
  return parse(`(component
    (import "wasi:cli/types@0.3.0" (instance $types
      (type $code (enum "io" "illegal-byte-sequence" "pipe"))
      (export "error-code" (type (eq $code)))))
    (alias export $types "error-code" (type $code))
    (import "wasi:cli/stdout@0.3.0" (instance $stdout
      (alias outer 1 $code (type $outer))
      (export "error-code" (type $code (eq $outer)))
      (type $stream (stream u8))
      (type $result (result (error $code)))
      (type $future (future $result))
      (export "write-via-stream" (func (param "data" $stream) (result $future)))))
    (type $stream (stream u8))
    (core module $libc (memory (export "memory") 1) (data (i32.const 16) "in flight\\n"))
    (core instance $libc (instantiate $libc))
    (core func $write-via-stream (canon lower (func $stdout "write-via-stream")))
    (core func $new (canon stream.new $stream))
    (core func $write (canon stream.write $stream async (memory (core memory $libc "memory"))))
    (type $result (result))
    (core func $return (canon task.return (result $result)))
    (core module $main
      (import "" "write-via-stream" (func $write-via-stream (param i32) (result i32)))
      (import "" "new" (func $new (result i64)))
      (import "" "write" (func $write (param i32 i32 i32) (result i32)))
      (import "" "return" (func $return (param i32)))
      (func (export "run") (result i32)
        (local $ends i64)
        ${body}
        (call $return (i32.const 0))
        (i32.const 0))
      (func (export "callback") (param i32 i32 i32) (result i32) (i32.const 0)))
    (core instance $main (instantiate $main (with "" (instance
      (export "write-via-stream" (func $write-via-stream))
      (export "new" (func $new))
      (export "write" (func $write))
      (export "return" (func $return))))))
    (func $run async (result $result)
      (canon lift (core func $main "run") async (callback (core func $main "callback"))))
    (instance $runner (export "run" (func $run)))
    (export "wasi:cli/run@0.3.0" (instance $runner)))`);
}

const hour = "(i64.const 3600000000000)";

describe("a component of WASI 0.2 that breaks a rule traps, with the reason", () => {
  test.each([
    [
      "pollables without end",
      `(loop $l (drop (call $subscribe ${hour})) (br $l)) unreachable`,
      "2048 are open",
    ],
    ["streams without end", "(loop $l (drop (call $get-stdout)) (br $l)) unreachable", "2048 are open"],
    [
      "a poll of nothing",
      "(call $poll (i32.const 0) (i32.const 0) (i32.const 8)) (i32.const 0)",
      "list is empty",
    ],
    [
      "a write that nobody allowed",
      "(call $write (call $get-stdout) (i32.const 0) (i32.const 10) (i32.const 100)) (i32.const 0)",
      "check-write allowed 0",
    ],
    [
      "more random bytes than a list may have",
      "(call $random-bytes (i64.const 1000000000000) (i32.const 8)) (i32.const 0)",
      "at most 4194304",
    ],
  ])("%s", async (_, body, reason) => {
    const { end } = await run(await command(body));
    expect(end).toMatchObject({ kind: "trapped", message: expect.stringContaining(reason) });
  });
});

describe("a component that waits", () => {
  test.each([
    ["for a pollable", `(call $block (call $subscribe ${hour})) (i32.const 0)`],
    [
      "in a poll of a thousand",
      `(local $i i32)
       (loop $l
         (i32.store (local.get $i) (call $subscribe ${hour}))
         (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 4000))))
       (call $poll (i32.const 0) (i32.const 1000) (i32.const 8))
       (i32.const 0)`,
    ],
  ])("%s is ended at once", async (_, body) => {
    const uid = await start(await command(body));
    await told.until(() => told.startedUids.includes(uid) || undefined);
    driver.stop(uid, 0);
    expect(await told.endOf(uid)).toMatchObject({ kind: "stopped" });
  });
});

describe("a component of WASI 0.3", () => {
  test("loses nothing that it had written when it returned", async () => {
    const { end, log } = await run(
      await asyncCommand(`
        (local.set $ends (call $new))
        (drop (call $write-via-stream (i32.wrap_i64 (local.get $ends))))
        (drop (call $write
          (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))) (i32.const 16) (i32.const 10)))`),
    );
    expect(end).toEqual({ kind: "exited", exitCode: 0 });
    expect(log).toContain("in flight");
  });

  test("has a bounded number of streams to its output", async () => {
    const { end } = await run(
      await asyncCommand("(loop $l (drop (call $write-via-stream (i32.wrap_i64 (call $new)))) (br $l))"),
    );
    expect(end).toMatchObject({ kind: "trapped", message: expect.stringContaining("open a handle") });
  });
});

describe("a program in C as a component", { timeout: 120_000 }, () => {
  test("has arguments, environment, clocks, random bytes, output and input", async () => {
    const source = String.raw`
      #include <poll.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <string.h>
      #include <time.h>
      #include <unistd.h>
      static long long now(clockid_t clock) {
        struct timespec t;
        clock_gettime(clock, &t);
        return t.tv_sec * 1000000000LL + t.tv_nsec;
      }
      int main(int count, char **arguments) {
        printf("%d %s %s\n", count, arguments[1], getenv("NAME"));
        long long began = now(CLOCK_MONOTONIC);
        struct timespec pause = {0, 5000000};
        nanosleep(&pause, 0);
        struct pollfd input = {0, POLLIN, 0};
        int polled = poll(&input, 1, 1000);
        char byte;
        printf("slept %d, polled %d, read %d\n", now(CLOCK_MONOTONIC) - began >= 5000000, polled, (int)read(0, &byte, 1));
        printf("since 2020 %d\n", now(CLOCK_REALTIME) > 1577836800000000000LL);
        unsigned char a[32], b[32];
        getentropy(a, 32);
        getentropy(b, 32);
        printf("random %d\n", memcmp(a, b, 32) != 0);
        fprintf(stderr, "to stderr\n");
        for (int i = 0; i < 20000; i++) puts("a line of thirty characters...");
        fflush(stdout);
        return 0;
      }`;
    const component = await componentOf(await compileC(source));
    const { end, log } = await run(component, {
      args: ["guest", "argument"],
      env: [["NAME", "value"]],
      logLimits: { fileBytesMax: 16 * mebibyte, bytesPerSecondMax: 1024 * mebibyte },
    });
    expect(end).toEqual({ kind: "exited", exitCode: 0 });
    for (const line of [
      "2 argument value",
      "slept 1, polled 1, read 0",
      "since 2020 1",
      "random 1",
      "to stderr",
    ]) {
      expect(log).toContain(line);
    }
    expect(log.match(/a line of thirty/g)).toHaveLength(20_000);
  });

  test.each([
    ["exit(0)", 0],
    // The adapter knows of success and failure only.
    ["exit(7)", 1],
    ["abort()", undefined],
  ])("ends with %s", async (statement, exitCode) => {
    const source = `#include <stdlib.h>\nint main(void) { ${statement}; }`;
    const { end } = await run(await componentOf(await compileC(source)));
    if (exitCode === undefined) expect(end.kind).toBe("trapped");
    else expect(end).toEqual({ kind: "exited", exitCode });
  });
});
