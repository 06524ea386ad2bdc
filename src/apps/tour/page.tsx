import type { VNode } from 'preact';
import { fill, formatInstant, formatMoney, localeOf, money, type Currency, type PageContext, type Rendered } from '#kernel';
import { Badge, Notice } from '#kit';
import { codeIn, type Letter, type Text } from './outbox.ts';
import { Outcome } from './outcomes.tsx';
import type { TourPerson } from './people.ts';
import type { EventSeen, FactSeen, PostingSeen, Seen } from './rows.ts';
import type { Refusal } from './stage.ts';
import { nameOf, nextStep, tourWords, type TourView, type TourWords } from './view.ts';

function Lock({ context, v }: { context: PageContext; v: TourView }): VNode {
  const w = tourWords(context).phone;
  const { text } = v.now;
  const person = v.people.find((p) => p.phone === text?.to);
  return (
    <div class="lock" id="lock" data-live aria-live="polite">
      {text && person ? (
        <div class="bubble" data-message={text.id} data-code={codeIn(text.text)}>
          <p class="from"><span>{fill(w.to, { name: nameOf(context, person) })}</span></p>
          <p class="text">{text.text}</p>
        </div>
      ) : <p class="silent">{w.empty}</p>}
    </div>
  );
}

const phoneAddress = (v: TourView): string => {
  const path = v.signedIn ? `/tax-refunds/${(v.people[0] as TourPerson).year}` : '/';
  return `/t/${v.slug}${path}${v.phone ? `?lang=${v.phone}` : ''}`;
};

function Phone({ context, v }: { context: PageContext; v: TourView }): VNode {
  const w = tourWords(context).phone;
  return (
    <section class="device" aria-labelledby="device-title">
      <h2 id="device-title">{w.title}</h2>
      <div class="frame">
        <Lock context={context} v={v} />
        <iframe id="phone" title={w.frame} src={phoneAddress(v)} />
      </div>
      <p class="small"><a href={phoneAddress(v)}>{w.open}</a></p>
    </section>
  );
}

function Act({ action, context, main, hidden, children, data }: {
  action: string; context: PageContext; main: boolean; hidden?: boolean; children: string; data?: Record<string, string>;
}): VNode {
  return (
    <form method="post" action={`/_dev/tour/${action}`} data-act={action} id={`act-${action}`} data-sync hidden={hidden ?? false} {...data}>
      <input type="hidden" name="lang" value={context.language} />
      <button type="submit" class={main ? 'main' : 'second'}>{children}</button>
    </form>
  );
}

function Step({ n, v, context, title, what, children }: { n: number; v: TourView; context: PageContext; title: string; what: string; children: VNode }): VNode {
  const w = tourWords(context);
  const next = nextStep(v) === n;
  const refused: Refusal | undefined = v.told.refused?.step === n ? v.told.refused.why : undefined;
  return (
    <li id={`step-${n}`} class={next ? 'next' : ''} data-sync>
      <h3><span class="number" aria-hidden="true">{n}</span>{title}</h3>
      <p class="what">{what}</p>
      <div class="acts">{children}</div>
      <div class="outcome" id={`outcome-${n}`} data-live aria-live="polite">
        {refused && <Notice meaning="needs-you" title={w.refusals[refused]} />}
        <Outcome n={n} context={context} v={v} />
      </div>
    </li>
  );
}

