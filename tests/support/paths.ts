/**
 * The location of the checkout.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** The root of the checkout, as a URL that ends in a slash. */
export const ROOT_URL: URL = new URL("../../", import.meta.url);

/** The root of the checkout, as a path. */
export const ROOT: string = fileURLToPath(ROOT_URL);
