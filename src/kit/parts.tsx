import type { ComponentChildren, VNode } from 'preact';
import type { FormState, PageContext } from '#kernel';
import { kitWords } from './words.ts';

/** The four meanings. Each has a word and a shape; the colour only helps. */
export type Meaning = 'done' | 'waiting' | 'needs-you' | 'failed';

const SHAPES: Record<Meaning, VNode> = {
  done: <path d="M3.5 8.5l3 3 6-7" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" />,
  waiting: <g fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"><circle cx="8" cy="8" r="5.5" /><path d="M8 5v3.2l2 1.3" /></g>,
  'needs-you': <path d="M8 2.5v7M8 12.5v.5" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" />,
  failed: <path d="M4 4l8 8M12 4l-8 8" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" />,
};

/** A state as a word with its shape. */
export function Badge({ meaning, children }: { meaning: Meaning; children: ComponentChildren }): VNode {
  return <span class={`badge ${meaning}`}><svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">{SHAPES[meaning]}</svg>{children}</span>;
}

/** A message that stands above the content: what happened, what was kept, what to do. */
export function Notice({ meaning, title, children }: { meaning: Meaning; title: string; children?: ComponentChildren }): VNode {
  return <section class={`notice ${meaning}`}><p class="notice-title"><Badge meaning={meaning}>{title}</Badge></p>{children}</section>;
}

export interface FieldProps {
  name: string;
  label: string;
  hint?: string;
  form: FormState;
  /** Text of an error key. */
  errorText: (key: string) => string;
  context: PageContext;
  inputMode?: 'text' | 'numeric' | 'tel';
  autoComplete?: string;
  maxLength?: number;
  width?: 2 | 4 | 6 | 10 | 20;
  /** `text` unless said. */
  type?: 'text' | 'password';
  /** Never written back into the page, even when it was wrong. */
  secret?: boolean;
}

/** One labelled field with its hint and its error beside it. */
export function Field(p: FieldProps): VNode {
  const error = p.form.errors[p.name];
  const ids = [p.hint ? `${p.name}-hint` : '', error ? `${p.name}-error` : ''].filter(Boolean).join(' ');
  const input = {
    id: p.name, name: p.name, inputMode: p.inputMode ?? 'text', autoComplete: p.autoComplete ?? 'off', spellcheck: false, maxLength: p.maxLength ?? 200,
    class: p.width ? `w${p.width}` : '', value: p.secret ? '' : (p.form.values[p.name] ?? ''), ...(ids ? { 'aria-describedby': ids } : {}),
    ...(error ? { 'aria-invalid': 'true' as const } : {}),
  } as const;
  return (
    <div class={error ? 'field wrong' : 'field'}>
      <label for={p.name}>{p.label}</label>
      {p.hint && <p class="hint" id={`${p.name}-hint`}>{p.hint}</p>}
      {error && <p class="error" id={`${p.name}-error`}><span class="hidden">{kitWords(p.context.language).error} </span>{p.errorText(error)}</p>}
      {p.type === 'password' ? <input type="password" {...input} /> : <input type="text" {...input} />}
    </div>
  );
}

/** The list of what is wrong, on top, with a link to each field. */
export function ErrorSummary({ form, errorText, context, children }: { form: FormState; errorText: (key: string) => string; context: PageContext;
  children?: ComponentChildren }): VNode | null {
  const wrong = Object.entries(form.errors);
  if (!wrong.length && !children) return null;
  return (
    <section class="summary" role="alert" aria-labelledby="summary-title" tabIndex={-1}>
      <h2 id="summary-title">{kitWords(context.language).errorSummary}</h2>
      {children}
      {wrong.length > 0 && <ul>{wrong.map(([name, key]) => <li><a href={`#${name}`}>{errorText(key)}</a></li>)}</ul>}
    </section>
  );
}

/** Rows of label and value. */
export function Facts({ rows }: { rows: readonly { label: string; value: ComponentChildren }[] }): VNode {
  return <dl class="facts">{rows.map((r) => <div><dt>{r.label}</dt><dd>{r.value}</dd></div>)}</dl>;
}

/** A small sum that adds up in view; the last row is the result. */
export function Arithmetic({ caption, rows }: { caption: string; rows: readonly { label: string; amount: string; result?: boolean; note?: string }[] }): VNode {
  return (
    <table class="sum">
      <caption>{caption}</caption>
      <tbody>
        {rows.map((r) => (
          <tr class={r.result ? 'result' : ''}>
            <th scope="row">{r.label}{r.note && <span class="note">{r.note}</span>}</th>
            <td>{r.amount}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export interface Moment { title: string; when: string; detail?: ComponentChildren; place: 'past' | 'now' | 'expected'; word?: string }

/** What happened, what is now, what is expected: dated, from the newest down. */
export function Timeline({ label, moments }: { label: string; moments: readonly Moment[] }): VNode {
  return (
    <ol class="timeline" aria-label={label}>
      {moments.map((m) => (
        <li class={m.place} {...(m.place === 'now' ? { 'aria-current': 'step' as const } : {})}>
          <p class="when">{m.when}{m.word && <span class="word">{m.word}</span>}</p>
          <p class="what">{m.title}</p>
          {m.detail && <div class="detail">{m.detail}</div>}
        </li>
      ))}
    </ol>
  );
}
