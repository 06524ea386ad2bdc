create table events.log (
  -- CACHE 1 is part of the gap proof: a position is drawn while the inserting transaction holds its lock on this table.
  pos bigint generated always as identity (cache 1) primary key,
  tenant uuid not null,
  topic text not null,
  key text not null,
  id uuid not null,
  version smallint not null,
  at timestamptz not null,
  trace text not null,
  data text not null
);
comment on table events.log is 'Everything that happened, in commit-safe order per key. Rows are never changed.';

create table events.subscriber (
  name text primary key,
  pos bigint not null default 0,
  failures int not null default 0,
  error text
) with (fillfactor = 50);
comment on table events.subscriber is 'How far each subscriber has come; moved by compare-and-set in the transaction of the effect.';

create table events.parked (
  subscriber text not null,
  pos bigint not null,
  tenant uuid not null,
  key text not null,
  error text not null,
  at timestamptz not null,
  primary key (subscriber, pos)
);
comment on table events.parked is 'Events whose handler kept failing, and later events of the same key: set aside, not lost.';
create index parked_key on events.parked (subscriber, tenant, key);
