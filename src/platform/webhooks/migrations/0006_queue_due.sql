-- What waits stands in a table of its own, in the order in which it is due. A delivery that is over then changes no column that an index holds: its new
-- version stays in its page, and no index is written.
create table webhooks.due (
  tenant uuid not null,
  endpoint uuid not null,
  next_ms bigint not null,
  delivery bigint not null,
  message uuid not null,
  attempts smallint not null,
  ordered boolean not null,
  primary key (endpoint, next_ms, delivery)
) with (autovacuum_vacuum_scale_factor = 0.02);
comment on table webhooks.due is 'A row for each delivery that waits: when it is due (milliseconds since 1970), and what a claim has to know of it.';
create index due_ordered on webhooks.due (endpoint, delivery) where ordered;
insert into webhooks.due (tenant, endpoint, next_ms, delivery, message, attempts, ordered)
  select tenant, endpoint, floor(extract(epoch from next_at) * 1000), id, message, attempts, ordered from webhooks.delivery where status = 'waiting';

-- By a trigger, so that deliveries of an older program that still runs are sent too. What such a program sends from here on is sent again, with the same id.
create function webhooks.put_due() returns trigger language plpgsql as $$
begin
  insert into webhooks.due (tenant, endpoint, next_ms, delivery, message, attempts, ordered)
    select tenant, endpoint, floor(extract(epoch from next_at) * 1000), id, message, attempts, ordered from fresh where status = 'waiting';
  return null;
end
$$;
create trigger delivery_is_due after insert on webhooks.delivery referencing new table as fresh for each statement execute function webhooks.put_due();
drop index webhooks.delivery_waiting;
drop index webhooks.delivery_ordered;
