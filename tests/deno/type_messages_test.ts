import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ROOT_URL } from "../support/paths.ts";
import { WRONG_USES } from "../types/messages.ts";

const IMPORTS = `import { Counter } from "${new URL("mod.ts", ROOT_URL)}";
import * as subjects from "${new URL("tests/types/message_subjects.ts", ROOT_URL)}";
const { plain, one, counter, gauge, histogram, summary, info, states, half, full } = subjects;
export default [plain, one, counter, gauge, histogram, summary, info, states, half, full, Counter];
`;

/** Returns the messages of `deno check` for each program. */
function check(programs: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "narthex-types-"));
  try {
    const files = programs.map((code, i) => {
      const file = join(folder, `${i}.ts`);
      writeFileSync(file, IMPORTS + code);
      return file;
    });
    const config = fileURLToPath(new URL("deno.json", ROOT_URL));
    const { stderr } = spawnSync(Deno.execPath(), ["check", "--config", config, ...files], {
      encoding: "utf8",
      env: { ...Deno.env.toObject(), NO_COLOR: "1" },
    });
    const messages = programs.map(() => "");
    for (const error of stderr.split(/^(?=TS\d+ \[ERROR\])/m)) {
      // The first place is that of the error. Later places are references.
      const place = error.match(/\/(\d+)\.ts:\d+:\d+/)?.[1];
      if (place !== undefined) messages[Number(place)] += error;
    }
    return messages;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const RIGHT = "counter.labels({ method: 'GET', status: 200 }).inc();";
const messages = check([RIGHT, ...WRONG_USES.map(({ code }) => code)]);

test("a correct program passes deno check", () => {
  assert.equal(messages[0], "");
});

for (const [i, { code, says, saysNot = ["type 'never'"] }] of WRONG_USES.entries()) {
  test(`deno check explains the error of: ${code}`, () => {
    const message = messages[i + 1]!;
    assert.notEqual(message, "", "it compiles");
    for (const text of says) assert(message.includes(text), `no "${text}" in: ${message}`);
    for (const text of saysNot) assert(!message.includes(text), `"${text}" in: ${message}`);
  });
}
