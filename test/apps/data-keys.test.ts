import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keys } from '../../src/apps/data-keys.ts';
import { commandsIn, type Commands } from '../house/command.ts';

describe('exchequer keys', () => {
  let commands: Commands;
  beforeAll(async () => { commands = await commandsIn('keys'); }, 60_000);
  afterAll(() => commands.stop());
  const run = async (...args: string[]): Promise<[number, string]> => {
    const { code, text } = await commands.run(keys, ...args);
    return [code, text];
  };

  it('lists, makes the next one, and no second before that one seals', { timeout: 60_000 }, async () => {
    const one = /^current file:\S+ {2}seals from \S+Z {2}persons' keys: 0\n$/;
    expect(await run('list', 'india')).toEqual([0, expect.stringMatching(one)]);
    const [code, made] = await run('rotate', 'india');
    const [, id = ''] = /^(file:\S+) seals from \S+Z\n$/.exec(made) ?? [];
    expect([code, id]).toEqual([0, expect.stringMatching(/^file:/)]);
    expect((await run('list', 'india'))[1].split('\n')).toEqual([expect.stringMatching(/^current file:/), expect.stringContaining(`next    ${id}  seals from`), '']);
    expect(await run('rotate', 'india')).toEqual([1, expect.stringContaining('The next key is on its way.')]);
    expect(await run('list', 'us')).toEqual([0, expect.stringMatching(one)]);
    for (const args of [[], ['list'], ['fly', 'india']]) await expect(run(...args), args.join(' ')).rejects.toThrow(/exchequer keys/);
  });
});
