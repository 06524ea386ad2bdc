import type { VNode } from 'preact';
import { fill, formatInstant, formatMoney, localeOf, money, type Currency, type PageContext } from '#kernel';
import { Badge, Facts } from '#kit';
import { refundWords } from '#products/taxrefund';
import { BANK } from './pay.ts';
import type { FactSeen, Spread as SpreadSeen } from './rows.ts';
import { tourWords, type TourView } from './view.ts';

const Trace = ({ label, trace }: { label: string; trace: string }): VNode => <p class="trace">{label} <code>{trace}</code></p>;

function factLine(context: PageContext, fact: FactSeen): VNode {
  const w = tourWords(context).outcome;
  const said = fact.action === 'identity.start' ? w.asked : fact.result === 'done' ? w.accepted : w.refused;
  return (
    <div class="line">
      <Badge meaning={fact.result === 'done' ? 'done' : 'failed'}>{said}</Badge>{' '}
      <span class="quiet">{fact.pos === null ? w.noLeaf : fill(w.leaf, { pos: fact.pos.toString() })}</span>
      <Trace label={w.trace} trace={fact.trace} />
    </div>
  );
}

function Fed({ context, v }: { context: PageContext; v: TourView }): VNode | null {
  const w = tourWords(context).outcome;
  const { fed } = v.told;
  if (!fed) return null;
  const values = { count: fed.accepted, code: fed.code, id: fed.sourceEventId };
  return (
    <div class="line">
      <Badge meaning="done">{fill(fed.accepted === 1 ? w.fedOne : w.fed, values)}</Badge>
      <Trace label={w.trace} trace={fed.trace} />
    </div>
  );
}

function Why({ context, v }: { context: PageContext; v: TourView }): VNode | null {
  const w = tourWords(context).outcome;
  const { why } = v.told;
  if (!why) return null;
  const time = (at: Date): string => formatInstant(at, localeOf(context.language), context.tenant.zone);
  const { event } = why;
  const r = refundWords(context.language, { code: event.code, source: event.source, law: why.law, reason: why.reasonCode ?? '' });
  const law = r.law ?? w.noLaw;
  return (
    <div class="chain">
      <Facts rows={[
        { label: w.chain.page, value: `${r.label}. ${r.reason}` },
        { label: w.chain.event, value: fill(w.event, { code: event.code, id: event.sourceEventId, version: event.sourceVersion }) },
        { label: w.chain.source, value: fill(w.source, { source: r.source, occurred: time(event.occurredAt), received: time(event.receivedAt) }) },
        { label: w.chain.law, value: why.law?.checked === 'recheck' ? `${law} (${w.recheck})` : law },
        { label: w.chain.fact, value: fill(w.fact, { fact: event.fact, pos: event.pos?.toString() ?? '…' }) },
        { label: w.chain.hash, value: <code>{event.sha256}</code> },
      ]} />
      <Trace label={w.trace} trace={why.trace} />
    </div>
  );
}

const seconds = (ms: number): number => Math.max(0, Math.ceil(ms / 1000));

function Cut({ context, v }: { context: PageContext; v: TourView }): VNode | null {
  const w = tourWords(context).outcome;
  const { cut } = v.told;
  if (!cut) return null;
  const { audited, spooled } = v.now.seen.views;
  const left = seconds(cut.until.getTime() - v.at.getTime());
  const equal = v.now.answered === audited;
  return (
    <div class="line" data-state={cut.back ? 'back' : 'gone'}>
      {cut.back
        ? <Badge meaning="done">{fill(w.back, { seconds: seconds(cut.back.getTime() - cut.at.getTime()) })}</Badge>
        : <Badge meaning="failed">{left > 0 ? fill(w.gone, { seconds: left }) : w.starting}</Badge>}
      <Facts rows={[
        { label: `${w.answered} (${w.sinceStart})`, value: <b data-answered>{v.now.answered}</b> },
        { label: w.audited, value: <b data-audited>{v.now.down ? '…' : audited}</b> },
        { label: w.spooled, value: <b data-spooled>{v.now.down ? '…' : spooled}</b> },
      ]} />
      {cut.back && <p><Badge meaning={equal ? 'done' : 'waiting'}>{equal ? w.equal : w.unequal}</Badge></p>}
    </div>
  );
}

