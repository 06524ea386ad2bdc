-- Facts lie in the order of their time, so a few words for each stretch of the table are enough to find those of a request.
create index fact_at on audit.fact using brin (at) with (pages_per_range = 16, autosummarize = on);
