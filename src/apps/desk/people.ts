import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newTrace, perform, type Clock } from '#kernel';
import { inviteOperator, relinkOperator, totpCode } from '#spine/operators';
import type { TenantRecord } from '#spine/tenancy';
import type { Program } from '../program.ts';

/** The demo's operators: one for each tenant and a second one where two must agree, whose authenticator this file is. They exist nowhere else. */
export interface DeskPerson { readonly slug: string; readonly tenant: string; readonly name: string; readonly password: string; /** Hexadecimal. */
  readonly key: string }

const PASSWORD = 'paper boats at noon';
interface Post { readonly name: string; readonly role: string }
const FIRST: Post = { name: 'Demo Operator', role: 'administrator' };
const SECOND: Post = { name: 'Demo Second', role: 'compliance' };
const postsOf = (tenant: TenantRecord): Post[] => (tenant.products.includes('wallet') ? [FIRST, SECOND] : [FIRST]);
const STEP_MS = 30_000;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The code that a person's authenticator shows now, and for how many seconds it does. */
export function codeOf(person: DeskPerson, now: Date): { code: string; seconds: number } {
  const step = Math.floor(now.getTime() / STEP_MS);
  return { code: totpCode(Buffer.from(person.key, 'hex'), step), seconds: Math.ceil(((step + 1) * STEP_MS - now.getTime()) / 1000) };
}

function bytesOf(base32: string): Buffer {
  const bits = [...base32].map((c) => BASE32.indexOf(c).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((b) => Number.parseInt(b, 2)));
}

/** Enrols one through the same link and routes as anybody. */
async function enrol(program: Program, base: string, clock: Clock, tenant: TenantRecord, { name, role }: Post): Promise<DeskPerson> {
  const cell = program.cells.get(tenant.cell);
  if (!cell) throw new Error(`no cell ${tenant.cell} here`);
  const by = { actor: { kind: 'system', name: 'demo' }, trace: newTrace() } as const;
  const invited = await perform(cell, tenant, by, (tx) => inviteOperator(tx, name, role));
  const linked = invited.ok ? invited : await perform(cell, tenant, by, (tx) => relinkOperator(tx, name));
  if (!linked.ok) throw new Error(`the demo has no operator: ${linked.problem.code}`);
  const { link } = linked.value;
  const api = `${base}/t/${tenant.slug}/api/operators/enrolment`;
  const offered = await (await fetch(`${api}?link=${link}`)).json() as { secret: string };
  const person = { slug: tenant.slug, tenant: tenant.name, name, password: PASSWORD, key: bytesOf(offered.secret).toString('hex') };
  const answer = await fetch(`${api}/password`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ link, password: PASSWORD, code: codeOf(person, clock.now()).code }),
  });
  if (!answer.ok) throw new Error(`the demo’s operator was not enrolled: ${answer.status} ${await answer.text()}`);
  return person;
}

/** The demo's operators, made at the first start on a data folder and known from a file at the next. */
export async function deskPeople(o: { program: Program; base: string; dataDir: string; clock: Clock }): Promise<DeskPerson[]> {
  const file = join(o.dataDir, 'operators.json');
  const known = await readFile(file, 'utf8').then((text) => JSON.parse(text) as DeskPerson[], () => []);
  const people: DeskPerson[] = [];
  for (const tenant of o.program.directory.all()) {
    for (const post of postsOf(tenant)) {
      people.push(known.find((p) => p.slug === tenant.slug && p.name === post.name) ?? await enrol(o.program, o.base, o.clock, tenant, post));
    }
  }
  await writeFile(file, JSON.stringify(people), { mode: 0o600 });
  return people;
}
