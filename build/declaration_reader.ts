/**
 * Finds declarations and their members in declaration files of the TypeScript compiler.
 *
 * @module
 */

/** A declaration and its comment. */
export interface Declaration {
  /** The text of the comment, without asterisks. */
  readonly comment: string;
  readonly code: string;
}

/** A member of a class or an interface. */
export interface Member {
  readonly name: string;
  readonly comment: string;
}

/** Matches a doc comment and the line break after it. */
const COMMENT_REGEXP = /^[ \t]*\/\*\*([^]*?)\*\/\n?/gm;

/** Matches a member with its comment, and the first line of its code. */
const MEMBER_REGEXP = /^ {4}\/\*\*([^]*?)\*\/\n {4}(.*)/gm;

/** Functions for comments. */
export const commentText = {
  /** Removes the asterisks. */
  read: (inner: string): string =>
    inner.replaceAll(/^[ \t]*\* ?/gm, "").replaceAll("*\\/", "*/").trim(),
  /** Removes all comments from code. */
  remove: (code: string): string =>
    code.replaceAll(COMMENT_REGEXP, "").replaceAll(/^ {4}#private;\n/gm, ""),
};

/**
 * Finds a declaration.
 *
 * @param name The name.
 * @param text The text of the declaration file.
 * @returns The first comment and the whole code, because a function may have several signatures.
 * @throws {Error} If there is no such declaration.
 */
export function declarationOf(name: string, text: string): Declaration {
  const regexp = new RegExp(
    String.raw`(?:^/\*\*((?:(?!\*/)[^])*)\*/\n)?` +
      String
        .raw`^export (?:declare )?(?:abstract )?(?:class|function|const|interface|type) ${name}\b` +
      // The code ends with the line if the line ends it, and otherwise with the closing brace.
      String.raw`(?:[^\n]*;$|[^]*?^\}?[^\n ]*;?$)`,
    "gm",
  );
  const found = [...text.matchAll(regexp)];
  if (found.length === 0) throw new Error(`Cannot find the declaration of "${name}"`);
  const code = found.map(([all]) => all.replace(/^\/\*\*[^]*?\*\/\n/, ""));
  return { comment: commentText.read(found[0]?.[1] ?? ""), code: code.join("\n") };
}

/** Returns the members of a class or an interface that have a comment. */
export function membersOf(code: string): Member[] {
  return [...code.matchAll(MEMBER_REGEXP)].map(([, comment = "", line = ""]) => ({
    name: nameOf(line),
    comment: commentText.read(comment),
  }));
}

/** Returns the name of a member, with parentheses if it can be called. */
function nameOf(line: string): string {
  const signature = line.replace(/^(?:(?:readonly|static|abstract|get|set|protected) )+/, "");
  const [, name = "", next = ""] = signature.match(/^(\[[^\]]+\]|[\w$]+)\??([<(]?)/) ?? [];
  return next === "" || /^get /.test(line) ? name : `${name}()`;
}
