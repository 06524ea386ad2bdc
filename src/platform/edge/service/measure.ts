import type { FastifyInstance } from 'fastify';
import { Counter, Gauge, Histogram } from 'prom-client';
import type { BreakerState } from '#kernel';
import type { EdgeOptions } from './context.ts';
import type { Runner } from './run.ts';

/** What `/metrics` tells of this process: its requests, batches, breakers, connections and itself. */
export function measure(app: FastifyInstance, o: EdgeOptions, runner: Runner): void {
  const requests = new Counter({ name: 'exchequer_http_requests_total', help: 'Answered requests.', labelNames: ['route', 'status'], registers: [o.metrics] });
  const durations = new Histogram({
    name: 'exchequer_http_request_seconds', help: 'Time from the first byte to the answer.', labelNames: ['route'], registers: [o.metrics],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
  });
  const batches = new Gauge({
    name: 'exchequer_batch_items', help: 'Mean items of a group commit since start.', labelNames: ['route'], registers: [o.metrics],
    collect() {
      for (const [route, s] of Object.entries(runner.stats())) this.labels(route).set(s.batches ? s.items / s.batches : 0);
    },
  });
  void batches;
  measureGate(o, runner);
  measureBreakers(o);
  measureConnections(o);
  measureProcess(o);
  // Kept by route and status: to look a counter up by its labels costs more than to count.
  const counters = new Map<string, Map<number, { inc(): void; observe(seconds: number): void }>>();
  const counterOf = (route: string, status: number): { inc(): void; observe(seconds: number): void } => {
    let ofRoute = counters.get(route);
    if (!ofRoute) counters.set(route, (ofRoute = new Map()));
    let counter = ofRoute.get(status);
    if (!counter) {
      const [count, time] = [requests.labels(route, String(status)), durations.labels(route)];
      ofRoute.set(status, (counter = { inc: () => count.inc(), observe: (seconds) => time.observe(seconds) }));
    }
    return counter;
  };
  app.addHook('onResponse', (req, reply, next) => {
    const counter = counterOf(req.routeOptions.url ?? 'none', reply.statusCode);
    counter.inc();
    counter.observe(reply.elapsedTime / 1000);
    next();
  });
}

function measureGate(o: EdgeOptions, { gate }: Runner): void {
  void new Gauge({ name: 'exchequer_open_requests', help: 'Requests under way.', registers: [o.metrics], collect() { this.set(gate.counts.open); } });
  void new Gauge({ name: 'exchequer_loop_late_seconds', help: 'How late the event loop was when last asked.', registers: [o.metrics],
    collect() { this.set(gate.counts.lateMs / 1000); } });
  void new Gauge({
    name: 'exchequer_turned_away', help: 'Requests turned away since start, by what they were.', labelNames: ['priority'], registers: [o.metrics],
    collect() {
      for (const [priority, count] of Object.entries(gate.counts.shed)) this.labels(priority).set(count);
      this.labels('crowded').set(gate.counts.crowded);
    },
  });
}

const BREAKER_LEVELS: Readonly<Record<BreakerState, number>> = { closed: 0, probing: 1, open: 2 };
function measureBreakers(o: EdgeOptions): void {
  void new Gauge({
    name: 'exchequer_breaker', help: 'Breakers before outside parties in this process: 0 closed, 1 finding out whether the party is back, 2 open.',
    labelNames: ['party'], registers: [o.metrics],
    collect() {
      for (const breaker of o.breakers?.all() ?? []) this.labels(breaker.party).set(BREAKER_LEVELS[breaker.state()]);
    },
  });
}

/** Connections that are waited for say that a database is saturated before its requests time out. */
function measureConnections(o: EdgeOptions): void {
  void new Gauge({
    name: 'exchequer_connections', help: 'Connections to a cell’s database by pool: in use, idle, and requests that wait for one.',
    labelNames: ['cell', 'pool', 'state'], registers: [o.metrics],
    collect() {
      for (const cell of o.cells.values()) {
        for (const [pool, held] of Object.entries(cell.pools)) {
          for (const [state, count] of Object.entries(held.counts())) this.labels(cell.name, pool, state).set(count);
        }
      }
    },
  });
}

/** By the names that Prometheus's own clients use, so that a dashboard of theirs fits. */
function measureProcess(o: EdgeOptions): void {
  const registers = [o.metrics];
  void new Gauge({ name: 'process_resident_memory_bytes', help: 'Resident memory of this process.', registers,
    collect() { this.set(process.memoryUsage.rss()); } });
  void new Gauge({ name: 'nodejs_heap_size_used_bytes', help: 'What is used of the heap.', registers,
    collect() { this.set(process.memoryUsage().heapUsed); } });
  void new Counter({
    name: 'process_cpu_seconds_total', help: 'Processor time of this process, user and system.', registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1_000_000);
    },
  });
  const begun = o.clock.now().getTime() / 1000 - process.uptime();
  void new Gauge({ name: 'process_start_time_seconds', help: 'When this process began, in seconds since 1970.', registers, collect() { this.set(begun); } });
}

/** Sessions, codes and limits last for minutes; apart by more than this, somebody has to look at the clocks. */
const CLOCKS_APART_MS = 5000;
/** Keeps how far each cell's clock is ahead of this machine's, and says when they come apart, and together again. */
export function compareClocks(o: EdgeOptions): (cell: string, aheadMs: number) => void {
  const known = new Map<string, number>();
  void new Gauge({
    name: 'exchequer_database_clock_ahead_seconds', help: 'How far the clock of a cell’s database is ahead of this machine’s, when readiness was last asked.',
    labelNames: ['cell'], registers: [o.metrics],
    collect() {
      for (const [cell, aheadMs] of known) this.labels(cell).set(aheadMs / 1000);
    },
  });
  return (cell, aheadMs) => {
    const [before, apart] = [Math.abs(known.get(cell) ?? 0) > CLOCKS_APART_MS, Math.abs(aheadMs) > CLOCKS_APART_MS];
    known.set(cell, aheadMs);
    if (apart !== before) o.log.warn(apart ? 'edge.clocks-apart' : 'edge.clocks-together', { cell, databaseAheadMs: Math.round(aheadMs) });
  };
}
