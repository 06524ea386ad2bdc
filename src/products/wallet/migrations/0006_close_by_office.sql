create table wallet.office_closing (
  tenant uuid not null,
  id uuid not null,
  account uuid not null,
  person uuid not null,
  "into" uuid,
  let_go boolean not null,
  reason text not null check (reason in ('holder-asked', 'holder-died', 'terms', 'other')),
  state text not null check (state in ('open', 'done', 'refused')),
  asked_by uuid not null,
  asked_at timestamptz not null,
  decided_by uuid,
  decided_at timestamptz,
  primary key (tenant, id),
  check ((state = 'open') = (decided_by is null)),
  check ((decided_by is null) = (decided_at is null)),
  check (state <> 'done' or decided_by <> asked_by)
);
comment on table wallet.office_closing is 'Closings that an operator asked for, with the reason, and what another said of each.';
create unique index office_closing_open on wallet.office_closing (tenant, account) where state = 'open';
create index office_closing_state on wallet.office_closing (tenant, state, asked_at, id);
create index office_closing_account on wallet.office_closing (tenant, account, asked_at);

alter table wallet.account add column closed_by_office boolean not null default false;
alter table wallet.account add constraint account_closed_by check (state = 'closed' or not closed_by_office);
