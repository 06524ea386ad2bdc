import { z } from 'zod';
import { personal, problem, zId, zText } from '#kernel';

/** Where operators work. */
export const CONSOLE = '/console';

/** Views that an operator keeps of one room, and the characters of a name and of the filters. */
export const VIEWS_MAX = 30;
export const VIEW_NAME_MAX = 60;
export const VIEW_SEARCH_MAX = 1000;

const zRoom = z.string().regex(/^[a-z][a-z-]{0,39}$/);
const zName = personal('view', zText(VIEW_NAME_MAX));
/** Filters as they stand in an address behind the question mark. */
const zSearch = personal('view', z.string().min(1).max(VIEW_SEARCH_MAX).regex(/^[\w%.+*=&~-]+$/));
const zView = z.strictObject({ view: zId('cvw'), name: zName, search: zSearch });

export const zOfRoom = z.strictObject({ query: z.strictObject({ room: zRoom }) });
export const zViews = z.strictObject({ views: z.array(zView) });
export const zSave = z.strictObject({ body: z.strictObject({ room: zRoom, name: zName, search: zSearch }) });
export const zOfView = z.strictObject({ params: z.strictObject({ view: zId('cvw') }) });
export const zNone = z.strictObject({});

export const viewsUsed = problem('console-views-used', {
  status: 409, title: 'No more views can be kept of this room.', doc: 'Remove one first; `limit` is how many there may be.',
});
export const viewUnknown = problem('console-view-unknown', { status: 404, title: 'There is no such view of yours.', doc: 'List the views of the room again.' });
