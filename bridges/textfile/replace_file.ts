import { open, rename, rm } from "node:fs/promises";

/** The permissions of the file: the owner reads and writes, all others read. */
const MODE = 0o644;

/**
 * Replaces the content of a file. At any moment the file has either the old or the new content.
 *
 * @param path The file: a path, or a `file:` URL.
 * @param bytes The content.
 * @throws {Error} If the folder or the file cannot be written. The file is unchanged then.
 */
export async function replaceFile(path: string | URL, bytes: Uint8Array): Promise<void> {
  // node_exporter reads only ".prom" files. Each writer has its own suffix.
  const suffix = `.${crypto.randomUUID()}.tmp`;
  const aside = typeof path === "string" ? path + suffix : new URL(path.href + suffix);
  const file = await open(aside, "wx", MODE);
  try {
    try {
      await file.writeFile(bytes);
      // The umask may have removed permissions in open().
      await file.chmod(MODE);
      // Otherwise the file could be empty after a power failure.
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true }).catch(() => {});
    throw error;
  }
}
