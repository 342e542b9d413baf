import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { bundleLive, LIVE_BUNDLE_URL } from "../support/live_bundle.ts";

test("live/client_bundle.ts is up to date with live/client/", async () => {
  const isFresh = readFileSync(LIVE_BUNDLE_URL, "utf8") === await bundleLive();
  assert.ok(isFresh, "run `deno task live`");
});
