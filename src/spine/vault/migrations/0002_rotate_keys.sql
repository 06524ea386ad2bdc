-- Expand: a data key has followers. Which one seals follows from the time, so that nothing has to be told to all processes in one moment.
alter table vault.tenant_key add column generation int not null default 1;
alter table vault.tenant_key add column seals_from timestamptz;
comment on column vault.tenant_key.seals_from is 'From then on it seals, until the next one does; the first from its making. Every process has read it by then.';
drop index vault.tenant_key_current;
create unique index tenant_key_generation on vault.tenant_key (tenant, purpose, generation);
