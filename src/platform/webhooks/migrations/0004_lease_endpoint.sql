-- An endpoint is one worker's at a time, under a lease; deliveries are written when they are over, and not when they are begun.
alter table webhooks.endpoint add column worker uuid, add column lease_until timestamptz;
create index endpoint_held on webhooks.endpoint (worker, id) where worker is not null;
-- What an older program has under way is sent again, with the same id.
update webhooks.delivery set status = 'waiting', next_at = created_at, lease_until = null, worker = null where status = 'sending';
drop index webhooks.delivery_sending;
drop index webhooks.delivery_ordered;
create index delivery_ordered on webhooks.delivery (endpoint, id) where ordered and status = 'waiting';
-- A success stands in its delivery; a row of its own is for a failure.
alter table webhooks.delivery add column ms int, add column code smallint;
comment on table webhooks.attempt is 'What became of each try that failed: the answer’s status or the error, how long it took, and the beginning of the answer, sealed.';
comment on table webhooks.delivery is 'One event on its way to one endpoint: tried by a ladder, done with the time and status of the try that succeeded, dead after the last.';
