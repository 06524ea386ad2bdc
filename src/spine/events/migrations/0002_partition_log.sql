-- Expand: the same log, in partitions by position. A sequence of its own instead of an identity, which servers before 17 do not have on parents;
-- CACHE 1 stays part of the gap proof, and so does the lock of the parent, which every insert takes before it draws a position.
alter table events.log rename to log_first;
alter index events.log_pkey rename to log_first_pkey;
alter table events.log_first no force row level security;
alter table events.log_first disable row level security;
create sequence events.position as bigint cache 1;
create table events.log (
  pos bigint not null default nextval('events.position'),
  tenant uuid not null,
  topic text not null,
  key text not null,
  id uuid not null,
  version smallint not null,
  at timestamptz not null,
  trace text not null,
  data text not null,
  constraint log_pkey primary key (pos)
) partition by range (pos);
comment on table events.log is 'Everything that happened, in commit-safe order per key. Rows are never changed; whole partitions are dropped when they are old.';
alter sequence events.position owned by events.log.pos;

-- Migrate: the old table is the first partition, as it stands.
do $$
declare
  size constant bigint := 1000000;
  drawn bigint;
  bound bigint;
  policy record;
begin
  for policy in select policyname from pg_policies where schemaname = 'events' and tablename = 'log_first' loop
    execute format('drop policy %I on events.log_first', policy.policyname);
  end loop;
  execute format('select greatest((select coalesce(max(pos), 0) from events.log_first), (select last_value from %s))',
    pg_get_serial_sequence('events.log_first', 'pos')) into drawn;
  perform setval('events.position', drawn + 1, false);
  bound := (drawn / size + 1) * size;
  alter table events.log_first alter column pos drop identity;
  execute format('alter table events.log attach partition events.log_first for values from (minvalue) to (%s)', bound);
end $$;
-- What no other partition takes: an insert never fails because nobody made one in time.
create table events.log_rest partition of events.log default;

-- Only the owner may make and drop tables, and only in these two ways; a short wait for the lock, else the next time.
create function events.make_partitions(size bigint, ahead int) returns int language plpgsql security definer set search_path = pg_catalog
  set lock_timeout = '300ms' as $$
declare
  top bigint;
  made int := 0;
begin
  perform pg_advisory_xact_lock(hashtext('events.make_partitions'));
  loop
    select coalesce(max((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''?(\d+)''?\)'))[1]::bigint), 0) into top
      from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'events.log'::regclass;
    -- What fell into the rest stays there: partitions begin behind it.
    top := greatest(top, (select coalesce(max(pos), 0) / size + 1 from events.log_rest) * size * sign((select count(*) from events.log_rest))::bigint);
    exit when top > (select last_value from events.position) + size * ahead or made >= ahead + 1;
    execute format('create table %s (like events.log including defaults including constraints including indexes)', 'events.log_' || top);
    execute format('alter table events.log attach partition events.log_%s for values from (%s) to (%s)', top, top, top + size);
    made := made + 1;
  end loop;
  return made;
end $$;
revoke all on function events.make_partitions(bigint, int) from public;

create function events.drop_partitions(before timestamptz, read_to bigint) returns int language plpgsql security definer set search_path = pg_catalog
  set lock_timeout = '300ms' as $$
declare
  part record;
  newest timestamptz;
  dropped int := 0;
begin
  for part in select c.relname as name, (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''?(\d+)''?\)'))[1]::bigint as upper
    from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'events.log'::regclass loop
    continue when part.upper is null or part.upper > read_to;
    execute format('select at from events.%I order by pos desc limit 1', part.name) into newest;
    continue when newest >= before;
    execute format('drop table events.%I', part.name);
    dropped := dropped + 1;
  end loop;
  return dropped;
end $$;
revoke all on function events.drop_partitions(timestamptz, bigint) from public;
