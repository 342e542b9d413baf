// Uses the installed package from CommonJS: Node.js loads modules by require() from 22.12 on.
const assert = require("node:assert/strict");
const { Counter, generateMetrics } = require("@narthex/prometheus");
const manifest = require("@narthex/prometheus/package.json");

for (const entry of Object.keys(manifest.exports)) {
  assert.ok(require(`${manifest.name}${entry.slice(1)}`), entry);
}
new Counter("loaves_baked_total", "Loaves baked.", { labelNames: ["kind"] }).labels("rye").inc();
assert.match(generateMetrics(), /^loaves_baked_total\{kind="rye"\} 1$/m);

// A program that also has modules has one registry, not two.
import("@narthex/prometheus").then((module) => {
  assert.equal(module.Counter, Counter);
  assert.match(module.generateMetrics(), /^loaves_baked_total\{kind="rye"\} 1$/m);
  console.log("require works");
});
