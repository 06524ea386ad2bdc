import { defineModule } from '#kernel';

export default defineModule({ name: 'spine/cache', doc: 'A cache whose fills cannot overtake an invalidation.', needs: [] });
