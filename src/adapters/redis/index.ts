export { connectRedis, type RedisConnection } from './connect.ts';
export { redisLimits, type RedisLimitOptions } from './limits.ts';
export { redisCache } from './cache.ts';
