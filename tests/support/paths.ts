/**
 * Where things are in the checkout.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** The top of the checkout, as a URL that ends in a slash. */
export const ROOT_URL: URL = new URL("../../", import.meta.url);

/** The top of the checkout, as a path. */
export const ROOT: string = fileURLToPath(ROOT_URL);
