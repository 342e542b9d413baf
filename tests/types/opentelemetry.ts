/**
 * The shapes of OpenTelemetry's API, held against the real types.
 *
 * @module
 */
import {
  type Attributes,
  context,
  type Meter as ApiMeter,
  type MeterProvider as ApiMeterProvider,
  metrics,
  ValueType,
} from "@opentelemetry/api";
import { type Meter, type MeterProvider, meterProvider } from "../../collectors/opentelemetry.ts";

const provider: MeterProvider = meterProvider();
const asApi: ApiMeterProvider = provider;
metrics.setGlobalMeterProvider(provider);

const meter: Meter = provider.getMeter("a", "1", { schemaUrl: "https://schema" });
const apiMeter: ApiMeter = meter;
apiMeter.createCounter<{ route: string }>("a").add(1, { route: "/" }, context.active());
meter.createCounter("a", { unit: "s", valueType: ValueType.INT, advice: {} }).add(1);
meter.createHistogram("h", { advice: { explicitBucketBoundaries: [1] } }).record(1, { a: [1, 2] });

const attributes: Attributes = { a: undefined, b: ["x", null], c: 1, d: true };
const gauge = meter.createObservableGauge("g");
gauge.addCallback((result) => result.observe(1, attributes));
gauge.addCallback(async (result) => result.observe(await Promise.resolve(1)));
meter.addBatchObservableCallback((result) => result.observe(gauge, 1, attributes), [gauge]);
apiMeter.addBatchObservableCallback((result) => result.observe(gauge, 1), [gauge]);

// @ts-expect-error There is no such strategy.
meterProvider({ translation: "Dots" });
// @ts-expect-error The option has another name.
meterProvider({ view: [] });
// @ts-expect-error A view knows no boundaries.
meterProvider({ views: [{ boundaries: [1] }] });
// @ts-expect-error A counter has nothing to record.
meter.createCounter("a").record(1);

void asApi;
