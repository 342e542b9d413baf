import { metricsHandler } from "@narthex/prometheus";
import "../../lib/metrics.js";

export const dynamic = "force-dynamic";

export const GET = metricsHandler();
