/** What a thread for files is asked to do: plain data, done by `localFiles` on the other side. */
import type { localFiles } from "./local-files.ts";

type LocalFiles = typeof localFiles;

/** Those whose arguments and answers cross as they are. */
export type PlainCall = Exclude<
  keyof LocalFiles,
  "mayBlock" | "allocate" | "sync" | "list" | "usage" | "read" | "write"
>;

export type FileJob =
  | {
      [Name in PlainCall]: {
        readonly kind: "plain";
        readonly call: Name;
        readonly args: Parameters<LocalFiles[Name]>;
      };
    }[PlainCall]
  | { readonly kind: "list" | "usage"; readonly fd: number }
  | { readonly kind: "sync"; readonly fd: number; readonly dataOnly: boolean }
  | { readonly kind: "allocate"; readonly fd: number; readonly offset: bigint; readonly length: bigint }
  /** Answers the bytes, or an errno. */
  | { readonly kind: "read"; readonly fd: number; readonly length: number; readonly position: number }
  | {
      readonly kind: "write";
      readonly fd: number;
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly position: number;
    }
  /** Answers `OpenedMount`. */
  | { readonly kind: "mount"; readonly realPath: string };

export interface OpenedMount {
  readonly fd: number;
  /** Of the directory: device and inode. */
  readonly key: string;
}

/** With what it took of the thread. */
export interface FileJobAnswer {
  readonly result: FileJobResult;
  readonly cpuMs: number;
}

export type FileJobResult =
  | { readonly kind: "answer"; readonly value: unknown }
  /** An operating failure, with its code. */
  | { readonly kind: "failed"; readonly code: string; readonly message: string }
  /** Ours. */
  | { readonly kind: "bug"; readonly message: string };
