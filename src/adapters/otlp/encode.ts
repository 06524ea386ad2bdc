import type { Attributes, HrTime } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';

/** Spans in the JSON encoding of OTLP 1.x (opentelemetry-proto, trace/v1): ids in hex, 64-bit numbers as text. */
const nanos = ([seconds, rest]: HrTime): string => (BigInt(seconds) * 1_000_000_000n + BigInt(rest)).toString();

function valueOf(value: unknown): Record<string, unknown> {
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  return { stringValue: String(value) };
}
const attributesOf = (a: Attributes): { key: string; value: Record<string, unknown> }[] =>
  Object.entries(a).map(([key, value]) => ({ key, value: valueOf(value) }));

const spanOf = (s: ReadableSpan): Record<string, unknown> => ({
  traceId: s.spanContext().traceId, spanId: s.spanContext().spanId, ...(s.parentSpanContext ? { parentSpanId: s.parentSpanContext.spanId } : {}),
  // The API counts kinds from 0, the protocol from 1.
  name: s.name, kind: s.kind + 1, startTimeUnixNano: nanos(s.startTime), endTimeUnixNano: nanos(s.endTime), attributes: attributesOf(s.attributes),
  links: s.links.map((l) => ({ traceId: l.context.traceId, spanId: l.context.spanId })), status: { code: s.status.code },
});

/** The body of one export request. */
export const exportBody = (spans: readonly ReadableSpan[], of: Attributes): string => JSON.stringify({
  resourceSpans: [{
    resource: { attributes: attributesOf(of) },
    scopeSpans: [{ scope: { name: 'exchequer' }, spans: spans.map(spanOf) }],
  }],
});
