#!/usr/bin/env node
// Plain JavaScript on purpose: it must load on an older Node to find a newer one.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { findNode24, NODE_MISSING } from '../tools/find-node.mjs';

const node = findNode24();
if (!node) {
  process.stderr.write(NODE_MISSING);
  process.exit(1);
}
const args = process.argv.slice(2);
// A command that works through a file of any length: with these its memory stands still; without, V8 lets the heap grow until somebody asks for it back.
// The server: a batch's requests outlive a young generation of the default size and are copied twice, which is a seventh of a transfer's processor time.
// Both: while a process begins, much of what it makes outlives a young generation that is still small. V8 concludes that such objects grow old, makes
// them old from then on, and all that hangs on them is kept until the whole heap is looked through.
const YOUNG = '--no-allocation-site-pretenuring';
// The program's one thread waits for those that help it collect garbage: one that has no core of its own is waited for until it gets one.
const HELPERS = `--v8-pool-size=${Math.max(1, Math.min(4, availableParallelism() - 1))}`;
const flags = args[0] === 'ingest' ? [YOUNG, '--max-semi-space-size=32', '--max-old-space-size=160']
  : ['start', 'demo'].includes(args[0]) ? [YOUNG, '--max-semi-space-size=64', HELPERS] : [];
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
