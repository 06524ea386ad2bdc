create table audit.fact (
  seq bigint generated always as identity (cache 1) primary key,
  id uuid not null,
  tenant uuid not null,
  at timestamptz not null,
  actor_kind text not null,
  actor uuid,
  session uuid,
  action text not null,
  result text not null check (result in ('done', 'refused', 'failed')),
  subject uuid,
  resource text,
  problem text,
  trace text not null,
  latency_us int,
  detail text,
  origin text
);
comment on table audit.fact is 'Who did what to whom, when, with which result; in the commit of what it records. Address and agent are sealed in origin. Insert-only.';
create index fact_subject on audit.fact (tenant, subject, seq) where subject is not null;

create table audit.leaf (
  pos bigint primary key,
  fact_seq bigint not null,
  fact_id uuid not null,
  leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
  chain_hash bytea not null check (octet_length(chain_hash) = 32)
);
comment on table audit.leaf is 'The place of each fact in the chain, dense from 1. Written by the sequencer within a second of the fact. Insert-only.';

create function audit.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'audit rows are never changed or removed';
end $$;
create trigger fact_is_final before update or delete or truncate on audit.fact for each statement execute function audit.refuse_change();
create trigger leaf_is_final before update or delete or truncate on audit.leaf for each statement execute function audit.refuse_change();
