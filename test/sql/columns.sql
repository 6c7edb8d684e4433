-- The columns of the eight tables: names, declared types, keys, and which are hidden.
-- sandbox: --people 3 --custom 0 --account-custom 0
-- env: ORTTO_RATE=0
SELECT name, type, pk, hidden FROM pragma_table_xinfo('ortto_people');
SELECT name, type, pk, hidden FROM pragma_table_xinfo('ortto_accounts');
SELECT name, type, pk, hidden FROM pragma_table_xinfo('ortto_audiences');
SELECT name, type, pk, hidden FROM pragma_table_xinfo('ortto_tags');
SELECT name, type, pk, hidden FROM pragma_table_xinfo('ortto_person_custom_fields');
SELECT name, type, pk, hidden FROM pragma_table_xinfo('ortto_account_custom_fields');
SELECT name, type, pk, hidden FROM pragma_table_xinfo('ortto_activities');
SELECT name, type, pk, hidden FROM pragma_table_xinfo('ortto_fields');
SELECT name, type, pk, hidden FROM pragma_table_xinfo('ortto_log');
