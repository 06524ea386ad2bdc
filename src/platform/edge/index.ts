export * from './contract.ts';
export { createEdge, type Edge } from './service/server.ts';
export type { Assets, EdgeOptions } from './service/context.ts';
export type { Hub } from './service/stream.ts';
export type { Runner } from './service/run.ts';
export { openApi, operationId } from './service/openapi.ts';
export { PAGE_HEADERS } from './service/respond.ts';
export { problemPage } from './pages.tsx';
export { parseCookies, sameOrigin, tenantPath } from './rules.ts';
