import type { Module } from '#kernel';
import cache from '#spine/cache/module';
import limits from '#spine/limits/module';
import tenancy from '#spine/tenancy/module';
import edge from '#platform/edge/module';

/** Every module of the program, lower tiers first and each after what it needs: the order of migrations and of locks. */
export const modules: readonly Module[] = [tenancy, limits, cache, edge];
