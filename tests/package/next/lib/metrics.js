import { Counter } from "@narthex/prometheus";

/** Is edited while the app runs. */
export const GREETING = "hello";

export const visits = new Counter("page_visits_total", "Visits of pages.", {
  labelNames: ["page"],
});

export const starts = new Counter("app_starts_total", "Starts of the app.");
