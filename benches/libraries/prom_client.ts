/**
 * `prom-client` at work.
 *
 * @module
 */
import client from "prom-client";
import * as data from "../data.ts";
import type { Works } from "../work.ts";
import { type ClientJs, compileAnew, createWorks } from "./client_js.ts";

// The same interface, as far as it is used here.
export const works: Works = compileAnew(createWorks)(client as unknown as ClientJs, data);
