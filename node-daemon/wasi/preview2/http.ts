/**
 * `wasi:http` of WASI 0.2: what handlers are given and answer with, and requests of a guest's own, by the allow list of its
 * template. See http-incoming.ts, http-outgoing.ts and http-outparam.ts.
 */
import type { InterfaceMembers, OfferedInterface } from "../component-interfaces.ts";
import { boundTo } from "../component-resources.ts";
import { err, type Result } from "../component-values.ts";
import type { ComponentHost } from "../host.ts";
import type { HttpErrorCode } from "../http/error-code.ts";
import { httpContext, type HttpContext } from "./http-context.ts";
import { fieldsOf } from "./http-fields.ts";
import { FutureTrailers, IncomingBody, IncomingRequest, IncomingResponse } from "./http-incoming.ts";
import { OutgoingBody, OutgoingRequest, OutgoingResponse } from "./http-outgoing.ts";
import { ResponseOutparam } from "./http-outparam.ts";
import { RequestOptions } from "./http-request-options.ts";
import { FutureIncomingResponse } from "./http-response-future.ts";
import type { IoError } from "./stream-error.ts";

function makeTypes(host: ComponentHost): InterfaceMembers {
  const context = httpContext(host);
  const { Fields } = context;
  type Entries = Parameters<typeof fieldsOf>[1];

  return {
    Fields: Object.assign(Fields, { fromList: (entries: Entries) => fieldsOf(Fields, entries) }),
    OutgoingRequest: boundTo(context, OutgoingRequest),
    OutgoingResponse: boundTo(context, OutgoingResponse),
    RequestOptions: boundTo(context, RequestOptions),
    FutureIncomingResponse,
    FutureTrailers,
    IncomingBody,
    IncomingRequest,
    IncomingResponse,
    OutgoingBody,
    ResponseOutparam,
    httpErrorCode: (error: IoError) => error.failure.http,
  };
}

function handle(
  context: HttpContext,
  request: OutgoingRequest,
  options: RequestOptions | undefined,
): Result<FutureIncomingResponse, HttpErrorCode> {
  const parts = OutgoingRequest.give(request);
  const timeouts = {
    connectNs: options?.connectTimeout(),
    firstByteNs: options?.firstByteTimeout(),
    betweenBytesNs: options?.betweenBytesTimeout(),
  };
  options?.[Symbol.dispose]();
  if (!parts) return err({ tag: "HTTP-request-body-size", val: undefined });
  return FutureIncomingResponse.send(context, parts, timeouts);
}

export const httpInterfaces: readonly OfferedInterface[] = [
  {
    name: "wasi:http/types@0.2",
    functions: [
      "http-error-code",
      "[constructor]fields",
      "[static]fields.from-list",
      "[method]fields.get",
      "[method]fields.has",
      "[method]fields.set",
      "[method]fields.delete",
      "[method]fields.append",
      "[method]fields.entries",
      "[method]fields.clone",
      "[method]incoming-request.method",
      "[method]incoming-request.path-with-query",
      "[method]incoming-request.scheme",
      "[method]incoming-request.authority",
      "[method]incoming-request.headers",
      "[method]incoming-request.consume",
      "[constructor]outgoing-request",
      "[method]outgoing-request.body",
      "[method]outgoing-request.method",
      "[method]outgoing-request.set-method",
      "[method]outgoing-request.path-with-query",
      "[method]outgoing-request.set-path-with-query",
      "[method]outgoing-request.scheme",
      "[method]outgoing-request.set-scheme",
      "[method]outgoing-request.authority",
      "[method]outgoing-request.set-authority",
      "[method]outgoing-request.headers",
      "[constructor]request-options",
      "[method]request-options.connect-timeout",
      "[method]request-options.set-connect-timeout",
      "[method]request-options.first-byte-timeout",
      "[method]request-options.set-first-byte-timeout",
      "[method]request-options.between-bytes-timeout",
      "[method]request-options.set-between-bytes-timeout",
      "[method]response-outparam.send-informational",
      "[static]response-outparam.set",
      "[method]incoming-response.status",
      "[method]incoming-response.headers",
      "[method]incoming-response.consume",
      "[method]incoming-body.stream",
      "[static]incoming-body.finish",
      "[method]future-trailers.subscribe",
      "[method]future-trailers.get",
      "[constructor]outgoing-response",
      "[method]outgoing-response.status-code",
      "[method]outgoing-response.set-status-code",
      "[method]outgoing-response.headers",
      "[method]outgoing-response.body",
      "[method]outgoing-body.write",
      "[static]outgoing-body.finish",
      "[method]future-incoming-response.subscribe",
      "[method]future-incoming-response.get",
    ],
    suspending: [],
    make: makeTypes,
  },
  {
    name: "wasi:http/outgoing-handler@0.2",
    functions: ["handle"],
    suspending: [],
    make: (host) => {
      const context = httpContext(host);
      return {
        handle: (request: OutgoingRequest, options: RequestOptions | undefined) =>
          handle(context, request, options),
      };
    },
  },
];
