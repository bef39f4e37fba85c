-- Which version of its saga a run was begun with. It stays with it, so that a saga can be changed while runs of
-- the former version are open. The default is for code that knows the first version alone.
alter table orchestrator.saga add column version integer not null default 1;
