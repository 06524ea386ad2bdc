import { defineModule } from '#kernel';
import { keptCheck } from './service.ts';

export default defineModule({
  name: 'platform/objects', doc: 'Bytes outside the database: a folder or S3 behind one port.', needs: [], checks: [keptCheck],
});
