create table probe.item (tenant uuid not null, key text not null, n bigint not null, primary key (tenant, key));
comment on table probe.item is 'Something for a test''s verbs to change.';
create table probe.effect (
  pos bigint generated always as identity primary key, tenant uuid not null, subscriber text not null, event text not null, key text not null, n bigint not null, trace text
);
comment on table probe.effect is 'What a test''s reactions and jobs did, in the order in which they did it.';
