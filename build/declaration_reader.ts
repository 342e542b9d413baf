/**
 * Finds declarations and their members in declaration files, as the TypeScript compiler writes them.
 *
 * @module
 */

/** A declaration and the comment before it. */
export interface Declaration {
  /** The text of the comment, without its stars. */
  readonly comment: string;
  readonly code: string;
}

/** A member of a class or an interface. */
export interface Member {
  readonly name: string;
  readonly comment: string;
}

/** Matches a comment for documentation, with the line break behind it. */
const COMMENT_REGEXP = /^[ \t]*\/\*\*([^]*?)\*\/\n?/gm;

/** Matches a member with its comment; the code of a member ends with a semicolon on its level. */
const MEMBER_REGEXP = /^ {4}\/\*\*([^]*?)\*\/\n {4}(.*)/gm;

/** Functions for comments. */
export const commentText = {
  /** Takes the stars away. */
  read: (inner: string): string =>
    inner.replaceAll(/^[ \t]*\* ?/gm, "").replaceAll("*\\/", "*/").trim(),
  /** Takes all comments out of code. */
  remove: (code: string): string =>
    code.replaceAll(COMMENT_REGEXP, "").replaceAll(/^ {4}#private;\n/gm, ""),
};

/**
 * Finds a declaration.
 *
 * @param name Its name.
 * @param text The declaration file.
 * @returns The first comment about it, and all its code: a function may have several signatures.
 * @throws {Error} If it is not there.
 */
export function declarationOf(name: string, text: string): Declaration {
  const regexp = new RegExp(
    String.raw`(?:^/\*\*((?:(?!\*/)[^])*)\*/\n)?` +
      String
        .raw`^export (?:declare )?(?:abstract )?(?:class|function|const|interface|type) ${name}\b` +
      // To the end of the line if that ends it, or to the brace that closes it.
      String.raw`(?:[^\n]*;$|[^]*?^\}?[^\n ]*;?$)`,
    "gm",
  );
  const found = [...text.matchAll(regexp)];
  if (found.length === 0) throw new Error(`Cannot find the declaration of "${name}"`);
  const code = found.map(([all]) => all.replace(/^\/\*\*[^]*?\*\/\n/, ""));
  return { comment: commentText.read(found[0]?.[1] ?? ""), code: code.join("\n") };
}

/** The members of a class or an interface that have a comment. */
export function membersOf(code: string): Member[] {
  return [...code.matchAll(MEMBER_REGEXP)].map(([, comment = "", line = ""]) => ({
    name: nameOf(line),
    comment: commentText.read(comment),
  }));
}

/** The name of a member, with parentheses if it is called. */
function nameOf(line: string): string {
  const signature = line.replace(/^(?:(?:readonly|static|abstract|get|set|protected) )+/, "");
  const [, name = "", next = ""] = signature.match(/^(\[[^\]]+\]|[\w$]+)\??([<(]?)/) ?? [];
  return next === "" || /^get /.test(line) ? name : `${name}()`;
}
