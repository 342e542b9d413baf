/**
 * Adapts the README for the page of a registry, where relative links do not work.
 *
 * @module
 */

/** A Markdown link or image with a relative path. */
const LINK_REGEXP = /(!?)\[([^\]]*)\]\((?!\w+:|#)([^)\s]+)\)/g;

/** The parts of absolute URLs. */
export interface Source {
  /** The `repository` of package.json, if any. */
  readonly repository?: string | undefined;
  /** The version. Its tag is the version after a `v`. */
  readonly version: string;
}

/**
 * Replaces the relative links in a text.
 *
 * With a repository, they become URLs of this version's files. Without one, a link becomes its text
 * and the path of the file, and an image is removed.
 *
 * @param text The Markdown.
 * @param source The repository and the version.
 * @returns The Markdown without relative links, except those within the page.
 */
export function absoluteLinks(text: string, { repository, version }: Source): string {
  const base = repository?.replace(/^git\+/, "").replace(/\.git$/, "");
  const linked = text.replaceAll(
    LINK_REGEXP,
    (_, mark: string, label: string, path: string) => {
      if (base !== undefined) {
        return `${mark}[${label}](${base}/${mark === "" ? "blob" : "raw"}/v${version}/${path})`;
      }
      if (mark !== "") return "";
      return label === path ? `\`${path}\`` : `${label} (\`${path.replace(/#.*/, "")}\`)`;
    },
  );
  // A removed image leaves an empty paragraph.
  return linked.replaceAll(/\n{3,}/g, "\n\n");
}
