-- What was used in the window before: for limits that count by windows.
alter table limits.bucket add column before double precision not null default 0;
