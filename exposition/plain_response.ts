/**
 * A short answer for people: what is said in place of the metrics.
 *
 * @param status The HTTP status.
 * @param text A sentence.
 * @param headers More headers.
 * @returns The response.
 */
export function plainResponse(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", ...headers },
  });
}
