-- Looks at the payments that were there before, without keeping anybody from writing.
alter table payment.payment validate constraint payment_round_from_1;
