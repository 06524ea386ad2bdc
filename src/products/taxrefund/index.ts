export * from './contract.ts';
export { StatusCache, viewYears, yearWire } from './service/view.ts';
export { refundWords } from './pages/parts.tsx';
export { demoFeed } from './service/demo-feed.ts';
export { ingest, setAsideFailed, type Ingested, type RawLine } from './service/ingest.ts';
export { quarantineList, quarantineReplay, quarantineShow, splitLines } from './service/feed.ts';
