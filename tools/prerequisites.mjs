// Parts that tests need and npm does not bring. To add one (redis-server, nats-server …): a line in PARTS, and `has('<name>')` in its tests.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const onPath = (...names) => (process.env.PATH ?? '').split(delimiter).concat('/usr/bin', '/usr/sbin').some((folder) => names.some((name) => {
  try {
    accessSync(join(folder, name), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}));

/** Debian package names; `present` must be quick and must not write. */
export const PARTS = [
  { name: 'chromium', packages: ['chromium'], present: () => onPath('chromium', 'chromium-browser', 'google-chrome') },
  { name: 'pdftotext', packages: ['poppler-utils'], present: () => onPath('pdftotext') },
  { name: 'fonts', packages: ['fonts-noto-core'], present: () => existsSync('/usr/share/fonts/truetype/noto/NotoSansDevanagari-Regular.ttf') },
  { name: 'redis-server', packages: ['redis-server'], present: () => onPath('redis-server') },
  { name: 'nats-server', packages: ['nats-server'], present: () => onPath('nats-server') },
  { name: 'kcat', packages: ['kcat'], present: () => onPath('kcat') },
];

export const missingParts = () => PARTS.filter((part) => !part.present());

const apt = (...args) => spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
  env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8',
});

/** The one command that installs a part by hand. */
export const installCommand = (part) => `sudo apt-get install --no-install-recommends ${part.packages.join(' ')}`;

/** Installs what is missing where that is ours to do: as root on a Debian-like machine, unless EXCHEQUER_INSTALL=no. Returns what is still missing. */
export function installMissing(say) {
  const missing = missingParts();
  const allowed = process.env.EXCHEQUER_INSTALL !== 'no' && process.getuid?.() === 0 && onPath('apt-get');
  if (missing.length === 0 || !allowed) return missing;
  const packages = missing.flatMap((part) => part.packages);
  say(`installing ${packages.join(', ')} with apt-get (EXCHEQUER_INSTALL=no forbids this)`);
  const update = apt('update', '-q');
  if (update.status !== 0) say(`apt-get update failed:\n${update.stderr}`);
  const install = apt('install', '-y', '-q', '--no-install-recommends', ...packages);
  if (install.status !== 0) say(`apt-get install failed:\n${install.stdout}${install.stderr}`);
  return missingParts();
}
