// Runs a script under Node 24 with the same arguments: node tools/node24.mjs <script> [args…]
import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { findNode24, NODE_MISSING } from './find-node.mjs';

const node = findNode24();
if (!node) {
  process.stderr.write(NODE_MISSING);
  process.exit(1);
}
const child = spawn(node, process.argv.slice(2), {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${dirname(node)}:${process.env.PATH ?? ''}` },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
