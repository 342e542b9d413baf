import { testBackend } from "../support/backend_contract.ts";
import { type Backend } from "../../multiprocess/mod.ts";
import { workersBackend, type WorkersBackendOptions } from "../../multiprocess/workers.ts";

/** A backend for one test: all tests are in one process, and other files' may be too. */
function apart(options: WorkersBackendOptions = {}): () => Backend {
  const test = crypto.randomUUID();
  const { name, open } = workersBackend({ timeoutMs: 100, ...options });
  return () => ({
    name,
    open: (options) => open({ ...options, namespace: `${test} ${options.namespace}` }),
  });
}

testBackend("workers", () => {
  const backend = apart();
  return Promise.resolve({ backend, [Symbol.asyncDispose]: () => Promise.resolve() });
}, { canLose: false });
