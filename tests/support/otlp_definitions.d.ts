/** What tests use of OpenTelemetry's definitions, which are made by protobufjs. */
interface MessageType {
  decode(bytes: Uint8Array): object;
  encode(message: object): { finish(): Uint8Array };
  toObject(message: object, options: object): object;
}
declare const root: {
  opentelemetry: {
    proto: {
      collector: {
        metrics: {
          v1: {
            ExportMetricsServiceRequest: MessageType;
            ExportMetricsServiceResponse: MessageType;
          };
        };
      };
    };
  };
};
export default root;
