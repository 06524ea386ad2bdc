create table console.view (
  tenant uuid not null,
  id uuid not null,
  operator uuid not null,
  room text not null check (length(room) <= 40),
  name text not null,
  name_index bytea not null,
  search text not null,
  saved_at timestamptz not null,
  primary key (tenant, id),
  unique (tenant, operator, room, name_index)
);
comment on table console.view is 'Filters of a room that an operator keeps under a name of their own. Name and filters are what somebody typed, so they are sealed.';
