-- A letter that was handed to the mail server is never another one.

CREATE TRIGGER kept_letter_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON kept_letter
    FOR EACH STATEMENT EXECUTE FUNCTION desk_append_only();
