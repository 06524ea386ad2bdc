import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { common, type ConfigKey, type Module } from '#kernel';
import { openApi } from '#platform/edge';
import { kafkaConfig } from './kafka.ts';
import { kekConfig } from './keys.ts';
import { modules } from './modules.ts';
import { objectsConfig } from './objects.ts';
import { busConfig } from './outside.ts';
import { sdk } from './sdk.ts';
import { startConfig } from './start.ts';
import { tracingConfig } from './tracing.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...rows.map((r) => `| ${r.map((c) => c.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`),
  ].join('\n');
const page = (title: string, intro: string, body: string): string =>
  `# ${title}\n\n<!-- Written by \`npm run docs\` from the manifests; edits here are lost. -->\n\n${intro}\n\n${body}\n`;

function routesPage(all: readonly Module[]): string {
  const rows = all.flatMap((m) =>
    (m.routes ?? []).map((r) => [
      `\`${r.method} /api${r.path}\``,
      r.summary,
      `\`${r.scope}\``,
      r.plural ? 'shared' : 'own',
      r.idempotent ?? 'no',
      r.problems.map((p) => `\`${p.code}\``).join(', '),
      r.audit ? `\`${r.audit}\`` : '',
    ]),
  );
  const pages = all.flatMap((m) => [...(m.pages ?? []), ...(m.forms ?? []), ...(m.downloads ?? []), ...(m.streams ?? [])].map((p) =>
    [`\`${p.method} ${p.path}\``, p.kind, m.name]));
  return page(
    'Routes',
    'Every route is served under `/api`; people use the pages below. `shared`: requests that wait share one commit.',
    `${table(['Route', 'What it does', 'Scope', 'Transaction', 'Idempotency-Key', 'Problems of its own', 'Audit fact'], rows)}`
      + `\n\n## Pages, forms, downloads and streams\n\n${table(['Address', 'Kind', 'Module'], pages)}`,
  );
}

function problemsPage(all: readonly Module[]): string {
  const known = new Map([...Object.values(common), ...all.flatMap((m) => m.problems ?? [])].map((p) => [p.code, p]));
  return page(
    'Problems',
    'Every refusal is RFC 9457 `application/problem+json` with a `type` of `/problems/<code>`, and bears the trace of its request.',
    table(
      ['Code', 'Status', 'Title', 'What to do'],
      [...known.values()].toSorted((a, b) => a.status - b.status || (a.code < b.code ? -1 : 1)).map((p) => [`\`${p.code}\``, String(p.status), p.title, p.doc]),
    ),
  );
}

function tablesPage(all: readonly Module[]): string {
  const rows = all.flatMap((m) => Object.entries(m.tables ?? {}).map(([name, t]) => [
    `\`${name}\``, m.name, t.view ? 'of the tables it shows' : t.tenant === false ? 'no' : 'forced',
    t.app?.join(', ') ?? '', t.spine?.join(', ') ?? '', t.auditor?.join(', ') ?? '',
  ]));
  const personal = all.flatMap((m) => Object.entries(m.privacy ?? {}).map(([column, p]) => [`\`${column}\``, p.kind, p.kept]));
  return page(
    'Tables',
    'What each database role may do; the grants are made from the same lines.',
    `${table(['Table', 'Module', 'Row-level security', 'app', 'spine', 'auditor'], rows)}`
      + `\n\n## Personal data\n\n${table(['Column', 'What it is', 'How it is kept'], personal)}`,
  );
}

function eventsPage(all: readonly Module[]): string {
  return page(
    'Events and jobs',
    'What modules tell each other. Ids, codes, dates and amounts only: personal data does not compile here.',
    [
      table(
        ['Event', 'Version', 'When', 'Fields'],
        all.flatMap((m) =>
          (m.events ?? []).map((e) => [
            `\`${e.name}\``,
            String(e.version),
            e.doc,
            Object.keys(e.data.shape)
              .map((k) => `\`${k}\``)
              .join(', '),
          ]),
        ),
      ),
      '## Jobs and calls\n',
      table(
        ['Job', 'What it does', 'Tries'],
        all.flatMap((m) => [...(m.calls ?? []), ...(m.sagas ?? []).flatMap((s) => s.calls),
          ...(m.handlers ?? [])].map((c) => [`\`${c.job.name}\``, c.job.doc, String(c.job.attemptsMax)])),
      ),
      '## Background workers\n',
      table(
        ['Worker', 'Process role', 'Module'],
        all.flatMap((m) => (m.workers ?? []).map((w) => [`\`${w.name}\``, w.role, m.name])),
      ),
    ].join('\n\n'),
  );
}

function configPage(all: readonly Module[]): string {
  const keys: ConfigKey[] = [
    ...[startConfig, kekConfig, objectsConfig, tracingConfig, busConfig, kafkaConfig].flatMap((spec) => Object.values<ConfigKey>(spec)),
      ...all.flatMap((m) => Object.values(m.config ?? {})),
  ];
  const fixed = [
    ['`EXCHEQUER_CELLS`',
      'cells on outside servers: `IN=postgres://owner:secret@host/db?sslmode=verify-full&sslrootcert=/file.pem,US=…`; the first one holds the directory'],
    ['`DATABASE_URL`', 'one outside server as the only cell, by such an address; without `sslmode` it is reached in clear'],
    ['`EXCHEQUER_POSTGRES`',
      'folder whose `bin` holds the programs of the embedded server, such as `/usr/lib/postgresql/18`; those of the npm package unless said'],
    ['`EXCHEQUER_DATA`', 'folder for everything that this machine keeps; `.exchequer` unless said'],
    ['`NODE_ENV`', '`production` refuses demo, made-up people, the message catcher and the local key file'],
  ];
  return page(
    'Settings',
    'The environment is read once; a start names every fault at once.',
    table(['Variable', 'What it sets'], [...fixed, ...keys.map((k) => [`\`${k.env}\``, k.doc])]),
  );
}

/** The generated pages by path. */
export function references(all: readonly Module[] = modules): Record<string, string> {
  return {
    'docs/reference/routes.md': routesPage(all),
    'docs/reference/problems.md': problemsPage(all),
    'docs/reference/tables.md': tablesPage(all),
    'docs/reference/events.md': eventsPage(all),
    'docs/reference/settings.md': configPage(all),
    ...sdk(all),
    'docs/reference/openapi.json': `${JSON.stringify(openApi(all), null, 1)}\n`,
  };
}

/** `npm run docs`: writes the reference from the manifests. */
export async function docs(): Promise<number> {
  for (const [path, text] of Object.entries(references())) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
    process.stdout.write(`${path}\n`);
  }
  return 0;
}
