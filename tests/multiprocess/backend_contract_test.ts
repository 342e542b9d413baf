import { testBackend } from "../support/backend_contract.ts";
import { MemoryStore } from "../support/memory_store.ts";

testBackend("a store in memory", () => {
  const store = new MemoryStore();
  return Promise.resolve({
    backend: () => store.backend(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
