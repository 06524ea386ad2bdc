import { defineModule } from '#kernel';
import { viewsUsed, viewUnknown } from './contract.ts';
import { pages } from './pages.tsx';
import { routes } from './routes.ts';

export default defineModule({
  name: 'platform/console',
  doc: 'The page on which operators work, and the views that they keep of its rooms.',
  needs: [],
  migrations: new URL('./migrations/', import.meta.url),
  tables: { 'console.view': { app: ['select', 'insert', 'update', 'delete'], auditor: ['select'] } },
  routes, pages,
  problems: [viewsUsed, viewUnknown],
  privacy: {
    'console.view.name': { kind: 'view', kept: 'sealed' }, 'console.view.name_index': { kind: 'view', kept: 'blind-index' },
    'console.view.search': { kind: 'view', kept: 'sealed' },
  },
  application: new URL('../../../web/console/main.tsx', import.meta.url),
});
