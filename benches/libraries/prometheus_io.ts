/**
 * The works of `@prometheus-io/client`.
 *
 * @module
 */
import client from "@prometheus-io/client";
import * as data from "../data.ts";
import type { Works } from "../work.ts";
import { compileAnew, createWorks } from "./client_js.ts";

export const works: Works = compileAnew(createWorks)(client, data);
