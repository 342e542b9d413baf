/**
 * Returns the message of an error and of its causes, because runtimes hide the reason in a cause.
 *
 * @param error The thrown value.
 * @returns The messages, joined by colons.
 */
export function reasonOf(error: unknown): string {
  const reasons: string[] = [];
  let next: unknown = error;
  for (let depth = 0; depth < 4 && next instanceof Error; depth++) {
    const { message, code, cause } = next as Error & { code?: unknown };
    const reason = message || (typeof code === "string" ? code : "");
    if (reason !== "" && !reasons.some((other) => other.includes(reason))) reasons.push(reason);
    next = cause;
  }
  return reasons.join(": ") || String(error);
}
