import { defineModule, provide } from '#kernel';
import { CacheBook } from './contract.ts';
import { SecondLevel } from './port.ts';
import { routes } from './routes.ts';

export default defineModule({
  name: 'spine/cache',
  doc: 'Caches whose fills cannot overtake an invalidation: this process, a second level that processes share, the source.',
  needs: ['spine/events'],
  routes,
  permissions: { 'cache:read': 'See what the caches of a process hold and have done.' },
  state: [provide(CacheBook, () => ({ caches: new Map() })), provide(SecondLevel, () => undefined)],
});
