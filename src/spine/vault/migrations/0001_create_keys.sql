create table vault.tenant_key (
  tenant uuid not null,
  key_id text not null,
  purpose text not null check (purpose in ('data', 'index')),
  wrapped text not null,
  state text not null check (state in ('current', 'old', 'destroyed')),
  created_at timestamptz not null,
  primary key (tenant, key_id)
);
comment on table vault.tenant_key is 'Data keys of a tenant, wrapped by the key-encryption key of its cell.';
create unique index tenant_key_current on vault.tenant_key (tenant, purpose) where state = 'current';

create table vault.subject_key (
  tenant uuid not null,
  subject uuid not null,
  wrapped text not null,
  primary key (tenant, subject)
);
comment on table vault.subject_key is 'One key a person, sealed by the tenant''s data key. Destroying it makes everything sealed under it unreadable, in backups too.';
