/** `wasi:http/types` of WASI 0.3 as data. Nothing here reaches a network: `client` and `handler` are not offered. */
import type { InterfaceMembers, OfferedInterface } from "../component-interfaces.ts";
import { ok, type Result } from "../component-values.ts";
import type { ComponentHost } from "../host.ts";
import type { BodyStream, Trailers, Transmitted } from "./http-body.ts";
import { FieldsBase, HttpInstance, type HeaderError } from "../http/fields.ts";
import { RequestBase, RequestOptionsBase, ResponseBase } from "./http-messages.ts";
import type { GuestStream } from "./streams.ts";

type Consumed = [BodyStream, PromiseLike<Trailers>];

/** Guests construct them, so an instance has classes of its own. */
function makeTypes(host: ComponentHost): InterfaceMembers {
  const instance = new HttpInstance(host);

  class Fields extends FieldsBase {
    constructor() {
      super(instance);
    }

    static fromList(
      entries: readonly (readonly [name: string, value: ArrayLike<number>])[],
    ): Result<Fields, HeaderError> {
      const fields = new Fields();
      for (const [name, value] of entries) {
        const appended = fields.append(name, value);
        if (appended.tag === "ok") continue;
        fields[Symbol.dispose]();
        return appended;
      }
      return ok(fields);
    }
  }

  class RequestOptions extends RequestOptionsBase {
    constructor() {
      super(instance);
    }
  }

  class Request extends RequestBase {
    static new(
      headers: Fields,
      contents: GuestStream | undefined,
      trailers: PromiseLike<Trailers>,
      options: RequestOptions | undefined,
    ): [Request, Promise<Transmitted>] {
      const request = new Request(instance, headers, contents, trailers, options);
      return [request, request.transmitted];
    }

    static consumeBody(request: Request, result: PromiseLike<Transmitted>): Consumed {
      return request.consumeBody(result);
    }
  }

  class Response extends ResponseBase {
    static new(
      headers: Fields,
      contents: GuestStream | undefined,
      trailers: PromiseLike<Trailers>,
    ): [Response, Promise<Transmitted>] {
      const response = new Response(instance, headers, contents, trailers);
      return [response, response.transmitted];
    }

    static consumeBody(response: Response, result: PromiseLike<Transmitted>): Consumed {
      return response.consumeBody(result);
    }
  }

  return { Fields, Request, RequestOptions, Response };
}

export const httpInterfaces: readonly OfferedInterface[] = [
  {
    name: "wasi:http/types@0.3",
    functions: [
      "[constructor]fields",
      "[static]fields.from-list",
      "[method]fields.get",
      "[method]fields.has",
      "[method]fields.set",
      "[method]fields.delete",
      "[method]fields.get-and-delete",
      "[method]fields.append",
      "[method]fields.copy-all",
      "[method]fields.clone",
      "[static]request.new",
      "[method]request.get-method",
      "[method]request.set-method",
      "[method]request.get-path-with-query",
      "[method]request.set-path-with-query",
      "[method]request.get-scheme",
      "[method]request.set-scheme",
      "[method]request.get-authority",
      "[method]request.set-authority",
      "[method]request.get-options",
      "[method]request.get-headers",
      "[static]request.consume-body",
      "[constructor]request-options",
      "[method]request-options.get-connect-timeout",
      "[method]request-options.set-connect-timeout",
      "[method]request-options.get-first-byte-timeout",
      "[method]request-options.set-first-byte-timeout",
      "[method]request-options.get-between-bytes-timeout",
      "[method]request-options.set-between-bytes-timeout",
      "[method]request-options.clone",
      "[static]response.new",
      "[method]response.get-status-code",
      "[method]response.set-status-code",
      "[method]response.get-headers",
      "[static]response.consume-body",
    ],
    suspending: [],
    make: makeTypes,
  },
];
