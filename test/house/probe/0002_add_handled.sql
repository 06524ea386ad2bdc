create table probe.handled (tenant uuid not null, n bigint primary key);
comment on table probe.handled is 'Which events had their effect, in as few bytes as can say so, and each only once.';
