/**
 * Every page in every state and language as a document, read off the manifests: for axe, screenshots and the weight bench.
 * Nothing here knows a page by name but the tour, which belongs to no module.
 */
import { createServer } from 'node:http';
import { common, isLanguage, productOf, refuse, type AnyPage, type FormState, type Language, type PageContext, type PageState, type Problem, type Rendered } from '#kernel';
import { brandCss, document } from '#kit';
import { PAGE_HEADERS, problemPage, type Assets } from '#platform/edge';
import type { TenantRecord } from '#spine/tenancy';
import { buildAssets } from '../../src/apps/assets.ts';
import { modules } from '../../src/apps/modules.ts';
import { demoTenants } from '../../src/apps/tenants.ts';
import { deskView } from '../../src/apps/desk/page.tsx';
import { lostView, messagesView, tourView } from '../../src/apps/tour/page.tsx';
import { tourStates, tourTexts } from './tour-states.ts';

export interface Shown {
  readonly name: string; readonly tenant: string; readonly page: string; readonly state: string; readonly language: Language; readonly html: string;
  readonly islands: readonly string[]; readonly styles: string;
}

/** A time that makes the synthetic pages the same on every day. */
export const AT = new Date('2026-11-21T09:30:00Z');
const NO_FORM: FormState = { values: {}, errors: {} };
export const TOUR_ISLANDS = new URL('../../src/apps/tour/islands/', import.meta.url);

export const builtAssets = (): ReturnType<typeof buildAssets> => buildAssets(modules, [TOUR_ISLANDS]);

function contextOf(assets: Assets, tenant: TenantRecord, language: Language, o: { path: string; signedIn: boolean; query?: Readonly<Record<string, string>> }): PageContext {
  return {
    tenant, brand: tenant.brand, language, theme: 'auto', signedIn: o.signedIn, path: o.path, base: tenant.slug === 'tour' ? '' : `/t/${tenant.slug}`, asset: (name) => assets.url(name), token: 't'.repeat(43), key: 'k'.repeat(22), now: AT,
    synthetic: true, trace: '0123456789abcdef'.repeat(2), params: {}, query: o.query ?? {},
  };
}

/** States that a page must have an example of: what its route, its limits and its form can make people see. */
export function statesNeeded(page: AnyPage): string[] {
  const form = modules.some((m) => m.forms?.some((f) => f.path === page.path));
  return ['ready', ...(page.route ? ['empty'] : []), ...(page.route?.degraded ? ['stale'] : []), ...(form ? ['error'] : [])];
}

/** What any page's address may answer instead of the page: forbidden, gone, busy, broken, away. Signed-out people are sent to the sign-in page. */
const refusals: Readonly<Record<string, Problem>> = {
  forbidden: common.forbidden, notFound: common.notFound, expired: common.crossSite, unavailable: common.unavailable, tooMany: common.tooMany, broken: common.internal, other: common.badRequest,
};

export function statesOf(page: AnyPage, tenant: TenantRecord): Readonly<Record<string, PageState>> {
  return (page.states?.({ tenant, now: AT }) ?? {}) as Readonly<Record<string, PageState>>;
}

/** Draws everything that people can see. */
export function allPages(assets: Assets): Shown[] {
  const shown: Shown[] = [];
  const add = (tenant: string, page: string, state: string, context: PageContext, rendered: Rendered): void => void shown.push({
    name: `${tenant} ${page} [${state}] ${context.language}`, tenant, page, state, language: context.language, html: document(context, rendered), islands: rendered.islands ?? [], styles: `${tenant} ${(rendered.styles ?? []).join(' ')}`,
  });
  for (const tenant of demoTenants) {
    for (const language of tenant.languages.filter(isLanguage)) {
      for (const page of modules.filter((m) => productOf(m) === undefined || tenant.products.includes(productOf(m) as string)).flatMap((m) => m.pages ?? [])) {
        for (const [state, s] of Object.entries(statesOf(page, tenant))) {
          const context = contextOf(assets, tenant, language, { path: page.path, signedIn: page.route !== undefined, ...(s.query ? { query: s.query } : {}) });
          add(tenant.slug, page.path, state, context, page.view(context, s.outcome, s.form ?? NO_FORM));
        }
      }
      for (const [state, problem] of Object.entries(refusals)) {
        const context = contextOf(assets, tenant, language, { path: '/', signedIn: false });
        add(tenant.slug, '(refused)', state, context, problemPage(context, refuse(problem, { retryAfterSeconds: 5 })));
      }
    }
  }
  const own: TenantRecord = { ...(demoTenants[0] as TenantRecord), slug: 'tour', name: 'Exchequer', brand: {} };
  for (const language of ['en', 'hi'] as const) {
    const context = contextOf(assets, own, language, { path: '/', signedIn: false });
    for (const [state, view] of Object.entries(tourStates(AT))) add('tour', '/', state, context, tourView(context, view));
    add('tour', '/_dev/messages', 'ready', context, messagesView(context, tourTexts(AT), [{ id: 'm', to: 'asha@example.com', subject: 'Your refund has changed', text: 'See http://localhost:8080/t/india/', at: AT.toISOString() }]));
    add('tour', '/_dev/messages', 'empty', context, messagesView(context, [], []));
    const operators = demoTenants.map((t) => ({ slug: t.slug, tenant: t.name, name: 'Demo Operator', password: 'paper boats at noon', key: '00'.repeat(20) }));
    add('tour', '/_dev/operators', 'ready', context, deskView(context, operators));
    add('tour', '/_dev/operators', 'empty', context, deskView(context, []));
    add('tour', '(lost)', 'ready', context, lostView(context, 'india'));
  }
  return shown;
}

/** Serves the documents as the edge does, with the same headers. The phone inside the tour shows the portal's home. */
export async function servePages(assets: Assets, pages: readonly Shown[]): Promise<{ base: string; close(): Promise<void> }> {
  const phone = pages.find((p) => p.tenant === 'india' && p.page === '/')?.html ?? '';
  const server = createServer((req, res) => {
    const path = (req.url ?? '/').split('?')[0] as string;
    const asset = path.startsWith('/assets/') ? assets.find(path.slice('/assets/'.length)) : undefined;
    if (asset) return void res.writeHead(200, { 'content-type': asset.type, 'content-encoding': asset.encoding ?? 'identity' }).end(asset.body);
    const page = /^\/(\d+)$/.exec(path);
    if (page) return void res.writeHead(200, PAGE_HEADERS).end(pages[Number(page[1])]?.html ?? '');
    const brand = /^(?:\/t\/(\w+))?\/brand\.css$/.exec(path);
    if (brand) return void res.writeHead(200, { 'content-type': 'text/css' }).end(brandCss(demoTenants.find((t) => t.slug === brand[1])?.brand ?? {}));
    if (path.startsWith('/t/')) return void res.writeHead(200, PAGE_HEADERS).end(phone);
    res.writeHead(404).end('');
  });
  await new Promise<void>((ready) => { server.listen(0, '127.0.0.1', ready); });
  const address = server.address();
  return {
    base: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    close: () => new Promise((closed) => {
      server.close(() => closed());
      server.closeAllConnections();
    }),
  };
}

