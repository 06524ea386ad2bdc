// npm test [-- <vitest arguments>]: prerequisites, types, lint, tests. The last line is "N passed, N failed".
// Plain JavaScript on purpose: it must load on an older Node to find a newer one.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNode24, NODE_MISSING } from './find-node.mjs';
import { installCommand, installMissing } from './prerequisites.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (path) => join(root, 'node_modules', path);
const SLOWEST = 10;
const SKIPPED_SHOWN = 10;

const node = findNode24();
if (!node) {
  process.stderr.write(NODE_MISSING);
  process.exit(1);
}
if (node !== process.execPath) {
  const env = { ...process.env, PATH: `${dirname(node)}:${process.env.PATH ?? ''}` };
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
} else {
  process.exitCode = main(process.argv.slice(2));
}

function say(text) {
  process.stdout.write(`${text}\n`);
}

/** Runs one named step and prints its time. */
function step(name, work) {
  say(`\n== ${name}`);
  const from = performance.now();
  const result = work();
  say(`== ${name}: ${((performance.now() - from) / 1000).toFixed(1)} s`);
  return result;
}

/** True when the program under Node 24 ends well. */
function ends(...args) {
  return spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}

function main(args) {
  const requireAll = process.env.EXCHEQUER_REQUIRE === 'all';
  const missing = step('prerequisites', () => installMissing(say));
  for (const part of missing) say(`not run: ${part.name} (${installCommand(part)})`);
  process.env.EXCHEQUER_MISSING = missing.map((part) => part.name).join(',');

  const steps = [
    step('types', () => ['tsconfig.json', 'web/console/tsconfig.json'].every((config) => ends(bin('typescript/bin/tsc'), '-p', config))),
    step('lint', () => ends(bin('oxlint/bin/oxlint'), '--type-aware', '--deny-warnings')),
  ];
  const tests = step('tests', () => runTests(args));

  for (const name of tests.skipped.slice(0, SKIPPED_SHOWN)) say(`not run: ${name}`);
  if (tests.skipped.length > SKIPPED_SHOWN) say(`not run: … and ${tests.skipped.length - SKIPPED_SHOWN} more`);
  const notRun = missing.length + tests.skipped.length;
  let failed = tests.failed + steps.filter((fine) => !fine).length;
  if (requireAll) failed += notRun;
  if (tests.passed + tests.failed === 0) {
    say('no test ran');
    failed += 1;
  }
  if (notRun > 0) say(`${notRun} not run${requireAll ? ' (failed: EXCHEQUER_REQUIRE=all)' : ''}`);
  say(`${tests.passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** Runs vitest; the counts come from its JSON report, so that a file that does not even load counts as failed. */
function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), 'exchequer-report-'));
  const report = join(folder, 'report.json');
  try {
    const ended = ends(bin('vitest/vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...args);
    const { testResults: files } = JSON.parse(readFileSync(report, 'utf8'));
    const tests = files.flatMap((file) => file.assertionResults);
    const count = (status) => tests.filter((test) => test.status === status).length;
    const broken = files.filter((file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'));
    const failed = count('failed') + broken.length;
    printSlowest(files);
    return {
      passed: count('passed'),
      failed: failed === 0 && !ended ? 1 : failed, // an error outside any test
      skipped: tests.filter((test) => !['passed', 'failed'].includes(test.status)).map((test) => test.fullName),
    };
  } catch (error) {
    say(`vitest left no report: ${error.message}`);
    return { passed: 0, failed: 1, skipped: [] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function printSlowest(files) {
  say('slowest files:');
  const timed = files.map((file) => ({ name: relative(root, file.name), seconds: (file.endTime - file.startTime) / 1000 }));
  for (const { name, seconds } of timed.sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST)) say(`${seconds.toFixed(1).padStart(7)} s  ${name}`);
}
