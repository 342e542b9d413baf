import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { WRONG_USES } from "./messages.ts";

const SUBJECTS = fileURLToPath(new URL("message_subjects.ts", import.meta.url));
const IMPORTS = `import * as subjects from "./message_subjects.ts";
import { Counter } from "../../mod.ts";
const { plain, one, counter, gauge, histogram, summary, info, states, half, full } = subjects;
export default [plain, one, counter, gauge, histogram, summary, info, states, half, full, Counter];
`;

/** The options of deno.json that TypeScript's own compiler needs. */
const OPTIONS: ts.CompilerOptions = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  allowImportingTsExtensions: true,
  noEmit: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ["lib.esnext.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
  types: [],
};

/** Compiles programs, and returns the messages about each. */
function compile(programs: readonly string[]): string[] {
  const files = new Map(
    programs.map((code, i) => [SUBJECTS.replace(/\w+\.ts$/, `message_${i}.ts`), IMPORTS + code]),
  );
  const host = ts.createCompilerHost(OPTIONS);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.getSourceFile = (name, version, ...rest) => {
    const code = files.get(name);
    return code === undefined
      ? getSourceFile(name, version, ...rest)
      : ts.createSourceFile(name, code, version);
  };
  const program = ts.createProgram([...files.keys()], OPTIONS, host);
  return [...files.keys()].map((name) =>
    program.getSemanticDiagnostics(program.getSourceFile(name))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n")).join("\n")
  );
}

const RIGHT = "counter.labels({ method: 'GET', status: 200 }).inc();";
const messages = compile([RIGHT, ...WRONG_USES.map(({ code }) => code)]);

test("a correct program compiles", () => {
  assert.equal(messages[0], "");
});

for (const [i, { code, says, saysNot = ["type 'never'"] }] of WRONG_USES.entries()) {
  test(`TypeScript ${ts.versionMajorMinor} explains the error in: ${code}`, () => {
    const message = messages[i + 1]!;
    assert.notEqual(message, "", "it compiles");
    for (const text of says) assert(message.includes(text), `no "${text}" in: ${message}`);
    for (const text of saysNot) assert(!message.includes(text), `"${text}" in: ${message}`);
  });
}

/** Returns the names that an editor suggests at the `^` of a program. */
function complete(program: string): string[] {
  const code = IMPORTS + program.replace("^", "");
  const file = SUBJECTS.replace(/\w+\.ts$/, "completion.ts");
  const service = ts.createLanguageService({
    getCompilationSettings: () => OPTIONS,
    getScriptFileNames: () => [file],
    getScriptVersion: () => "1",
    getScriptSnapshot: (name) => {
      const text = name === file ? code : ts.sys.readFile(name);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => ts.sys.getCurrentDirectory(),
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: (name) => name === file || ts.sys.fileExists(name),
    readFile: ts.sys.readFile,
  });
  const place = IMPORTS.length + program.indexOf("^");
  return service.getCompletionsAtPosition(file, place, {})?.entries.map(({ name }) => name) ?? [];
}

const COMPLETIONS: [program: string, names: string[]][] = [
  ["counter.labels({ ^ });", ["method", "status"]],
  ["counter.labels({ status: 200, ^ });", ["method"]],
  ["counter.remove({ ^ });", ["method", "status"]],
  ["counter.find({ ^ });", ["method", "status"]],
  ["counter.labels({ method: 'GET' }).labels({ ^ });", ["method", "status"]],
  ["histogram.startTimer().stop({ ^ });", ["method", "status"]],
];
for (const [program, names] of COMPLETIONS) {
  test(`an editor completes label names in: ${program}`, () => {
    assert.deepEqual(complete(program), names);
  });
}
