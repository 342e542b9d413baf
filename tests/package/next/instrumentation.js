export async function register() {
  if (process.env.NEXT_RUNTIME !== "nodejs") return;
  const { starts } = await import("./lib/metrics.js");
  starts.inc();
}
