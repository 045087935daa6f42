import type { IncomingMessage } from "node:http";
import { errorMessage } from "../../../kit/errors.ts";
import type { Submitted } from "../objects/prepare.ts";
import { isObject } from "../resource.ts";
import { ApiError, badRequest } from "../status.ts";
import { scanJson } from "./json-scan.ts";
import { decodeProtobuf, protobufType } from "./protobuf-body.ts";
import { yamlToJson } from "./yaml-text.ts";

/** As kube-apiserver's. */
const bodyBytesMax = 3 * 1024 * 1024;

const applyType = "application/apply-patch+yaml";
const yamlTypes = new Set(["application/yaml", "application/x-yaml", "text/yaml"]);

/** Without parameters, in lower case; "" when the header is missing. */
export function mediaTypeOf(request: IncomingMessage): string {
  return (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

export async function readBody(request: IncomingMessage): Promise<string> {
  checkEncoding(request);
  return decodeText(await readBytes(request));
}

/** Bodies that have arrived as a whole before anything was done for their requests. */
const received = new WeakMap<IncomingMessage, Buffer>();
/** Those of which the rest cannot come. */
const broken = new WeakMap<IncomingMessage, ApiError>();
/** Who waits for the rest of a body. */
const readers = new WeakMap<IncomingMessage, (failure: ApiError) => void>();

/** Waits for the body, for whoever reads it later. `count` is told of each part as it comes, and may throw. */
export async function receiveBody(request: IncomingMessage, count: (bytes: number) => void): Promise<void> {
  received.set(request, await collect(request, count));
}

/** The rest of the body cannot come. */
export function failBody(request: IncomingMessage, failure: ApiError): void {
  broken.set(request, failure);
  readers.get(request)?.(failure);
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  return received.get(request) ?? collect(request, () => {});
}

function collect(request: IncomingMessage, count: (bytes: number) => void): Promise<Buffer> {
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > bodyBytesMax) return Promise.reject(tooLarge());
  const failure = broken.get(request);
  if (failure) return Promise.reject(failure);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const take = (chunk: Buffer) => {
    try {
      bytes += chunk.length;
      if (bytes > bodyBytesMax) throw tooLarge();
      count(chunk.length);
      chunks.push(chunk);
    } catch (thrown) {
      stop();
      reject(thrown);
    }
  };
  const end = () => {
    stop();
    resolve(Buffer.concat(chunks));
  };
  const fail = (failure: ApiError) => {
    stop();
    reject(failure);
  };
  const cutOff = () => fail(badRequest("the body of the request ended before its end"));
  const stop = () => {
    readers.delete(request);
    request.off("data", take).off("end", end).off("close", cutOff);
  };
  readers.set(request, fail);
  request.on("data", take).once("end", end).once("close", cutOff);
  return promise;
}

function decodeText(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (thrown) {
    throw badRequest(`the body of the request is no valid UTF-8: ${errorMessage(thrown)}`);
  }
}

/** An object in JSON or YAML. A missing Content-Type means JSON, as some of kubectl's requests have none. */
export async function readObject(request: IncomingMessage): Promise<Submitted> {
  const mediaType = checkedType(request);
  const bytes = await readBytes(request);
  if (mediaType === protobufType) return { object: decodeProtobuf(bytes), duplicateFields: [] };
  const { value, duplicateFields } = parseValue(decodeText(bytes), mediaType);
  if (!isObject(value)) throw badRequest("the body of the request must be an object");
  return { object: value, duplicateFields };
}

export function parseValue(
  text: string,
  mediaType: string,
): { readonly value: unknown; readonly duplicateFields: readonly string[] } {
  if (yamlTypes.has(mediaType)) return parseYaml(text);
  if (text.trim() === "") throw badRequest("the request needs a body");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw badRequest(`the body of the request is no valid JSON: ${errorMessage(thrown)}`);
  }
  return scanned(text, value);
}

/** `value` is what JSON.parse has made of the text. */
function scanned(text: string, value: unknown): ReturnType<typeof parseValue> {
  const duplicateFields = scanJson(text);
  return { value: escapedSurrogate.test(text) ? wellFormed(value) : value, duplicateFields };
}

const escapedSurrogate = /\\u[dD][89a-fA-F]/;
const loneSurrogate = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

/** Half a character is none: UTF-8 cannot say it. As in Go, U+FFFD stands for it. The scan has bounded the depth. */
function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll(loneSurrogate, "\uFFFD");
  if (Array.isArray(value)) return value.map(wellFormed);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name.replaceAll(loneSurrogate, "\uFFFD"), wellFormed(one)]),
  );
}

function checkedType(request: IncomingMessage): string {
  checkEncoding(request);
  const mediaType = mediaTypeOf(request);
  const isKnown = mediaType === "" || mediaType === "application/json" || mediaType === protobufType;
  if (isKnown || yamlTypes.has(mediaType)) return mediaType;
  throw new ApiError(
    "UnsupportedMediaType",
    `the body of the request was in an unknown format (${mediaType}) - accepted media types include: application/json, application/yaml`,
  );
}

/** What unpacks to any size is not taken. */
function checkEncoding({ headers }: IncomingMessage): void {
  const encoding = headers["content-encoding"] ?? "";
  if (encoding === "" || encoding.toLowerCase() === "identity") return;
  throw new ApiError(
    "UnsupportedMediaType",
    `the body of the request was encoded (${encoding.slice(0, 100)}): send it as it is`,
  );
}

/** Most clients send JSON under the name of YAML, which it is; that is read in a tenth of the time. */
function parseYaml(text: string): ReturnType<typeof parseValue> {
  const json = asJson(text);
  if (json) return json;
  const converted = yamlToJson(text);
  return scanned(converted, JSON.parse(converted));
}

function asJson(text: string): ReturnType<typeof parseValue> | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return scanned(text, value);
}

/** Longer ones are read elsewhere, before the request has its turn. */
const shortYamlBytes = 8 * 1024;

/** The body of a request that is long YAML, and no JSON. */
export function longYamlOf(request: IncomingMessage): string | undefined {
  const type = mediaTypeOf(request);
  const bytes = received.get(request);
  if (!bytes || bytes.length <= shortYamlBytes || !(yamlTypes.has(type) || type === applyType))
    return undefined;
  const text = decodeText(bytes);
  return asJson(text) ? undefined : text;
}

/** What is read from now on. */
export function replaceBody(request: IncomingMessage, text: string): void {
  received.set(request, Buffer.from(text));
}

function tooLarge(): ApiError {
  return new ApiError("RequestEntityTooLarge", `the body of the request may have ${bodyBytesMax} bytes`);
}
