import { defineModule } from '#kernel';

export default defineModule({ name: 'platform/objects', doc: 'Bytes outside the database: a folder or S3 behind one port.', needs: [] });
