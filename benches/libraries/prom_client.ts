/**
 * The works of `prom-client`.
 *
 * @module
 */
import client from "prom-client";
import * as data from "../data.ts";
import type { Works } from "../work.ts";
import { type ClientJs, compileAnew, createWorks } from "./client_js.ts";

// The parts of the interface that are used here are the same.
export const works: Works = compileAnew(createWorks)(client as unknown as ClientJs, data);
