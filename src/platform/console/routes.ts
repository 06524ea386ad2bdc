import { route } from '#kernel';
import { viewsUsed, viewUnknown, zNone, zOfRoom, zOfView, zSave, zViews } from './contract.ts';
import { listViews, removeView, saveView } from './service.ts';

export const routes = [
  route('GET /console/views', {
    summary: 'The caller’s own views of a room.', scope: 'operator', input: zOfRoom, output: zViews, problems: [], verb: listViews,
    example: { input: { query: { room: 'transfers' } } },
  }),
  route('POST /console/views', {
    summary: 'Keeps a room’s filters under a name, for the caller alone; answers with all of that room.', scope: 'operator', input: zSave, output: zViews,
    problems: [viewsUsed], verb: saveView, example: { input: { body: { room: 'transfers', name: 'Large ones', search: 'least=100000&currency=INR' } } },
  }),
  route('DELETE /console/views/:view', {
    summary: 'Removes a view of the caller’s own.', scope: 'operator', input: zOfView, output: zNone, problems: [viewUnknown], verb: removeView,
    example: { input: { params: { view: `cvw_${'0'.repeat(32)}` } } },
  }),
];
