-- Expand: an announcement can be written before it begins, pause, go on and stop, find its people by itself, and be asked how far it is.
alter table notify.campaign
  add column state text not null default 'running' check (state in ('draft', 'running', 'paused', 'stopped')),
  add column audience text, add column gathered boolean not null default true, add column gathered_to uuid, add column wanted int not null default 0,
  add column turn int not null default 0, add column expires_at timestamptz;
alter table notify.message add column campaign uuid;
update notify.message m set campaign = n.campaign from notify.notice n where n.tenant = m.tenant and n.id = m.notice and n.campaign is not null;
create index message_campaign on notify.message (tenant, campaign, state, reason) where campaign is not null and channel <> 'inbox';
