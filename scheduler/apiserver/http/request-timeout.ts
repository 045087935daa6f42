import { badRequest } from "../status.ts";

const durationForm = /^[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;

/**
 * `timeout` in a URL says how long the client wants to wait, as a Go duration. Requests here take what they take, which is
 * far less than Kubernetes' limit of a minute; but what is no duration is refused, as there.
 */
export function checkTimeout(query: URLSearchParams): void {
  const text = query.get("timeout") ?? "";
  if (text === "" || (text.length <= 64 && durationForm.test(text))) return;
  throw badRequest(
    `invalid timeout specified in the request URL - time: invalid duration ${JSON.stringify(text.slice(0, 64))}`,
  );
}
