-- The trace of whoever asked last, for the reply; null without one.
alter table payment.operation add column traceparent text;
