DROP INDEX customer_name_words;
DROP INDEX customer_address;
DROP INDEX account_code_head;
