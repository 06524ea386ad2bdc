/** True when a part outside npm (chromium, fonts …; see tools/prerequisites.mjs) is here. Tests that need it: `it.runIf(has('chromium'))`. */
export const has = (part: string): boolean => !(process.env['EXCHEQUER_MISSING'] ?? '').split(',').includes(part);
