-- A movement names the accounts that it debits and credits, and that is the ledger. `ledger_entry` is neither read nor
-- written any more; it goes in the next release, because processes of the former one write it still.
comment on table payment.ledger_entry is 'Entries of earlier releases. Goes in the next one.';
