import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Algorithm, LimitPolicy, Verdict } from '#spine/limits';

/**
 * One case a line: algorithm, capacity/per minute, then what is asked at which millisecond. `0x5=3,0` asks for up to 5 at 0: 3 are granted, 0 remain;
 * a third number is how long a leaky bucket holds them. `0=!1000` is refused, with the milliseconds until one is free.
 */
export const LIMIT_CASES = `
token-bucket 5/60 | 0=1,4
token-bucket 5/60 | 0x5=5,0 | 0=!1000
token-bucket 5/60 | 0x5=5,0 | 999=!1
token-bucket 5/60 | 0x5=5,0 | 1000=1,0
token-bucket 5/60 | 0x5=5,0 | 500=!500 | 999=!1 | 1000=1,0 | 1000=!1000
token-bucket 5/60 | 0x5=5,0 | 2500x5=2,0 | 2500=!500
token-bucket 5/60 | 0x3=3,2 | 100000=1,4
token-bucket 5/60 | 0x9=5,0
token-bucket 5/60 | 0x5=5,0 | 5000x5=5,0
token-bucket 5/60 | 10000x5=5,0 | 5000=!1000 | 10000=!1000 | 11000=1,0
token-bucket 1/1 | 0=1,0 | 0=!60000 | 59999=!1 | 60000=1,0
token-bucket 1/60000 | 0=1,0 | 0=!1 | 1=1,0
token-bucket 100/100 | 0x100=100,0 | 0=!600 | 599=!1 | 600=1,0
token-bucket 3/0.3 | 0x3=3,0 | 0=!200000 | 200000=1,0
token-bucket 10/600 | 0x10=10,0 | 50=!50 | 99=!1 | 100=1,0 | 150=!50 | 200=1,0
token-bucket 2/7 | 0x2=2,0 | 0=!8572 | 8571=!1 | 8572=1,0
token-bucket 1000/1000 | 0x400=400,600 | 60x700=601,0
leaky-bucket 5/60 | 0=1,4,0
leaky-bucket 5/60 | 0=1,4,0 | 0=1,3,1000 | 0=1,2,2000 | 0=1,1,3000 | 0=1,0,4000 | 0=!1000
leaky-bucket 5/60 | 0=1,4,0 | 500=1,3,500
leaky-bucket 5/60 | 0=1,4,0 | 1000=1,4,0
leaky-bucket 1/60 | 0=1,0,0 | 999=!1 | 1000=1,0,0
leaky-bucket 2/60 | 0=1,1,0 | 0=1,0,1000 | 0=!1000 | 1000=1,0,1000
leaky-bucket 10/600 | 0=1,9,0 | 10=1,8,90
leaky-bucket 3/3 | 0=1,2,0 | 0=1,1,20000 | 0=1,0,40000 | 0=!20000 | 20000=1,0,40000
leaky-bucket 5/60 | 0=1,4,0 | 60000=1,4,0
leaky-bucket 5/60 | 5000=1,4,0 | 0=1,3,1000
leaky-bucket 60/60 | 0=1,59,0 | 0=1,58,1000
leaky-bucket 4/240 | 0=1,3,0 | 0=1,2,250 | 250=1,2,250 | 1000=1,3,0
leaky-bucket 1/1 | 0=1,0,0 | 30000=!30000 | 60000=1,0,0
leaky-bucket 2/60000 | 0=1,1,0 | 0=1,0,1 | 0=!1 | 1=1,0,1
leaky-bucket 5/60 | 0=1,4,0 | 0=1,3,1000 | 0=1,2,2000 | 0=1,1,3000 | 0=1,0,4000 | 1500=1,0,3500
leaky-bucket 1/60 | 0=1,0,0 | 1=!999 | 2=!998 | 1000=1,0,0
fixed-window 5/60 | 0=1,4
fixed-window 5/60 | 0x5=5,0 | 0=!5000
fixed-window 5/60 | 0x5=5,0 | 4999=!1
fixed-window 5/60 | 0x5=5,0 | 5000=1,4
fixed-window 5/60 | 4999x5=5,0 | 5000x5=5,0 | 5001=!4999
fixed-window 5/60 | 0x2=2,3 | 4999x9=3,0 | 4999=!1
fixed-window 5/60 | 0x5=5,0 | 12000=1,4
fixed-window 5/60 | 2500x5=5,0 | 2500=!2500
fixed-window 60/60 | 59999x60=60,0 | 60000x60=60,0 | 60000=!60000
fixed-window 5/60 | 7000x5=5,0 | 2000=!3000
fixed-window 1/1 | 0=1,0 | 59999=!1 | 60000=1,0
fixed-window 10/600 | 0x10=10,0 | 999=!1 | 1000x10=10,0 | 2000x10=10,0
fixed-window 5/60 | 4000=1,4 | 5000x5=5,0 | 9999=!1 | 10000=1,4
fixed-window 3/60 | 1000x3=3,0 | 1000=!2000 | 2999=!1 | 3000x3=3,0
fixed-window 100/100 | 30000x100=100,0 | 30000=!30000
fixed-window 1000/60000 | 0x999=999,1 | 1=1,0 | 2=!998
sliding-window 5/60 | 0=1,4
sliding-window 5/60 | 0x5=5,0 | 0=!6000
sliding-window 5/60 | 0x5=5,0 | 5000=!1000
sliding-window 5/60 | 0x5=5,0 | 5999=!1 | 6000=1,0
sliding-window 5/60 | 4999x5=5,0 | 5000x5=!1000
sliding-window 5/60 | 0x5=5,0 | 7500x5=2,0
sliding-window 5/60 | 0x5=5,0 | 10000=1,4
sliding-window 5/60 | 0x3=3,2 | 5000=1,1
sliding-window 5/60 | 0x2=2,3 | 2500x3=3,0 | 5000=!1000
sliding-window 5/60 | 7000x5=5,0 | 2000=!4000
sliding-window 1/1 | 0=1,0 | 0=!120000 | 119999=!1 | 120000=1,0
sliding-window 10/600 | 0x10=10,0 | 1000=!100 | 1100=1,0 | 1200=1,0
sliding-window 4/240 | 0x4=4,0 | 1250=1,0 | 1500=1,0 | 1750=1,0 | 2000=1,0
sliding-window 100/100 | 0x100=100,0 | 90000x100=50,0
sliding-window 2/60 | 0=1,1 | 1999=1,0 | 2000=!1000 | 3000=1,0
sliding-window 5/60 | 0x5=5,0 | 5500=!500 | 6000=1,0 | 6000=!1000
`.trim().split('\n');

