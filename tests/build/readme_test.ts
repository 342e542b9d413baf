import assert from "node:assert/strict";
import { test } from "node:test";
import { absoluteLinks } from "../../build/readme.ts";
import { readReadme } from "../support/readme.ts";

const TEXT = `See [docs/http.md](docs/http.md), [the log](CHANGELOG.md), [below](#below) and
[Prometheus](https://prometheus.io).

![The page](docs/live.png)

## Below
`;

test("relative links become links to the repository", () => {
  const repository = "git+https://example.com/narthex/prometheus.git";
  assert.equal(
    absoluteLinks(TEXT, { repository, version: "1.2.3" }),
    `See [docs/http.md](https://example.com/narthex/prometheus/blob/v1.2.3/docs/http.md), ` +
      `[the log](https://example.com/narthex/prometheus/blob/v1.2.3/CHANGELOG.md), ` +
      `[below](#below) and
[Prometheus](https://prometheus.io).

![The page](https://example.com/narthex/prometheus/raw/v1.2.3/docs/live.png)

## Below
`,
  );
});

test("without a repository, links become text and pictures are removed", () => {
  assert.equal(
    absoluteLinks(TEXT, { version: "1.2.3" }),
    `See \`docs/http.md\`, the log (\`CHANGELOG.md\`), [below](#below) and
[Prometheus](https://prometheus.io).

## Below
`,
  );
});

test("no relative link of the README remains", () => {
  for (const repository of [undefined, "https://example.com/narthex"]) {
    const text = absoluteLinks(readReadme(), { repository, version: "1.2.3" });
    assert.doesNotMatch(text, /\]\((?!https?:|#)/);
    assert.ok(text.includes("docs/operating.md"));
  }
});
