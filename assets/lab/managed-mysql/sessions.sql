-- Ending sessions and statements of others, which the admin has no privilege for.
DELIMITER //

CREATE DEFINER = rdsadmin@localhost PROCEDURE rds_check_thread(IN thread BIGINT) SQL SECURITY DEFINER
BEGIN
  DECLARE owner_ VARCHAR(64) DEFAULT (SELECT user FROM information_schema.processlist WHERE id = thread);
  IF owner_ IS NULL THEN CALL mysql.rds_refuse(CONCAT('Unknown thread id: ', COALESCE(thread, 'NULL'))); END IF;
  IF owner_ IN ('rdsadmin', 'system user', 'event_scheduler') THEN
    CALL mysql.rds_refuse('This session belongs to the platform.');
  END IF;
END//

CREATE DEFINER = rdsadmin@localhost PROCEDURE rds_kill(IN thread BIGINT) SQL SECURITY DEFINER
BEGIN
  CALL mysql.rds_check_thread(thread);
  KILL thread;
END//

CREATE DEFINER = rdsadmin@localhost PROCEDURE rds_kill_query(IN thread BIGINT) SQL SECURITY DEFINER
BEGIN
  CALL mysql.rds_check_thread(thread);
  KILL QUERY thread;
END//

DELIMITER ;
