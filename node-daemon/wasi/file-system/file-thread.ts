/** A thread for the files of one mount that may block: does one job at a time, as `localFiles` does it. */
import { fdatasyncSync, fsyncSync } from "node:fs";
import { parentPort } from "node:worker_threads";

import { assertNever, Bug, errorMessage, WherryError } from "../../../kit/errors.ts";
import type { Errno } from "../abi.ts";
import { threadCpuMs } from "../../../kit/thread-cpu.ts";
import { errnoOfThrown } from "../errnos.ts";
import { openMount } from "./directory-capability.ts";
import { measureUsage } from "./disk-usage.ts";
import type { FileJob, FileJobAnswer, FileJobResult } from "./file-jobs.ts";
import { readListing } from "./listing.ts";
import { allocate } from "./local-descriptors.ts";
import { localFiles } from "./local-files.ts";
import { readNow, writeNow } from "./local-transfers.ts";
import { atOnce } from "./turns.ts";

function resultOf(job: FileJob): FileJobResult {
  try {
    return { kind: "answer", value: answerTo(job) };
  } catch (thrown) {
    if (thrown instanceof WherryError) return { kind: "failed", code: thrown.code, message: thrown.message };
    return { kind: "bug", message: errorMessage(thrown) };
  }
}

function answerTo(job: FileJob): unknown {
  switch (job.kind) {
    case "plain":
      // The union ties them together; the compiler does not see it any more once they are taken apart.
      return (localFiles[job.call] as (...args: readonly unknown[]) => unknown)(...job.args);
    case "list":
      return answering(() => atOnce(readListing(job.fd)));
    case "usage":
      return answering(() => atOnce(measureUsage(job.fd)));
    case "allocate":
      return answering(() => atOnce(allocate(job.fd, job.offset, job.length)));
    case "sync":
      return answering(() => syncNow(job.fd, job.dataOnly));
    case "read":
      return answering(() => read(job.fd, job.length, job.position));
    case "write":
      return -answering(() => -writeNow(job.fd, [job.bytes], job.position));
    case "mount":
      return openMount(job.realPath);
    default:
      return assertNever(job, "job");
  }
}

/** Not off the thread: the process has one pool for that, in which a hung call would be in everybody's way. */
function syncNow(fd: number, dataOnly: boolean): number {
  (dataOnly ? fdatasyncSync : fsyncSync)(fd);
  return 0;
}

/** What `call` answers, or why the kernel refused it. */
function answering<T>(call: () => T): T | Errno {
  try {
    return call();
  } catch (thrown) {
    const known = errnoOfThrown(thrown);
    if (known === undefined) throw thrown;
    return known;
  }
}

function read(fd: number, length: number, position: number): Uint8Array {
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, readNow(fd, [bytes], position));
}

const port = parentPort;
if (port === null) throw new Bug("the thread for files was started as a program");
port.on("message", (job: FileJob) => {
  const beganMs = threadCpuMs();
  const result = resultOf(job);
  const value = result.kind === "answer" ? result.value : undefined;
  const transfer = value instanceof Uint8Array && job.kind === "read" ? [value.buffer as ArrayBuffer] : [];
  const answer: FileJobAnswer = { result, cpuMs: threadCpuMs() - beganMs };
  port.postMessage(answer, transfer);
});
