export { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
