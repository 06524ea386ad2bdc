export * from './contract.ts';
export { begin, beginAll, type Beginning } from './service/begin.ts';
export { external, saga, together, type Act, type External, type StepSpec } from './service/define.ts';