function Steps({ context, v }: { context: PageContext; v: TourView }): VNode {
  const w = tourWords(context).steps;
  const next = nextStep(v);
  const her = v.people[0] as TourPerson;
  const other = v.phone === 'hi' ? 'en' : 'hi';
  const [there, back] = other === 'hi' ? [w.reject.hindi, w.reject.english] : [w.reject.english, w.reject.hindi];
  const common = { v, context };
  const failed = v.told.fed?.code === 'IN_FAILED';
  return (
    <ol class="steps" aria-label={w.label}>
      <Step n={1} {...common} title={w.signIn.title} what={w.signIn.what}>
        <Act action="sign-in" context={context} main={next === 1} data={{
          'data-identifier': her.identifier, 'data-day': her.day, 'data-month': her.month, 'data-birth-year': her.birthYear, 'data-year': String(her.year),
            'data-root': `/t/${v.slug}`,
        }}>{w.signIn.go}</Act>
      </Step>
      <Step n={2} {...common} title={w.reject.title} what={w.reject.what}>
        <>
          <Act action="reject" context={context} main={next === 2}>{w.reject.go}</Act>
          <Act action="send-again" context={context} main={false} hidden={!failed}>{w.reject.again}</Act>
          <a class="phone-language" href={`/?step=2&phone=${other}`} data-phone={other} data-other={back}>{there}</a>
        </>
      </Step>
      <Step n={3} {...common} title={w.why.title} what={w.why.what}><Act action="why" context={context} main={next === 3}>{w.why.go}</Act></Step>
      <Step n={4} {...common} title={w.cut.title} what={w.cut.what}><Act action="cut" context={context} main={next === 4}>{w.cut.go}</Act></Step>
      <Step n={5} {...common} title={w.tamper.title} what={w.tamper.what}>
        <>
          <Act action="tamper" context={context} main={next === 5 && !v.told.tampered}>{w.tamper.go}</Act>
          <Act action="restore" context={context} main={next === 5} hidden={!v.told.tampered || v.told.restored !== undefined}>{w.tamper.restore}</Act>
        </>
      </Step>
      <Step n={6} {...common} title={w.pay.title} what={w.pay.what}><Act action="pay" context={context} main={next === 6}>{w.pay.go}</Act></Step>
      <Step n={7} {...common} title={w.tell.title} what={w.tell.what}><Act action="tell" context={context} main={next === 7}>{w.tell.go}</Act></Step>
    </ol>
  );
}

const short = (trace: string): string => trace.slice(0, 8);

const Heads = ({ names }: { names: readonly string[] }): VNode => <thead><tr>{names.map((name) => <th scope="col">{name}</th>)}</tr></thead>;

function Facts({ w, facts }: { w: TourWords; facts: readonly FactSeen[] }): VNode {
  if (!facts.length) return <p class="quiet">{w.spine.none}</p>;
  const row = (f: FactSeen): VNode => (
    <tr>
      <td>{f.pos === null ? '…' : f.pos.toString()}</td><td>{f.action}</td><td>{f.who.split(':')[0]}</td><td>{f.result}</td>
      <td><code>{short(f.trace)}</code></td>
    </tr>
  );
  return <table><Heads names={[w.spine.leaf, w.spine.action, w.spine.who, w.spine.result, w.outcome.trace]} /><tbody>{facts.map(row)}</tbody></table>;
}

function Events({ w, seen }: { w: TourWords; seen: Seen }): VNode {
  if (!seen.events.length) return <p class="quiet">{w.spine.none}</p>;
  const row = (e: EventSeen): VNode =>
    <tr><td>{e.pos.toString()}</td><td>{e.topic}</td><td><code>{e.key.slice(-8)}</code></td><td><code>{short(e.trace)}</code></td></tr>;
  return <table><Heads names={[w.spine.position, w.spine.topic, w.spine.key, w.outcome.trace]} /><tbody>{seen.events.map(row)}</tbody></table>;
}

function Postings({ context, v }: { context: PageContext; v: TourView }): VNode {
  const w = tourWords(context);
  if (!v.now.postings.length) return <p class="quiet">{w.spine.none}</p>;
  const row = (p: PostingSeen): VNode => (
    <tr><td>{formatMoney(money(p.amount, p.currency as Currency),
      localeOf(context.language))}</td><td><code>{p.id.slice(-8)}</code></td><td><code>{short(p.trace)}</code></td></tr>
  );
  return <table><Heads names={[w.spine.amount, w.spine.key, w.outcome.trace]} /><tbody>{v.now.postings.map(row)}</tbody></table>;
}

