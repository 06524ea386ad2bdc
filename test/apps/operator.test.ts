import { mkdtempSync, rmSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '#kernel';
import { saveTenant } from '#spine/tenancy';
import { house, type House } from '#test';
import { codeOf, deskPeople } from '../../src/apps/desk/people.ts';
import { operator } from '../../src/apps/operator.ts';
import { reach } from '../../src/apps/reach.ts';
import type { Cell } from '../../src/apps/runtime.ts';
import { demoTenants } from '../../src/apps/tenants.ts';

describe('exchequer operator', () => {
  let folder: string;
  const said: string[] = [];
  beforeAll(async () => {
    folder = mkdtempSync('/tmp/exchequer-operator-');
    chmodSync(folder, 0o755);
    await reach(['--data', join(folder, 'data')], async (reached) => {
      for (const tenant of demoTenants) await saveTenant(reached.cells.get('IN') as Cell, tenant);
      return 0;
    });
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      // The log of a server that is stopping goes the same way.
      if (!String(text).startsWith('{')) said.push(String(text));
      return true;
    });
  }, 60_000);
  afterEach(() => void said.splice(0));
  afterAll(() => {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true, force: true });
  });
  const run = (...args: string[]): Promise<number> => operator([...args, '--data', join(folder, 'data'), '--tenant', 'india']);

  it('adds, lists, gives roles and links, and disables', { timeout: 60_000 }, async () => {
    expect(await run('add', 'Made Up Clerk', '--role', 'auditor', '--site', 'http://localhost:8080/t/india/')).toBe(0);
    expect(said.join('')).toMatch(/http:\/\/localhost:8080\/t\/india\/operator\/enrol\?link=enr_[0-9a-f]{32}\.[A-Za-z0-9_-]{43}\n$/);
    expect(await run('add', 'made up clerk', '--role', 'auditor')).toBe(1);
    expect(await run('add', 'Somebody Else', '--role', 'emperor')).toBe(1);
    expect(await run('role', 'Made Up Clerk', '--role', 'accountant')).toBe(0);
    expect(await run('link', 'Made Up Clerk')).toBe(0);
    expect(said.join('')).toContain('https://india.localhost/operator/enrol?link=');
    expect(await run('disable', 'Made Up Clerk')).toBe(0);
    said.splice(0);
    expect(await run('list')).toBe(0);
    expect(said).toEqual(['disabled  accountant     Made Up Clerk\n']);
    for (const args of [['add', 'x'], ['fly', 'x'], ['link'], []]) await expect(run(...args)).rejects.toThrow(/exchequer operator add/);
  });
});

describe('the demo’s operators', () => {
  let h: House;
  beforeAll(async () => { h = await house({ transport: 'http' }); });
  afterAll(() => h.stop());

  it('are made once, one for each office and a second where two must agree, and can sign in', { timeout: 60_000 }, async () => {
    const o = { program: h.program, base: `http://127.0.0.1:${h.program.port}`, dataDir: h.folder, clock: systemClock };
    const people = await deskPeople(o);
    const expected = h.program.directory.all().flatMap((t) => (t.products.includes('wallet') ? [t.slug, t.slug] : [t.slug]));
    expect(people.map((p) => p.slug)).toEqual(expected);
    expect(new Set(expected)).toEqual(new Set(['india', 'other', 'us']));
    expect(await deskPeople(o)).toEqual(people);
    for (const p of people) {
      const { code } = codeOf(p, new Date(systemClock.now().getTime() + 30_000));
      const answer = await h.request({ tenant: p.slug, path: '/api/operators/sign-in', json: { name: p.name, password: p.password, code } });
      expect(answer.status, answer.text).toBe(200);
    }
  });
});
