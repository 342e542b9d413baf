/**
 * README as the page of a registry shows it: there, relative addresses lead nowhere.
 *
 * @module
 */

/** A link or a picture in Markdown with a relative address. */
const LINK_REGEXP = /(!?)\[([^\]]*)\]\((?!\w+:|#)([^)\s]+)\)/g;

/** The parts of the addresses. */
export interface Source {
  /** The `repository` of package.json, if there is one. */
  readonly repository?: string | undefined;
  /** The version, whose tag is `v` and the version. */
  readonly version: string;
}

/**
 * Replaces the relative addresses in a text.
 *
 * With a repository, they become addresses of the files of this version. Without one, a link becomes
 * its text, which names the file, and a picture is removed.
 *
 * @param text The Markdown.
 * @param source The repository and the version.
 * @returns The Markdown without relative addresses, except those within the page.
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
  // A removed picture leaves an empty paragraph.
  return linked.replaceAll(/\n{3,}/g, "\n\n");
}
