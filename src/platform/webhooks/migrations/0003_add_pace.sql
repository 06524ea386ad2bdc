-- Expand: how many deliveries a minute an endpoint takes, and up to when its places are given away.
alter table webhooks.endpoint add column per_minute int check (per_minute > 0), add column paced_to timestamptz;
create index endpoint_paced on webhooks.endpoint (id) where per_minute is not null and state = 'active';
