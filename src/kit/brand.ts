/** A tenant's stylesheet: only the named variables, only plain colours. */
const COLOUR = /^#[0-9a-f]{6}$/;
const VARIABLES = { accent: '--accent', on_accent: '--on-accent', accent_dark: '--accent', on_accent_dark: '--on-accent' } as const;

/** CSS of a tenant's brand: `accent`, `on_accent` for light and `accent_dark`, `on_accent_dark` for the dark scheme. Anything else is ignored. */
export function brandCss(brand: Readonly<Record<string, string>>): string {
  const lines = (dark: boolean): string => Object.entries(VARIABLES)
    .filter(([name]) => name.endsWith('_dark') === dark && COLOUR.test(brand[name] ?? ''))
    .map(([name, variable]) => `${variable}:${brand[name]}`).join(';');
  const light = lines(false);
  const dark = lines(true);
  return [
    light && `:root{${light}}`,
    dark && `@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${dark}}}`,
    dark && `:root[data-theme=dark]{${dark}}`,
  ].filter(Boolean).join('\n');
}
