import { GREETING, visits } from "../lib/metrics.js";

export const dynamic = "force-dynamic";

export default function Page() {
  visits.labels({ page: "/" }).inc();
  return <p>{GREETING}</p>;
}
