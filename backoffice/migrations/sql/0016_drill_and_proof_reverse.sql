DROP TRIGGER plan_reconciled ON plan;
DROP FUNCTION plan_reconciled();
DROP TRIGGER reconciliation_append_only ON reconciliation;
DROP TRIGGER person_stays_of_the_drill ON backoffice_person;
DROP FUNCTION person_stays_of_the_drill();
