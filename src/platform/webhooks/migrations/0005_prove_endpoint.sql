-- Expand: an endpoint may have to answer a challenge before it is sent anything. Those that are there have nothing to prove.
alter table webhooks.endpoint drop constraint endpoint_state_check;
alter table webhooks.endpoint add constraint endpoint_state_check check (state in ('active', 'disabled', 'unverified')),
  add column challenge text, add column challenged int not null default 0, add column unproven text;
