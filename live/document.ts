import { CLIENT_SCRIPT, CLIENT_STYLE } from "./client_bundle.ts";

/** Options of the document. */
export interface DocumentOptions {
  /** The title, as text. */
  readonly title: string;
  /** The time between two scrapes, in milliseconds. */
  readonly intervalMs: number;
  /** The nonce of the script and the style. */
  readonly nonce: string;
}

/** A flame: the icon of the page, which is also before its title. */
const FLAME = "M12.6 1.5c.5 3.4-1 5-2.7 6.9C8.1 10.4 6 12.3 6 15.6c0 3.7 2.7 6.9 6.2 6.9 3.5 0 " +
  "6.3-2.7 6.3-6.3 0-3.1-1.7-4.6-2.3-7-.9 1-1.3 2.1-1.4 3.3C14 8.9 " +
  "15.3 5.2 12.6 1.5Z";

const ICON = "data:image/svg+xml," + encodeURIComponent(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="#d9601a" d="${FLAME}"/></svg>`,
);

/**
 * Returns the live page: one document with its script, its style and its icon. It contains no
 * metrics. The script requests them, and shows them as text.
 */
export function liveDocument({ title, intervalMs, nonce }: DocumentOptions): string {
  const text = escapeHtml(title);
  return `<!doctype html>
<html lang="en" data-interval-ms="${intervalMs}" data-state="loading">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${text}</title>
<link rel="icon" href="${ICON}">
<style nonce="${nonce}">${CLIENT_STYLE}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the metrics</a>
<header class="bar">
<div class="bar-inner">
<h1><svg viewBox="0 0 24 24" aria-hidden="true"><path d="${FLAME}"/></svg><span>${text}</span></h1>
<div class="search" role="search">
<input id="search" type="search" aria-label="Search by name, help, type or label" placeholder="Search names, help, labels" autocomplete="off" spellcheck="false" autocapitalize="off" aria-keyshortcuts="/">
<kbd aria-hidden="true">/</kbd>
</div>
<div class="state">
<p id="status" role="status">Loading…</p>
<p id="updated"></p>
</div>
<div class="buttons">
<button id="pause" type="button" aria-pressed="false">Pause</button>
<button id="sort" type="button" aria-pressed="false" title="Families that changed recently come first">Changed first</button>
<button id="fold" type="button" aria-pressed="false" title="Show each family in one line">Fold</button>
<a id="text" href="?text" title="The metrics as text, as they are now">Text</a>
</div>
</div>
</header>
<div class="layout">
<nav aria-label="Groups">
<p id="summary" class="summary" aria-live="off"></p>
<ul id="navigation" role="list"></ul>
</nav>
<main id="main" tabindex="-1">
<noscript><p class="note">This page needs JavaScript. Without it, read the <a href="?text">metrics as text</a>.</p></noscript>
<p id="nothing" class="note" hidden></p>
<div id="groups"></div>
<button id="more" class="more" type="button" hidden></button>
</main>
</div>
<div id="reading" class="reading" aria-hidden="true" hidden></div>
<script nonce="${nonce}">${CLIENT_SCRIPT}</script>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
