-- Takes the ledger's tables and rules away again. Refused by the tables themselves when a batch was
-- ever staged: its partition would be dropped with them.
DO $$
BEGIN
    IF EXISTS (SELECT FROM batch WHERE id <> 0) OR EXISTS (SELECT FROM journal) THEN
        RAISE EXCEPTION 'the ledger has entries: it is not taken down'
            USING ERRCODE = 'restrict_violation';
    END IF;
END $$;
DROP EVENT TRIGGER IF EXISTS books_attach_guard;
DROP FUNCTION books_attach_guard();
DROP TRIGGER batch_complete ON batch;
DROP TRIGGER batch_keep ON batch;
DROP TRIGGER batch_step ON batch;
DROP TRIGGER journal_complete ON journal;
DROP TRIGGER journal_append_only ON journal;
DROP TRIGGER ledger_account_balance ON ledger_account;
DROP TRIGGER ledger_account_append_only ON ledger_account;
DROP TRIGGER balance_guard ON balance;
DROP TRIGGER position_guard ON position;
DROP TABLE ledger_entry;
DROP TABLE position_entry;
DROP SEQUENCE ledger_entry_seq;
DROP SEQUENCE position_entry_seq;
DROP FUNCTION books_digest;
DROP FUNCTION books_settle;
DROP FUNCTION books_batch_complete;
DROP FUNCTION books_batch_step;
DROP FUNCTION books_journal_complete;
DROP FUNCTION books_post_positions;
DROP FUNCTION books_post_cash;
DROP FUNCTION books_move_positions;
DROP FUNCTION books_move_balances;
DROP FUNCTION books_open_balances;
DROP TRIGGER books_keep ON exchange_venue;
DROP TRIGGER books_keep ON exchange_asset;
DROP TRIGGER books_keep ON exchange_contract;
DROP TRIGGER books_keep ON exchange_account;
DROP FUNCTION books_keep;
DROP FUNCTION books_guard;
DROP FUNCTION books_refuse;
ALTER TABLE position DROP CONSTRAINT position_closed_costs_nothing;
ALTER TABLE position RESET (fillfactor);
ALTER TABLE balance RESET (fillfactor);
DELETE FROM batch WHERE id = 0;
