import { open, rename, rm } from "node:fs/promises";

/** The permissions of the file: the owner reads and writes, all others read. */
const MODE = 0o644;

/**
 * Gives a file a new content, so that it has either the old one or the new one at any moment.
 *
 * @param path The file: a path, or a `file:` URL.
 * @param bytes The content.
 * @throws {Error} If the folder or the file cannot be written. Nothing has changed then.
 */
export async function replaceFile(path: string | URL, bytes: Uint8Array): Promise<void> {
  // The ending is not ".prom", so node_exporter does not read it, and another writer has another.
  const suffix = `.${crypto.randomUUID()}.tmp`;
  const aside = typeof path === "string" ? path + suffix : new URL(path.href + suffix);
  const file = await open(aside, "wx", MODE);
  try {
    try {
      await file.writeFile(bytes);
      // The mode of open() is less than this where the umask takes something away.
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
