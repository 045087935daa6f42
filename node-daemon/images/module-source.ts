/**
 * Opens what an image URL names, as a stream with a validator by which an unchanged module is known again. What cannot
 * be opened is a `SourceFailure` with the status reason; nothing else is thrown on purpose.
 */
import { constants } from "node:fs";
import { open, readlink } from "node:fs/promises";
import { Readable } from "node:stream";
import { errorCode, errorMessage } from "../../kit/errors.ts";
import type { AllowedRoots } from "../volumes/allowed-roots.ts";
import { imageLimits } from "./limits.ts";

export class SourceFailure extends Error {
  override readonly name = "SourceFailure";
  readonly reason: string;
  readonly retryable: boolean;

  constructor(reason: string, message: string, options: { readonly retryable: boolean }) {
    super(message);
    this.reason = reason;
    this.retryable = options.retryable;
  }
}

export type OpenedSource =
  | { readonly kind: "content"; readonly stream: Readable; readonly validator: string | undefined }
  /** What was fetched with this validator is still what the source has. */
  | { readonly kind: "unchanged" };

export interface SourceRequest {
  readonly image: string;
  /** Whose instance is to run it. */
  readonly namespace: string;
  /** From the last time; undefined asks for the content whatever it is. */
  readonly validator: string | undefined;
  /** With a digest the transport need not be trusted. */
  readonly verified: boolean;
  readonly signal: AbortSignal;
}

export async function openSource(request: SourceRequest, roots: AllowedRoots): Promise<OpenedSource> {
  if (request.image.startsWith("file://")) return await openFile(request, roots);
  const url = URL.parse(request.image);
  switch (url?.protocol) {
    case "http:":
    case "https:":
      return await openHttp(url, request);
    default:
      throw new SourceFailure(
        "ModuleNotFound",
        `spec.module.image "${request.image}" is no URL of a kind that nodes fetch; use file://, https:// or http://`,
        { retryable: false },
      );
  }
}

/**
 * A module runs with the rights of its tenant, and what it is made of can be read by it: so a file is subject to the
 * same roots as a hostPath volume. Otherwise `file:///etc/…` would tell a tenant what exists on the node.
 * The check is made on the open file, so nothing can be exchanged between check and use.
 */
async function openFile(request: SourceRequest, roots: AllowedRoots): Promise<OpenedSource> {
  const { image, namespace } = request;
  const path = filePathOf(request, roots);
  // O_NONBLOCK: opening a named pipe must not wait for its other end.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    const missing = ["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "");
    throw missing
      ? notFound(
          `module ${image} does not exist on this node (${path}); put the file there or correct spec.module.image`,
        )
      : new SourceFailure("ModuleFetchFailed", `opening module ${image}: ${errorMessage(error)}`, {
          retryable: true,
        });
  });
  let handedOver = false;
  try {
    const realPath = await readlink(`/proc/self/fd/${file.fd}`);
    const verdict = await roots.judge(realPath, namespace);
    if (verdict.kind === "refused") {
      throw new SourceFailure("HostPathNotAllowed", `module ${image} ${verdict.why}`, { retryable: false });
    }
    const facts = await file.stat({ bigint: true });
    if (!facts.isFile()) throw notFound(`module ${image} is not a regular file`);
    if (facts.size > imageLimits.moduleBytesMax) throw tooLarge(image);
    const validator = `${facts.dev}:${facts.ino}:${facts.size}:${facts.mtimeNs}`;
    if (validator === request.validator) return { kind: "unchanged" };
    handedOver = true;
    return { kind: "content", stream: file.createReadStream({ signal: request.signal }), validator };
  } finally {
    if (!handedOver) await file.close();
  }
}

/** `file:///absolute` or `file://relative` (see docs/adr/0006), percent-encoded or not. */
function filePathOf({ image, namespace }: SourceRequest, roots: AllowedRoots): string {
  const text = image.slice("file://".length);
  try {
    const path = roots.absolute(decodeURIComponent(text), namespace);
    if (path !== undefined) return path;
  } catch (error) {
    throw notFound(`spec.module.image "${image}" is no file on this node: ${errorMessage(error)}`);
  }
  throw new SourceFailure(
    "HostPathNotAllowed",
    `module ${image} is relative, and ${roots.advice(namespace)}`,
    {
      retryable: false,
    },
  );
}

async function openHttp(url: URL, request: SourceRequest): Promise<OpenedSource> {
  const { image, validator, signal } = request;
  const response = await follow(url, request);
  if (response.status === 304 && validator !== undefined) {
    await response.body?.cancel();
    return { kind: "unchanged" };
  }
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    const message =
      `fetching module ${image}: the server answered ${response.status} ${response.statusText}`.trimEnd();
    if (response.status === 404 || response.status === 410) {
      throw notFound(`${message}; correct spec.module.image or publish the module`);
    }
    throw new SourceFailure("ModuleFetchFailed", message, { retryable: true });
  }
  if (Number(response.headers.get("content-length")) > imageLimits.moduleBytesMax) {
    await response.body.cancel();
    throw tooLarge(image);
  }
  const stream = Readable.fromWeb(response.body, { signal });
  return { kind: "content", stream, validator: response.headers.get("etag") ?? undefined };
}

/** Follows redirects itself: only to http(s), and never from https to http unless a digest makes that harmless. */
async function follow(start: URL, request: SourceRequest): Promise<Response> {
  let url = start;
  for (let hops = 0; hops <= imageLimits.redirectsMax; hops++) {
    const headers: Record<string, string> = request.validator ? { "if-none-match": request.validator } : {};
    const response = await fetch(url, { redirect: "manual", headers, signal: request.signal }).catch(
      (error: unknown) => {
        throw new SourceFailure("ModuleFetchFailed", `fetching module ${request.image}: ${causeOf(error)}`, {
          retryable: true,
        });
      },
    );
    const location = response.headers.get("location");
    if (response.status === 304 || response.status < 300 || response.status >= 400 || location === null) {
      return response;
    }
    await response.body?.cancel();
    const next = URL.parse(location, url);
    const downgrade = url.protocol === "https:" && next?.protocol === "http:" && !request.verified;
    if (!next || !["http:", "https:"].includes(next.protocol) || downgrade) {
      const message = `fetching module ${request.image}: redirected to ${location}, which is not followed (only http and https, and from https to http only with spec.module.digest)`;
      throw new SourceFailure("ModuleFetchFailed", message, { retryable: false });
    }
    url = next;
  }
  const message = `fetching module ${request.image}: more than ${imageLimits.redirectsMax} redirects`;
  throw new SourceFailure("ModuleFetchFailed", message, { retryable: true });
}

/** `fetch` says "fetch failed" and hides what happened in the cause. */
export function causeOf(error: unknown): string {
  if (error instanceof Error && error.cause instanceof Error) {
    const { cause } = error;
    return cause.message === "" ? (errorCode(cause) ?? error.message) : cause.message;
  }
  return errorMessage(error);
}

function notFound(message: string): SourceFailure {
  return new SourceFailure("ModuleNotFound", message, { retryable: false });
}

export function tooLarge(image: string): SourceFailure {
  const mebibytes = imageLimits.moduleBytesMax / 1024 / 1024;
  const message = `module ${image} is larger than the ${mebibytes} MiB that a node accepts`;
  return new SourceFailure("ModuleInvalid", message, { retryable: false });
}
