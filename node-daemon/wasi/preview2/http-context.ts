import type { ComponentHost } from "../host.ts";
import { HttpClient } from "../http/http-client.ts";
import { HttpInstance } from "../http/fields.ts";
import type { HeaderList } from "../http/exchange.ts";
import { boundTo, trap } from "../component-resources.ts";
import { Fields } from "./http-fields.ts";

/** What `wasi:http` 0.2 keeps for one instance. */
export class HttpContext {
  readonly host: ComponentHost;
  readonly instance: HttpInstance;
  /** Its guest constructs them. */
  readonly Fields: new () => Fields;
  #client: HttpClient | undefined;

  constructor(host: ComponentHost) {
    this.host = host;
    this.instance = new HttpInstance(host);
    this.Fields = boundTo(this.instance, Fields);
  }

  /** For its requests. */
  get client(): HttpClient {
    return (this.#client ??= new HttpClient(this.host));
  }

  /** Of a message that came in: nobody changes them. */
  received(list: HeaderList): Fields {
    const fields = new this.Fields();
    if (!fields.fill(list)) trap("take in a message: the instance holds too many header fields");
    fields.freeze();
    return fields;
  }
}

/** The same for all interfaces of one instance, and for who hands it requests. */
export function httpContext(host: ComponentHost): HttpContext {
  const known = host.kept.get(HttpContext);
  if (known instanceof HttpContext) return known;
  const context = new HttpContext(host);
  host.kept.set(HttpContext, context);
  return context;
}