function Spine({ context, v }: { context: PageContext; v: TourView }): VNode {
  const w = tourWords(context);
  return (
    <section class="spine" aria-labelledby="spine-title">
      <h2 id="spine-title">{w.spine.title}</h2>
      <div id="seen" data-live>
        <p class="small"><Badge meaning={v.now.down ? 'failed' : 'done'}>{v.now.down ? w.spine.down : w.spine.asOf}</Badge></p>
        <h3>{w.spine.facts}</h3>
        <Facts w={w} facts={v.now.seen.facts} />
        <h3>{w.spine.events}</h3>
        <Events w={w} seen={v.now.seen} />
      </div>
      <div id="postings" data-live>
        <h3>{w.spine.postings}</h3>
        <Postings context={context} v={v} />
      </div>
    </section>
  );
}

function People({ context, v }: { context: PageContext; v: TourView }): VNode {
  const w = tourWords(context).people;
  return (
    <section class="try" aria-labelledby="try-title">
      <h2 id="try-title">{w.title}</h2>
      <p>{w.lead} <a href="/_dev/messages">{w.messages}</a></p>
      <table>
        <thead><tr><th scope="col">{w.name}</th><th scope="col">{w.identifier}</th><th scope="col">{w.birth}</th></tr></thead>
        <tbody>{v.people.map((p) => <tr><td>{nameOf(context, p)}</td><td>{p.identifier}</td><td>{p.day} {p.month} {p.birthYear}</td></tr>)}</tbody>
      </table>
    </section>
  );
}

/** "Exchequer in five minutes": the phone, the five steps, and what the spine sees. */
export function tourView(context: PageContext, v: TourView): Rendered {
  const w = tourWords(context);
  const busy = v.now.down || (v.told.cut !== undefined && v.told.cut.back === undefined);
  return {
    title: w.title, wide: true, styles: ['tour.css'], islands: ['tour'], ...(busy ? { refreshSeconds: 3 } : {}),
    body: (
      <>
        <h1>{w.title}</h1>
        <p class="tour-lead">{w.lead}</p>
        <div class="tour">
          <Steps context={context} v={v} />
          <Phone context={context} v={v} />
          <Spine context={context} v={v} />
        </div>
        <People context={context} v={v} />
      </>
    ),
  };
}

/** Every message that the made-up provider delivered. */
/** A mail's text with its links as links. */
const linked = (text: string): (string | VNode)[] => text.split(/(http:\/\/localhost:[^\s]+)/).map((part, i) => (i % 2 ? <a href={part}>{part}</a> : part));

export function messagesView(context: PageContext, texts: readonly Text[], mails: readonly Letter[]): Rendered {
  const w = tourWords(context).messages;
  const time = (at: string): string => formatInstant(new Date(at), localeOf(context.language), context.tenant.zone);
  return {
    title: w.title, styles: ['tour.css'],
    body: (
      <>
        <h1>{w.title}</h1>
        <p class="lead">{texts.length ? w.lead : w.none}</p>
        <ul class="years">{texts.slice(0, 50).map((t) => <li class="card"><p class="eyebrow">{t.to}, {time(t.at)}</p><p>{t.text}</p></li>)}</ul>
        {mails.length > 0 && <h2>{w.mails}</h2>}
        <ul class="years">
          {mails.slice(0, 50).map((m) => (
            <li class="card"><p class="eyebrow">{`${m.to}, ${time(m.at)}`}</p><p><strong>{m.subject}</strong></p><p class="letter">{linked(m.text)}</p></li>
          ))}
        </ul>
        <p><a href="/">{tourWords(context).lost.back}</a></p>
      </>
    ),
  };
}

/** An address of the demo's own host that leads nowhere. */
export function lostView(context: PageContext, slug: string): Rendered {
  const w = tourWords(context).lost;
  return {
    title: w.title,
    body: (
      <>
        <h1>{w.title}</h1>
        <p class="lead">{w.lead}</p>
        <p class="actions"><a class="button" href="/">{w.back}</a> <a href={`/t/${slug}/`}>{w.portal}</a></p>
      </>
    ),
  };
}
