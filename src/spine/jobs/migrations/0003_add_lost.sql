-- Of the tries, those that ended with their process: they are no reason to wait longer.
alter table jobs.job add column lost smallint not null default 0;
