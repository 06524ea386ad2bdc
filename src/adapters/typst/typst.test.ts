import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { Unavailable, type Sheet } from '#kernel';
import { SHEETS_WAITING_MAX, typst } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'exchequer-typst-'));
const setter = typst();
afterAll(async () => {
  await setter.stop();
  rmSync(folder, { recursive: true, force: true });
});
let sheets = 0;
function sheet(template: string, data: Record<string, unknown> = {}): Sheet {
  const path = join(folder, `${sheets += 1}.typ`);
  writeFileSync(path, template);
  return { template: pathToFileURL(path), data };
}
const isPdf = (bytes: Buffer): boolean => bytes.subarray(0, 5).toString('latin1') === '%PDF-';

it('sets what it is given as text: what looks like a template stays what somebody wrote', async () => {
  const plain = '#let d = json(bytes(sys.inputs.data))\n#d.note';
  for (const note of ['चाय', '#panic("x")', '#read("/etc/hostname")', '$ x $ *bold*']) expect(isPdf(await setter.pdf(sheet(plain, { note })))).toBe(true);
});
it('says what is wrong with a template, reads no file outside its folder, and goes on', async () => {
  await expect(setter.pdf(sheet('#nothing-of-this-name'))).rejects.toThrow('the sheet could not be set');
  await expect(setter.pdf(sheet('#read("/etc/hostname")'))).rejects.toThrow('the sheet could not be set');
  expect(isPdf(await setter.pdf(sheet('fine')))).toBe(true);
});
it('takes many at once, and tells what is too much to come again', async () => {
  const one = sheet('a page of text');
  const all = await Promise.allSettled(Array.from({ length: SHEETS_WAITING_MAX + 5 }, () => setter.pdf(one)));
  expect(all.filter((a) => a.status === 'fulfilled' && isPdf(a.value))).toHaveLength(SHEETS_WAITING_MAX);
  expect(all.filter((a) => a.status === 'rejected' && a.reason instanceof Unavailable)).toHaveLength(5);
});
it('starts its thread again when that ended', async () => {
  // Long enough that the thread is ended before it answers.
  const waiting = setter.pdf(sheet('#for i in range(1000) { for j in range(2000) { } }'));
  await setter.stop();
  await expect(waiting).rejects.toThrow(Unavailable);
  expect(isPdf(await setter.pdf(sheet('again')))).toBe(true);
});
it('does not keep a program alive that has nothing more to do', () => {
  const { template } = sheet('the only page');
  const program = `import { typst } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    process.stdout.write(String((await typst().pdf({ template: new URL(${JSON.stringify(template.href)}), data: {} })).length));`;
  const path = join(folder, 'program.mjs');
  writeFileSync(path, program);
  const ended = spawnSync(process.execPath, ['--import', './bin/tsx-hook.mjs', path], { timeout: 20_000,
    encoding: 'utf8' });
  expect([ended.status, ended.signal, Number(ended.stdout) > 1000], ended.stderr).toEqual([0, null, true]);
});
