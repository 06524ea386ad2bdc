import { ConfigFault, environment, envText, readConfig, setting, type Log, type Tracer } from '#kernel';

/** The names are OpenTelemetry's own, so that a deployment's usual settings work. */
export const tracingConfig = {
  endpoint: setting('OTEL_EXPORTER_OTLP_ENDPOINT', 'base address of a collector that takes OTLP over HTTP; without it nothing is traced', envText()),
  headers: setting('OTEL_EXPORTER_OTLP_HEADERS', 'headers for the collector, as name=value with commas between', envText()),
  service: setting('OTEL_SERVICE_NAME', 'name of this program in traces; exchequer unless said', envText('exchequer')),
};

/** The tracer that the environment asks for, or none: then not even its library is loaded. Throws ConfigFault. */
export async function openTracer(log: Log): Promise<{ readonly tracer: Tracer; stop(): Promise<void> } | undefined> {
  const { endpoint, headers, service } = readConfig(tracingConfig, environment());
  if (!endpoint) return undefined;
  if (!URL.canParse(endpoint)) throw new ConfigFault(['OTEL_EXPORTER_OTLP_ENDPOINT: is no address']);
  const pairs = (headers ?? '').split(',').filter(Boolean).map((pair) => pair.split('=', 2) as [string, string]);
  if (pairs.some(([name, value]) => !name || value === undefined)) throw new ConfigFault(['OTEL_EXPORTER_OTLP_HEADERS: is no list of name=value']);
  const { otlpTracer } = await import('#adapters/otlp');
  const named = Object.fromEntries(pairs.map(([name, value]) => [name.trim(), decodeURIComponent(value.trim())]));
  return otlpTracer({ endpoint, service: service as string, log, headers: named });
}
