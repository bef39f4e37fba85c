-- Looks at the runs that were there before, without keeping anybody from writing.
alter table orchestrator.run validate constraint run_state_fits;
