create index session_operator on operators.session (tenant, operator, started_at);
