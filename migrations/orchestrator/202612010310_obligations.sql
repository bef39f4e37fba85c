-- Obligations of all runs are listed, the oldest first.
create index obligation_in_order on orchestrator.obligation (opened_at, saga_id, seq);
