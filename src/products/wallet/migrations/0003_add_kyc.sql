create table wallet.kyc_case (
  tenant uuid not null,
  id uuid not null,
  person uuid not null,
  state text not null check (state in ('open', 'approved', 'refused')),
  reason text,
  opened_at timestamptz not null,
  decided_at timestamptz,
  primary key (tenant, id),
  check ((state = 'open') = (decided_at is null)),
  check ((state = 'refused') = (reason is not null))
);
comment on table wallet.kyc_case is 'What a holder asked to be known by, and what two operators said of it.';
create unique index kyc_case_open on wallet.kyc_case (tenant, person) where state = 'open';
create index kyc_case_person on wallet.kyc_case (tenant, person, opened_at);
create index kyc_case_state on wallet.kyc_case (tenant, state, opened_at, id);

create table wallet.document (
  tenant uuid not null,
  id uuid not null,
  "case" uuid not null,
  person uuid not null,
  kind text not null check (kind in ('identity', 'address')),
  type text not null,
  bytes int not null check (bytes > 0),
  sha256 bytea not null check (length(sha256) = 32),
  object text not null,
  uploaded_at timestamptz not null,
  primary key (tenant, id)
);
comment on table wallet.document is 'Documents of a case: what each is and where it is kept, sealed under its holder''s key. The bytes are never here. Insert-only.';
create unique index document_once on wallet.document (tenant, "case", object);

create table wallet.kyc_vote (
  tenant uuid not null,
  "case" uuid not null,
  operator uuid not null,
  verdict text not null check (verdict in ('approve', 'refuse')),
  at timestamptz not null,
  primary key (tenant, "case", operator)
);
comment on table wallet.kyc_vote is 'What each operator said of a case, once. Two different ones approve. Insert-only.';

create table wallet.sanctioned (
  tenant uuid not null,
  id text not null,
  name text not null,
  birth_date text,
  list uuid not null,
  primary key (tenant, id)
);
comment on table wallet.sanctioned is 'Entries of a public sanctions list, as it publishes them. `list` is the import that brought an entry last.';
create index sanctioned_list on wallet.sanctioned (tenant, list);

create table wallet.sanctioned_name (
  tenant uuid not null,
  entry text not null,
  name text not null,
  keys text[] not null,
  primary key (tenant, entry, name)
);
comment on table wallet.sanctioned_name is 'Names and aliases of entries in their plain form, with keys by which like-sounding ones are found.';
create index sanctioned_name_keys on wallet.sanctioned_name using gin (keys);

create table wallet.hit (
  tenant uuid not null,
  id uuid not null,
  person uuid not null,
  entry text not null,
  score int not null check (score between 0 and 1000),
  state text not null check (state in ('open', 'cleared', 'confirmed')),
  found_at timestamptz not null,
  operator uuid,
  decided_at timestamptz,
  primary key (tenant, id),
  check ((state = 'open') = (operator is null))
);
comment on table wallet.hit is 'Holders who are like an entry of the sanctions list, in thousandths, until an operator has looked.';
create unique index hit_once on wallet.hit (tenant, person, entry);
create index hit_state on wallet.hit (tenant, state, found_at, id);
