import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags, type Context, type Span as ApiSpan } from '@opentelemetry/api';
import { BatchSpanProcessor, NodeTracerProvider, RandomIdGenerator, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace-node';
import { errorFields, type Log, type Span, type SpanOptions, type Tracer } from '#kernel';
import { exportBody } from './encode.ts';

export interface OtlpOptions {
  /** Base address of a collector's OTLP/HTTP receiver; spans go to `<endpoint>/v1/traces`. */
  readonly endpoint: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly service: string;
  readonly log: Log;
}

const EXPORT_MS_MAX = 10_000;
const LINKS_MAX = 128;
const KINDS = { request: SpanKind.SERVER, inside: SpanKind.INTERNAL, call: SpanKind.CLIENT } as const;

function exporter(o: OtlpOptions): SpanExporter {
  const url = `${o.endpoint.replace(/\/$/, '')}/v1/traces`;
  const send = async (spans: ReadableSpan[]): Promise<void> => {
    const answer = await fetch(url, {
      method: 'POST', redirect: 'error', signal: AbortSignal.timeout(EXPORT_MS_MAX), body: exportBody(spans, { 'service.name': o.service }),
      headers: { 'content-type': 'application/json', ...o.headers },
    });
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`the collector answered ${answer.status}`);
  };
  return {
    export(spans, done) {
      const tried = async (): Promise<void> => {
        try {
          await send(spans);
          done({ code: 0 });
        } catch (error) {
          // Spans are dropped, never work: a collector that is away must not be felt by anybody.
          o.log.warn('tracing.not-exported', { spans: spans.length, ...errorFields(error) });
          done({ code: 1 });
        }
      };
      void tried();
    },
    shutdown: async () => undefined,
  };
}

class OtlpSpan implements Span {
  readonly inner: ApiSpan;
  constructor(inner: ApiSpan) {
    this.inner = inner;
  }
  set(attributes: Parameters<Span['set']>[0]): void {
    this.inner.setAttributes(attributes);
  }
  fail(error: unknown): void {
    this.inner.setStatus({ code: SpanStatusCode.ERROR });
    this.inner.setAttribute('error.type', error instanceof Error ? error.name : typeof error);
  }
  end(): void {
    this.inner.end();
  }
}

/** A tracer whose spans go to a collector by OTLP/HTTP in JSON; `stop` sends what is left. No global is set, nothing is patched. */
export function otlpTracer(o: OtlpOptions): { readonly tracer: Tracer; stop(): Promise<void> } {
  const random = new RandomIdGenerator();
  // A span without a parent here takes the trace id that the request already has in logs, facts and answers.
  let wanted: string | undefined;
  const provider = new NodeTracerProvider({
    idGenerator: { generateSpanId: random.generateSpanId, generateTraceId: () => wanted ?? random.generateTraceId() },
    spanProcessors: [new BatchSpanProcessor(exporter(o))],
  });
  const made = provider.getTracer('exchequer');
  const contextOf = (s: SpanOptions): Context => {
    if (s.parent) return trace.setSpan(ROOT_CONTEXT, (s.parent as OtlpSpan).inner);
    if (!s.trace || !s.caller) return ROOT_CONTEXT;
    return trace.setSpanContext(ROOT_CONTEXT, { traceId: s.trace, spanId: s.caller, traceFlags: TraceFlags.SAMPLED, isRemote: true });
  };
  return {
    tracer: {
      start(name, s) {
        wanted = s.trace;
        return new OtlpSpan(made.startSpan(name, {
          kind: KINDS[s.kind], attributes: { ...s.attributes },
          links: (s.links ?? []).slice(0, LINKS_MAX).map((l) => ({ context: (l as OtlpSpan).inner.spanContext() })),
        }, contextOf(s)));
      },
    },
    stop: () => provider.shutdown(),
  };
}
