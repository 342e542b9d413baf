/**
 * Renders doc comments as Markdown.
 *
 * @module
 */

/** The heading of each tag. */
const TAGS: Readonly<Record<string, string>> = {
  param: "Parameters",
  typeParam: "Type parameters",
  returns: "Returns",
  throws: "Throws",
};

/** Matches the start of a tag. */
const TAG_REGEXP = /^@(\w+) ?/gm;

/**
 * Renders a comment.
 *
 * @param comment The text, without asterisks.
 * @returns The prose, the tags as lists, and the examples as code.
 */
export function renderComment(comment: string): string {
  const [prose = "", ...tagged] = splitTags(comment);
  const parts = [prose.trim()];
  for (const [tag, title] of Object.entries(TAGS)) {
    const items = tagged.filter((text) => text.startsWith(`@${tag} `))
      .map((text) => renderItem(tag, text.slice(tag.length + 2).trim()));
    if (items.length > 0) parts.push(`${title}:\n\n${items.join("\n")}`);
  }
  for (const text of tagged.filter((text) => text.startsWith("@example"))) {
    const [title = "", ...rest] = text.slice("@example".length).trim().split("\n");
    parts.push(`Example: ${title}\n\n${rest.join("\n").trim()}`);
  }
  return parts.filter((part) => part !== "").map(renderLinks).join("\n\n");
}

/** Splits a comment into its prose and its tags. Lines of code may look like tags. */
function splitTags(comment: string): string[] {
  const code: [number, number][] = [...comment.matchAll(/^```[^]*?^```/gm)]
    .map(({ 0: { length }, index }) => [index, index + length]);
  const starts = [...comment.matchAll(TAG_REGEXP)].map(({ index }) => index)
    .filter((index) => !code.some(([from, to]) => index > from && index < to));
  return [0, ...starts].map((start, i) => comment.slice(start, starts[i] ?? comment.length))
    .filter((text, i) => i === 0 || !/^@(?:module|default)\b/.test(text));
}

function renderItem(tag: string, text: string): string {
  const line = text.replaceAll(/\n\s*/g, " ");
  if (tag === "returns") return `- ${line}`;
  const [, name = "", about = ""] = line.match(/^\{?([\w$.]+)\}? ?(.*)$/) ?? [];
  return `- \`${name}\`: ${about}`;
}

/** Renders the tags for links and defaults. */
function renderLinks(text: string): string {
  return text
    .replaceAll(/\{@linkcode ([^}|]+?)\}/g, "`$1`")
    .replaceAll(/\{@link\s+([^}|\s]+)\s*\|\s*([^}]+?)\}/g, "[$2]($1)")
    .replaceAll(/\{@link\s+([^}]+?)\}/g, "<$1>")
    .replaceAll(/\s*@default \{((?:[^{}]|\{[^{}]*\})*)\}/g, " Default: `$1`.");
}