/** A multiple of every window's length above. */
const BASE_MS = 1_800_000_000_000;

export interface Counting { take(policy: LimitPolicy, key: string, atMs: number, upTo: number): Promise<Verdict>; about(): Promise<string>; close(): Promise<void> }

function said(v: Verdict, leaky: boolean): string {
  if (!v.ok) return `!${v.retryAfterMs}`;
  return `${v.granted},${v.remaining}${leaky ? `,${v.waitMs}` : ''}`;
}

/** What every place where limits are counted must say, case by case. */
export function limitsConform(name: string, open: () => Promise<Counting>, when = true): void {
  describe.runIf(when)(`limits counted in ${name}`, () => {
    let counting: Counting;
    beforeAll(async () => {
      counting = await open();
      process.stdout.write(`limits: ${await counting.about()}\n`);
    });
    afterAll(() => counting?.close());
    it('know each case of the table', async () => {
      expect(LIMIT_CASES.length).toBeGreaterThanOrEqual(60);
      const wrong: string[] = [];
      for (const [i, line] of LIMIT_CASES.entries()) {
        const [head = '', ...steps] = line.split(' | ');
        const [algorithm = '', rate = ''] = head.split(' ');
        const [capacity = 0, perMinute = 0] = rate.split('/').map(Number);
        const policy: LimitPolicy = { name: 'case', capacity, perMinute, algorithm: algorithm as Algorithm };
        const got: string[] = [];
        for (const step of steps) {
          const asked = step.split('=')[0] ?? '';
          const [at = 0, upTo = 1] = asked.split('x').map(Number);
          got.push(`${asked}=${said(await counting.take(policy, `c${i}`, BASE_MS + at, upTo), algorithm === 'leaky-bucket')}`);
        }
        if (got.join(' | ') !== steps.join(' | ')) wrong.push(`${line}\n   said ${got.join(' | ')}`);
      }
      expect(wrong).toEqual([]);
    });
  });
}
