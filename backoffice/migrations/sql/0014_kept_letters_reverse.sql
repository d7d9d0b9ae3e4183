DROP TRIGGER kept_letter_append_only ON kept_letter;
