import { describe, expect, it } from 'vitest';
import { Bag, seededRandom, type Place } from './index.ts';

describe('a bag', () => {
  it('holds what was added and not taken out, whatever the order', () => {
    const random = seededRandom('bag');
    const bag = new Bag<number>();
    const inside = new Map<number, Place<number>>();
    for (let i = 0; i < 5000; i++) {
      if (inside.size === 0 || random.unit() < 0.5) inside.set(i, bag.add(i));
      else {
        const taken = [...inside.keys()][Math.floor(random.unit() * inside.size)] as number;
        bag.remove(inside.get(taken) as Place<number>);
        inside.delete(taken);
      }
      expect(bag.size).toBe(inside.size);
    }
    expect(bag.members().toSorted((a, b) => a - b)).toEqual([...inside.keys()]);
  });
  it('takes nothing out twice, also where another stands there now', () => {
    const bag = new Bag<string>();
    const [a, b] = [bag.add('a'), bag.add('b')];
    bag.remove(a);
    bag.remove(a);
    expect(bag.members()).toEqual(['b']);
    bag.remove(b);
    bag.remove(a);
    expect(bag.members()).toEqual([]);
    bag.add('c');
    bag.remove(b);
    expect(bag.members()).toEqual(['c']);
  });
  it('gives its members as they were, while they leave', () => {
    const bag = new Bag<number>();
    const places = [1, 2, 3].map((n) => bag.add(n));
    const seen: number[] = [];
    for (const n of bag.members()) {
      seen.push(n);
      for (const place of places) bag.remove(place);
    }
    expect([seen, bag.size]).toEqual([[1, 2, 3], 0]);
  });
});
