create table taxrefund.refund (
  tenant uuid not null,
  id uuid not null,
  person uuid not null,
  year smallint not null,
  return_no smallint not null,
  version int not null,
  events int not null,
  code text not null,
  phase text not null,
  projection text not null,
  account text,
  updated_at timestamptz not null,
  primary key (tenant, id)
) with (fillfactor = 80, toast_tuple_target = 8160);
comment on table taxrefund.refund is 'The status of each return: one projection of its events, rewritten with each of them. The account''s last digits are sealed.';
create unique index refund_return on taxrefund.refund (tenant, person, year, return_no);

create table taxrefund.event (
  tenant uuid not null,
  id uuid not null,
  refund uuid not null,
  source text not null,
  source_event_id text not null,
  source_version int not null,
  occurred_at timestamptz not null,
  received_at timestamptz not null,
  code text not null,
  facts text not null,
  primary key (tenant, id)
);
comment on table taxrefund.event is 'What the authority said about a return, as it said it. Insert-only; the status is computed from these rows alone.';
create unique index event_once on taxrefund.event (tenant, refund, source, source_event_id, source_version);

create table taxrefund.quarantine (
  tenant uuid not null,
  id uuid not null,
  at timestamptz not null,
  reason text not null,
  line text not null,
  line_no int not null,
  feed text not null,
  state text not null check (state in ('open', 'replayed', 'dismissed')),
  decided_at timestamptz,
  primary key (tenant, id)
);
comment on table taxrefund.quarantine is 'Lines of the feed that wait for a person, sealed as they came, each with its reason. None is ever dropped.';
create index quarantine_open on taxrefund.quarantine (tenant, at) where state = 'open';

create function taxrefund.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'refund events are never changed or removed';
end $$;
create trigger event_is_final before update or delete or truncate on taxrefund.event for each statement execute function taxrefund.refuse_change();
