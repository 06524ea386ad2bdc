create table audit.spool (
  tenant uuid not null,
  file uuid not null,
  facts int not null,
  at timestamptz not null,
  primary key (tenant, file)
);
comment on table audit.spool is 'Spool files whose facts were replayed; written in the commit of the facts, so that none is replayed twice.';
