-- Many facts of one transaction share a row: a row of its own costs a fact, with its places in the indexes, five times what the fact does.
-- One numbering for both: each row draws a multiple of 4096, and the facts
-- of a sheet bear the numbers from there on.
alter table audit.fact alter column seq set increment by 4096;
select setval('audit.fact_seq_seq', (last_value / 4096 + 1) * 4096, false) from audit.fact_seq_seq;
create table audit.sheet (
  seq bigint primary key default nextval('audit.fact_seq_seq'),
  tenant uuid not null,
  at timestamptz not null,
  n int not null check (n between 1 and 4096),
  subjects uuid[] not null,
  facts text not null
);
comment on table audit.sheet is 'Many facts that one transaction wrote, of one tenant and one instant. Insert-only; audit.entry shows each as a row.';
comment on column audit.sheet.seq is 'The number of its first fact; the others follow.';
comment on column audit.sheet.facts is 'A line for each fact; its fields stand between units (0x1F), and one that is empty is null. See audit.unpack.';
comment on column audit.sheet.subjects is 'Whom its facts are about, each once: where a search for a person begins.';
-- Sealed texts and ids do not get smaller.
alter table audit.sheet alter column facts set storage external, alter column subjects set storage external;
create index sheet_at on audit.sheet using brin (at) with (pages_per_range = 16, autosummarize = on);
-- What waits to be put into the index is put there by whoever makes it too long: a little often is felt less than much at once.
create index sheet_subjects on audit.sheet using gin (subjects) with (gin_pending_list_limit = 256);
create trigger sheet_is_final before update or delete or truncate on audit.sheet for each statement execute function audit.refuse_change();

create function audit.unpack(seq bigint, tenant uuid, at timestamptz, facts text) returns setof audit.fact language sql stable parallel safe as $$
  select $1 + i - 1, f[1]::uuid, $2, $3, f[2], f[3]::uuid, f[4]::uuid, f[5], f[6], f[7]::uuid, f[8], f[9], f[10], f[11]::int, f[12], f[13]
  from string_to_table($4, e'\n') with ordinality l (line, i) cross join lateral string_to_array(line, e'\x1f', '') f
$$;
comment on function audit.unpack(bigint, uuid, timestamptz, text) is 'The facts of a sheet, as rows of their own would be.';

create view audit.entry with (security_invoker = true) as
  select * from audit.fact union all select u.* from audit.sheet s cross join lateral audit.unpack(s.seq, s.tenant, s.at, s.facts) u;
comment on view audit.entry is 'Every fact, in whichever row it stands. Takes all sheets apart: for a look by hand, not for a request.';

-- Row-level security has its own condition looked at before any that might tell what it sees, so that one could use no index. This tells numbers only.
create function audit.sheets_about(whom uuid, before bigint) returns setof bigint language sql stable security definer set search_path = pg_catalog as $$
  select seq from audit.sheet
  where subjects @> array[whom] and seq < before and tenant = nullif(current_setting('app.tenant', true), '')::uuid
$$;
revoke all on function audit.sheets_about(uuid, bigint) from public;
comment on function audit.sheets_about(uuid, bigint) is 'Sheets of the tenant that hold a fact about a person.';

-- A sequencer that knows no sheets would pass their numbers: it is refused, and what it did not place waits for one that does.
do $$ begin
  execute format('alter table audit.leaf drop constraint leaf_form_check, add constraint leaf_form_check check (form = 3 or (form in (1, 2) and pos <= %s))',
    (select coalesce(max(pos), 0) from audit.leaf));
end $$;
comment on column audit.leaf.form is 'What the leaves are hashes of: 1, the fact''s columns as text in a JSON array; 2, record_send of them; 3, that, and of a fact in a sheet its number, tenant, instant and line.';
