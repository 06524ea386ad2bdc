#!/usr/bin/env node
// Plain JavaScript on purpose: it must load on an older Node to find a newer one.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { findNode24, NODE_MISSING } from '../tools/find-node.mjs';
import { INGEST_FLAGS, SERVER_FLAGS } from '../tools/v8-flags.mjs';

const node = findNode24();
if (!node) {
  process.stderr.write(NODE_MISSING);
  process.exit(1);
}
const args = process.argv.slice(2);
const flags = args[0] === 'ingest' ? INGEST_FLAGS : ['start', 'demo'].includes(args[0]) ? SERVER_FLAGS : [];
const command = [...flags, fileURLToPath(import.meta.url), ...args];
if (node !== process.execPath) {
  const child = spawn(node, command, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
} else if (!flags.every((flag) => process.execArgv.includes(flag))) {
  process.execve(node, [node, ...process.execArgv, ...command], process.env);
} else {
  await import('./tsx-hook.mjs');
  const { main } = await import('../src/apps/main.ts');
  process.exitCode = await main(args);
}
