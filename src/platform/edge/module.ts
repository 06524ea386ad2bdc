import { common, defineModule } from '#kernel';
import { unknownVersion } from './contract.ts';

export default defineModule({
  name: 'platform/edge',
  doc: 'The door: bytes to routes, pages and forms, and back.',
  needs: [],
  problems: [...Object.values(common), unknownVersion],
});
