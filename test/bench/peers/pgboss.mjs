// Peer of the jobs bench: pg-boss, fetching 500 at a time and completing them together, two such loops; its faster way of working.
import { createInterface } from 'node:readline';
import * as module from 'pg-boss';

const PgBoss = module.PgBoss ?? module.default;
const boss = new PgBoss({ connectionString: process.argv[2], max: 24, supervise: false, schedule: false });
boss.on('error', (error) => process.stderr.write(`${error.stack}\n`));
await boss.start();
await boss.createQueue('chore');
process.stdout.write('{"ready":true}\n');
for await (const line of createInterface({ input: process.stdin })) {
  const { what, count, callers } = JSON.parse(line);
  let seconds = 0;
  const began = performance.now();
  if (what === 'enqueue') {
    let open = count;
    await Promise.all(Array.from({ length: callers }, async () => {
      while (open-- > 0) await boss.send('chore', { n: open });
    }));
    seconds = (performance.now() - began) / 1000;
    await boss.deleteAllJobs('chore');
  } else if (what === 'fill') {
    for (let at = 0; at < count; at += 1000) await boss.insert('chore', Array.from({ length: Math.min(1000, count - at) }, (_, n) => ({ data: { n } })));
  } else {
    let done = 0;
    await Promise.all([0, 1].map(async () => {
      for (;;) {
        const jobs = await boss.fetch('chore', { batchSize: 500 });
        if (!jobs.length) return;
        await boss.complete('chore', jobs.map((job) => job.id));
        done += jobs.length;
      }
    }));
    seconds = (performance.now() - began) / 1000;
    if (done !== count) throw new Error(`${done} of ${count}`);
    await boss.deleteAllJobs('chore');
  }
  process.stdout.write(`${JSON.stringify({ jobs: count, seconds })}\n`);
}
await boss.stop({ graceful: false });
process.exit(0);
