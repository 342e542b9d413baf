/**
 * Checks the library's types against the real types of OpenTelemetry's API.
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

// @ts-expect-error This strategy does not exist.
meterProvider({ translation: "Dots" });
// @ts-expect-error The option is called `views`.
meterProvider({ view: [] });
// @ts-expect-error A view has no option `boundaries`.
meterProvider({ views: [{ boundaries: [1] }] });
// @ts-expect-error A counter has no record().
meter.createCounter("a").record(1);

void asApi;
