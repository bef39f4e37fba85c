-- How what was owed was settled: by which verb, and the participant's answer or what shows that it was done by hand.
-- Processes of the former release cannot read the journal of a run to which such a verb was said, and leave it alone.
alter table orchestrator.obligation add column settled json;
create type orchestrator.settled_1 as (saga_id uuid, step text, settled text);