function Tampered({ context, v }: { context: PageContext; v: TourView }): VNode | null {
  const w = tourWords(context).outcome;
  const { tampered, restored } = v.told;
  if (!tampered) return null;
  return (
    <div class="line" data-fact={tampered.fact} data-sound={restored ? String(restored.findings.length === 0) : 'false'}>
      <p>{fill(w.changed, { fact: tampered.fact, pos: tampered.pos })}</p>
      <p class="finding"><Badge meaning="failed">{tampered.findings.length ? fill(w.found, { finding: tampered.findings[0] as string }) : w.missed}</Badge></p>
      <p class="quiet small">{fill(w.took, { ms: tampered.ms })}</p>
      {restored && (
        <p class="finding">
          <Badge meaning={restored.findings.length ? 'failed' : 'done'}>
            {restored.findings.length ? fill(w.notSound, { finding: restored.findings[0] as string }) : fill(w.sound, { facts: restored.facts })}
          </Badge>
        </p>
      )}
    </div>
  );
}

function Paid({ context, v }: { context: PageContext; v: TourView }): VNode | null {
  const w = tourWords(context).outcome;
  const { paid } = v.told;
  if (!paid) return null;
  const text = (amount: bigint): string => formatMoney(money(amount, paid.currency as Currency), localeOf(context.language));
  const whole = paid.answered === paid.payerBalance.toString();
  return (
    <div class="chain" data-payment={paid.payment} data-whole={String(whole)}>
      <p><Badge meaning={whole ? 'done' : 'failed'}>{fill(w.paid, { amount: text(paid.amount), to: paid.to })}</Badge></p>
      <Facts rows={[
        { label: w.money.balance, value: text(paid.payerBalance) },
        { label: w.money.posting, value: fill(w.money.both, { amount: text(paid.amount), payer: text(paid.payerBalance), payee: text(paid.payeeBalance) }) },
        { label: w.money.transfer, value: <code>{paid.transfer}</code> },
        { label: w.money.commit, value: fill(w.money.events, { count: paid.events.toString() }) },
        { label: w.money.request, value: paid.who },
        { label: w.chain.fact, value: fill(w.fact, { fact: paid.fact, pos: paid.pos?.toString() ?? '…' }) },
        { label: w.money.hash, value: <code>{paid.sha256}</code> },
      ]} />
      <p class="small"><a href={`/t/${BANK}/`}>{w.money.open}</a></p>
      <Trace label={w.trace} trace={paid.trace} />
    </div>
  );
}

function Spread({ context, v }: { context: PageContext; v: TourView }): VNode | null {
  const all = tourWords(context).outcome;
  const w = all.spread;
  const { spread } = v.told;
  if (!spread) return null;
  const of = (channel: string): SpreadSeen['messages'][number] | undefined => spread.messages.find((m) => m.channel === channel);
  const said = (channel: string): VNode => {
    const m = of(channel);
    const came = m?.state === 'sent' || m?.state === 'delivered' || m?.state === 'opened';
    return <Badge meaning={came ? 'done' : 'waiting'}>{came ? fill(w.came,
      { by: m.provider ?? w.house }) : w.reasons[m?.reason as keyof typeof w.reasons] ?? w.waits}</Badge>;
  };
  const { hook } = spread;
  return (
    <div class="chain" data-trace-of={spread.trace} data-signed={String(spread.signed)}>
      <Facts rows={[
        { label: w.event, value: fill(w.place, { pos: spread.pos.toString() }) }, { label: w.phone, value: w.changed }, { label: w.inbox,
          value: said('inbox') },
        { label: w.text, value: <>{said('text')}{spread.text && <span class="small quiet"> {spread.text.text}</span>}</> }, { label: w.mail,
          value: said('email') },
        { label: w.hook, value: <Badge meaning={hook?.status === 'done' && spread.signed ? 'done' : 'waiting'}>{hook?.status === 'done'
          ? fill(spread.signed ? w.hooked : w.unsigned, { attempts: hook.attempts }) : w.waits}</Badge> },
      ]} />
      <p class="small"><a href={`/t/${v.slug}/console/events?trace=${spread.trace}`}>{w.timeline}</a> · <a href="/_dev/messages">{w.messages}</a></p>
      <Trace label={all.trace} trace={spread.trace} />
    </div>
  );
}

/** What a step did, drawn from rows and from what the step told. */
export function Outcome({ n, context, v }: { n: number; context: PageContext; v: TourView }): VNode | null {
  if (n === 1) return v.signedIn ? <>{v.now.seen.signIn.map((f) => factLine(context, f))}</> : null;
  if (n === 2) return <Fed context={context} v={v} />;
  if (n === 3) return <Why context={context} v={v} />;
  if (n === 4) return <Cut context={context} v={v} />;
  if (n === 5) return <Tampered context={context} v={v} />;
  if (n === 6) return <Paid context={context} v={v} />;
  return <Spread context={context} v={v} />;
}
