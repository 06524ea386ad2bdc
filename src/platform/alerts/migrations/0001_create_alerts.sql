create table alerts.alert (
  tenant uuid not null,
  id uuid not null,
  topic text not null,
  key text not null,
  data text not null,
  trace text not null,
  times int not null default 1,
  raised_at timestamptz not null,
  last_at timestamptz not null,
  closed_at timestamptz,
  closed_by uuid,
  primary key (tenant, id)
);
comment on table alerts.alert is 'What needs a person of the tenant: one open row for each kind of event and entity, with how often it happened.';
create unique index alert_open on alerts.alert (tenant, topic, key) where closed_at is null;
