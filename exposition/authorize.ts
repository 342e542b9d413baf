import { plainResponse } from "./plain_response.ts";

/**
 * Decides whether a request may see the metrics: `true` lets it pass, `false` is answered with
 * 403, and a `Response` is sent as it is. It may be asynchronous. One that throws, or returns
 * anything else, lets nobody pass.
 *
 * @param request The request.
 * @returns The decision.
 */
export type Authorize = (
  request: Request,
) => boolean | Response | PromiseLike<boolean | Response>;

/**
 * Asks whether a request may see the metrics.
 *
 * @param request The request.
 * @param authorize Who decides.
 * @returns The answer for those who may not; nothing for those who may.
 */
export async function refusal(
  request: Request,
  authorize: Authorize,
): Promise<Response | undefined> {
  const doing = "Cannot answer scrape";
  let decision: unknown;
  try {
    decision = await authorize(request);
  } catch {
    // Whoever asks may be anybody, and must not read in the error what went wrong.
    return plainResponse(500, `${doing}: authorize failed`);
  }
  if (decision === true) return undefined;
  if (decision === false) return plainResponse(403, `${doing}: access is denied`);
  if (isResponse(decision)) return decision;
  const kind = decision === null ? "null" : typeof decision;
  return plainResponse(
    500,
    `${doing}: authorize must return true, false or a Response: received ${kind}`,
  );
}

/** Whether something is a response, also one of a class that a framework puts in its place. */
function isResponse(value: unknown): value is Response {
  return Object.prototype.toString.call(value) === "[object Response]";
}
