#!/usr/bin/env node
// Plain JavaScript on purpose: it must load on an older Node to find a newer one.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { findNode24, NODE_MISSING } from '../tools/find-node.mjs';

const node = findNode24();
if (!node) {
  process.stderr.write(NODE_MISSING);
  process.exit(1);
}
if (node !== process.execPath) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
} else {
  await import('./tsx-hook.mjs');
  const { main } = await import('../src/apps/main.ts');
  process.exitCode = await main(process.argv.slice(2));
}
