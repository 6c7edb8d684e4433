-- Lists ortto's tables where programs look for tables: as TEMP tables of the same names, until the connection closes.
-- It is for any program, once the extension is loaded: examples/hosts.md says where it goes.
CREATE VIRTUAL TABLE IF NOT EXISTS temp.ortto_people USING ortto(table=people);
CREATE VIRTUAL TABLE IF NOT EXISTS temp.ortto_accounts USING ortto(table=accounts);
CREATE VIRTUAL TABLE IF NOT EXISTS temp.ortto_audiences USING ortto(table=audiences);
CREATE VIRTUAL TABLE IF NOT EXISTS temp.ortto_audience_members USING ortto(table=audience_members);
CREATE VIRTUAL TABLE IF NOT EXISTS temp.ortto_tags USING ortto(table=tags);
CREATE VIRTUAL TABLE IF NOT EXISTS temp.ortto_activities USING ortto(table=activities);
CREATE VIRTUAL TABLE IF NOT EXISTS temp.ortto_activity_types USING ortto(table=activity_types);
CREATE VIRTUAL TABLE IF NOT EXISTS temp.ortto_person_custom_fields USING ortto(table=person_custom_fields);
CREATE VIRTUAL TABLE IF NOT EXISTS temp.ortto_account_custom_fields USING ortto(table=account_custom_fields);
CREATE VIRTUAL TABLE IF NOT EXISTS temp.ortto_fields USING ortto(table=fields);
