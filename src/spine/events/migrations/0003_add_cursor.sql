create table events.cursor (
  subscriber text not null,
  -- Which part of the keys, by hash.
  part smallint not null,
  pos bigint not null default 0,
  owner uuid,
  lease_until timestamptz,
  failures int not null default 0,
  error text,
  primary key (subscriber, part)
) with (fillfactor = 50);
comment on table events.cursor is 'How far each part of each subscriber has come; moved by compare-and-set in the transaction of the effect, by the process that has its lease.';
insert into events.cursor (subscriber, part, pos, failures, error)
  select name, part, pos, failures, error from events.subscriber, generate_series(0, 3) part;
drop table events.subscriber;

create table events.relay (
  id uuid primary key,
  seen_until timestamptz not null
);
comment on table events.relay is 'Processes that move subscribers along, while they are alive: each takes its share of the cursors.';

alter table events.parked add column released_at timestamptz;
create index parked_released on events.parked (subscriber, tenant, key, pos) where released_at is not null;

create table events.inbox (
  source text not null,
  message text not null,
  tenant uuid not null,
  at timestamptz not null,
  primary key (tenant, source, message)
);
comment on table events.inbox is 'Messages from outside that have had their effect, each written in its commit: a second delivery changes nothing.';
