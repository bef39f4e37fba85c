-- The W3C trace of the request that a run came of, which goes with each of its commands; null without one.
alter table orchestrator.saga add column traceparent text;
