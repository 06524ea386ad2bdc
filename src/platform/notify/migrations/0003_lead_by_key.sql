-- Indexes that begin with the tenant and hold the id were taken for a message's own while the table had no statistics: they read all of the tenant's.
create index message_of on notify.message (person, id);
create index message_in on notify.message (state, tenant, id);
drop index notify.message_person;
drop index notify.message_state;
