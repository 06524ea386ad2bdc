import { defineModule } from '#kernel';
import { pages } from './pages.tsx';

export default defineModule({
  name: 'platform/console',
  doc: 'The page on which operators work.',
  needs: [],
  pages,
  application: new URL('../../../web/console/main.tsx', import.meta.url),
});
