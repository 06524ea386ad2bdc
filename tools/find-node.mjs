// Finds a Node 24 binary: the running one, else the one that npm installed as a platform package.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export const NODE_MAJOR_MIN = 24;

/** Path of a Node ≥ 24 binary, or undefined when neither this process nor node_modules holds one. */
export function findNode24() {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) return process.execPath;
  const path = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  return existsSync(path) ? path : undefined;
}

export const NODE_MISSING = `Exchequer needs Node ${NODE_MAJOR_MIN} or newer, and this is Node ${process.versions.node}.\n` +
  'Run "npm ci" without --omit=optional (it brings Node 24 for Linux), or install Node 24 yourself.\n';
